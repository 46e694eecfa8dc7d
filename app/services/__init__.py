"""What every door calls: search, documents, and the state of the process."""
