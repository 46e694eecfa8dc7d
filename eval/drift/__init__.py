"""Drift: what changed in traffic, answers and index, whether that is more than chance, and what caused it."""
