"""The judging half: what exists only when someone asks how good the answers are."""
