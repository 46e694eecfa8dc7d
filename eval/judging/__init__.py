"""Answers and contexts judged with ragas: from ids and texts alone, or by a model at an endpoint."""
