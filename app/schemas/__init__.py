"""The wire: what requests and answers look like."""
