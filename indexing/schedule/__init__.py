"""What runs by itself: jobs at their moments, one at a time, under one lease of the home."""
