"""What a search asks of a shard: vectors, postings, scores by terms, attributes."""
