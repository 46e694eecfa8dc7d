"""Files that clients bring: kept, read and taken away."""
