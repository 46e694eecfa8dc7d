"""Model versions: registry, compiler, embedder and reranker."""
