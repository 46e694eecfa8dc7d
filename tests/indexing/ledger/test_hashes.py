"""Keyed hashes."""

from indexing.ledger.hashes import QUERY, USER, keyed_hash


def test_a_hash_depends_on_the_secret_the_purpose_and_the_value() -> None:
    made = keyed_hash(b"secret", USER, b"4711")
    assert made == keyed_hash(b"secret", USER, b"4711")
    assert len(made) == 32
    others = {
        keyed_hash(b"other", USER, b"4711"),
        keyed_hash(b"secret", QUERY, b"4711"),
        keyed_hash(b"secret", USER, b""),
    }
    assert len(others | {made}) == 4
