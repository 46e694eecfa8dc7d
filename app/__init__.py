"""The online half: what exists only when someone asks."""
