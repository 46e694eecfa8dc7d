"""Measurements of searches: quality, speed, indexes, many tenants."""
