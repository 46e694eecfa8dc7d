"""From documents to a snapshot: plan, tasks, workers and placement."""
