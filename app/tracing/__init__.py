"""What a collector of traces is told of requests: names, times and outcomes of what was done."""
