"""Measures, experiments and what they measure."""
