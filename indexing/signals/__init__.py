"""What processes of a home tell each other at once, by Redis: it spares a wait, and may be lost."""
