"""The judging half's commands: ``groundwork eval`` and ``groundwork demo``."""
