"""The offline half and everything that must be identical offline and online."""
