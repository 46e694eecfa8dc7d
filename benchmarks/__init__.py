"""Measurements of Groundwork, run from the project's folder as modules: ``python -m benchmarks.FOLDER.NAME``."""
