"""Measurements of how quality is judged: whether intervals hold the truth, and whether what is damaged is caught."""
