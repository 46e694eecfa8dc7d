"""Measurements of builds: encoding, what a change costs, workers."""
