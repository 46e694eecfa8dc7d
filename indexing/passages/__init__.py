"""From a document's text to passages."""
