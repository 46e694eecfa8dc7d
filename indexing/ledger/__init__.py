"""The ledger: what was asked, what served it and what was answered, append-only, one file a day."""
