"""The command line of the offline half: one module for each group of commands."""
