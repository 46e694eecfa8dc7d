"""The HTTP routes, one module a family."""
