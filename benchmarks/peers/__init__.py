"""Groundwork beside txtai and Chroma: the measurements, and what runs in the environment of the peers."""
