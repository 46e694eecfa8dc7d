"""Keys, rates, deadlines and limits of concurrency."""
