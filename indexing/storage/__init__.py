"""Immutable artefacts, the locks of a home, and files that are written whole or not at all."""
