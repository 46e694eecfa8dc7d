"""The rows of a home: every SQL statement stands in this folder."""
