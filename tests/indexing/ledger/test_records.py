"""What a row says was asked."""

from indexing.ledger.records import asked_text


def test_what_was_asked_in_a_chat_is_its_last_words_of_the_user_and_rows_of_before_are_read():
    parts = [{"type": "text", "text": "and"}, {"type": "text", "text": "how often?"}]
    turns = [{"role": "user", "content": "one"}, {"role": "user", "content": parts}, {"role": "user", "content": " "}]
    assert asked_text({"messages": [*turns, {"role": "assistant", "content": "Let me look."}]}) == "and\nhow often?"
    assert asked_text({"query": "why", "vector": [1.0]}) == "why"
    assert [asked_text(query) for query in (None, {}, {"vector": [1.0]}, {"messages": turns[2:]})] == [""] * 4
