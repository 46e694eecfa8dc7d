"""Open releases, and the cache of query vectors."""
