"""Disturbances: kills, lost brokers, swaps under load, a working day at once."""
