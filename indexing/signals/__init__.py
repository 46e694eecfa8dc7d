"""Signals: how a process tells others of its home at once, by a Redis that may be lost."""
