"""Fresh writes: documents that no snapshot holds yet."""
