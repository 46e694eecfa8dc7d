"""Shards and the snapshots that list them: their files, manifests and views."""
