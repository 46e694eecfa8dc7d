"""Feature views, the embedding store, and conversations as features."""
