"""Recipes, releases, and which recipe was deployed when."""
