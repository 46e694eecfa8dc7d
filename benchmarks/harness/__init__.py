"""What the benchmarks share: the load generator, the server starter, the recorder, clusters, made corpora."""
