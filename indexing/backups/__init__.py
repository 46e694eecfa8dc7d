"""A second copy of a home: made while the home is in use, verified when it is made and when it is restored."""
