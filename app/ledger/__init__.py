"""What fills the ledger: ids, a queue with its writer, and counts that outlive a kill."""
