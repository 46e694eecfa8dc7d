"""Query sets and the formats they come in."""
