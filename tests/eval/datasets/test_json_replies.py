"""JSON is found wherever a model puts it."""

import pytest

from eval.datasets.json_replies import json_of


@pytest.mark.parametrize(
    "reply",
    [
        '{"a": [1]}',
        'Sure! Here it is:\n```json\n{"a": [1]}\n```\nAnything else?',
        '```\n{"a": [1]}\n```',
        '<think>{"a": "no"} or perhaps {</think>\n{"a": [1]}',
        'Of {many} things, [1]: {"a": [1]} {"b": 2}',
        'As said {above}:\n```JSON\n\n{"a": [1]}\n```',
    ],
)
def test_an_object_is_found(reply):
    assert json_of(reply, dict) == {"a": [1]}


def test_a_list_is_found_and_a_line_break_inside_a_text_is_taken():
    assert json_of('{"of": "no use"}\n["one\ntwo", "three"]', list) == ["one\ntwo", "three"]


@pytest.mark.parametrize("reply", ["", "Yes.", '{"a": [1, 2', "{" * 100_000, "[" * 100_000])
def test_what_holds_none_is_refused_without_quoting_it(reply):
    with pytest.raises(ValueError, match=rf"a reply of {len(reply)} characters holds no JSON object") as raised:
        json_of(reply, dict)
    assert "Yes" not in str(raised.value)
