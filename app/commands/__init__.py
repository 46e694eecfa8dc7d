"""Commands of the online half: one file each."""
