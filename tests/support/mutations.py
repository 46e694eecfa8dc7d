"""Strategies that change what is valid a little, so that parsers are asked more than whether it begins right."""

import copy

from hypothesis import settings
from hypothesis import strategies as st

HOSTILE = [
    None,
    True,
    -1,
    2**63,
    1e308,
    float("nan"),
    "",
    "\x00",
    "../../etc/passwd",
    "\ud800",
    "x" * 5_000,
    [],
    [[]],
    {},
    {"": None},
]
"""Values that break what takes them for something else."""
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
_PIECES = [b"", b"\x00", b"\xff\xfe", b"<", b">", b"%", b"(" * 50, b"\\", b"\r\n\r\n", b"9" * 30, b"{", b"--", b"\xc3"]


def examples(quick):
    """Settings of a fuzzing test: ``quick`` examples in the suite, and many more in ``make fuzz``."""
    return settings(max_examples=max(1, quick * settings().max_examples // 100))


def _places(value):
    """Every container in JSON, with each of its keys."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


@st.composite
def changed(draw, value):
    """JSON like ``value``, in which some fields are other values, are gone or have company."""
    whole = [copy.deepcopy(value)]
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(whole))
        container, key = places[draw(st.integers(0, len(places) - 1))]
        deed = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if deed == "remove" and container is not whole:
            del container[key]
        elif deed == "add" and isinstance(container, dict):
            container[draw(st.text(max_size=8))] = draw(JSON)
        else:
            container[key] = copy.deepcopy(draw(st.sampled_from(HOSTILE) | JSON))
    return whole[0]


@st.composite
def damaged(draw, data):
    """Bytes like ``data``, with pieces cut out, doubled, or replaced by what parsers look for."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 40)))
        piece = draw(st.sampled_from(_PIECES) | st.binary(max_size=8))
        again = data[start:stop] * draw(st.sampled_from([0, 0, 1, 2]))
        data = data[:start] + piece + again + data[stop:]
    return data
