"""What may be freed, and what must be erased."""
