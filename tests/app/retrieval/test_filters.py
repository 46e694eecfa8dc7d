"""Filters pick exactly the documents that a plain reading of their metadata picks, and only what the caller may see."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.retrieval.filters import Comparison, Compound, Filter, matching
from indexing.indexes.attributes import AttributeSegment, build_attributes
from indexing.records import Document, Json

KEYS = st.sampled_from(["a", "b", "ä", "", "a\0b", "topic"])
STRINGS = st.text(max_size=4) | st.sampled_from(["a", "ab", "a\0", "2026-11-24", "2026-11-25"])
NUMBERS = (
    st.integers(-3, 3)
    | st.floats(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([0.0, -0.0, 2**53, 2**53 + 1, -(2**53) - 1])
)
SCALARS = STRINGS | NUMBERS | st.booleans()
METADATA = st.dictionaries(
    KEYS,
    SCALARS | st.none() | st.lists(SCALARS | st.none(), max_size=3) | st.dictionaries(KEYS, SCALARS, max_size=1),
    max_size=3,
)
ORDERED = STRINGS | NUMBERS
COMPARISONS = st.one_of(
    st.builds(lambda t, k, v: Comparison(t, k, (v,)), st.sampled_from(["eq", "ne"]), KEYS, SCALARS),
    st.builds(lambda t, k, v: Comparison(t, k, (v,)), st.sampled_from(["gt", "gte", "lt", "lte"]), KEYS, ORDERED),
    st.builds(
        lambda t, k, v: Comparison(t, k, tuple(v)), st.sampled_from(["in", "nin"]), KEYS, st.lists(SCALARS, max_size=3)
    ),
)
FILTERS = st.recursive(
    COMPARISONS,
    lambda inner: st.builds(
        lambda t, parts: Compound(t, tuple(parts)),
        st.sampled_from(["and", "or"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)
PRINCIPALS = st.lists(st.sampled_from(["ann", "bob", "staff", ""]), max_size=3)
ALLOW = st.none() | PRINCIPALS.map(tuple)


def kind_of(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number" if isinstance(value, int | float) else "other"


def fits(filter_: Filter, metadata: Mapping[str, Json]) -> bool:
    """What a filter means, read off one document."""
    if isinstance(filter_, Compound):
        join = all if filter_.type == "and" else any
        return join(fits(part, metadata) for part in filter_.filters)
    held = metadata.get(filter_.key)
    values = held if isinstance(held, list) else [held]

    def holds(one: Json, wanted: Json) -> bool:
        if kind_of(one) != kind_of(wanted):
            return False
        return {
            "gt": lambda: one > wanted,
            "gte": lambda: one >= wanted,
            "lt": lambda: one < wanted,
            "lte": lambda: one <= wanted,
        }.get(filter_.type, lambda: one == wanted)()

    found = any(holds(one, wanted) for one in values if one is not None for wanted in filter_.values)
    return not found if filter_.type in ("ne", "nin") else found


def may_see(allow: Sequence[str] | None, principals: Sequence[str]) -> bool:
    return allow is None or bool(set(allow) & set(principals))


def segment_of(documents: Sequence[Document], before: Sequence[Document] = ()) -> AttributeSegment:
    """The attributes of documents that stand in a shard behind another partition's."""
    arrays, ranges = build_attributes([before, documents])
    return AttributeSegment(arrays, ranges[1], len(before), len(documents))


def picked(filter_: Filter | None, principals: Sequence[str], segment: AttributeSegment) -> list[bool]:
    mask = matching(filter_, principals)(segment)
    return [True] * segment.documents if mask is None else mask.tolist()


def documents_of(metadatas: Sequence[Mapping[str, Json]]) -> list[Document]:
    return [Document(f"d{number}", "", "", "", metadata) for number, metadata in enumerate(metadatas)]


@given(st.lists(METADATA, max_size=8), FILTERS)
def test_a_filter_picks_what_reading_each_document_picks(metadatas: list[dict[str, Json]], filter_: Filter) -> None:
    segment = segment_of(documents_of(metadatas), documents_of([{"a": "a", "b": 1, "topic": True}]))
    expected = [fits(filter_, metadata) for metadata in metadatas]
    assert picked(filter_, (), segment) == expected


@given(st.lists(ALLOW, max_size=8), PRINCIPALS)
def test_a_document_with_permissions_is_seen_by_those_alone(
    allows: list[tuple[str, ...] | None], asks: list[str]
) -> None:
    documents = [Document(f"d{n}", "", "", "", {}, allow=allow) for n, allow in enumerate(allows)]
    assert picked(None, asks, segment_of(documents)) == [may_see(allow, asks) for allow in allows]


@given(st.lists(st.tuples(METADATA, ALLOW), max_size=6), FILTERS, PRINCIPALS)
def test_permissions_and_filter_hold_together(
    rows: list[tuple[dict[str, Json], tuple[str, ...] | None]], filter_: Filter, asks: list[str]
) -> None:
    documents = [Document(f"d{n}", "", "", "", metadata, allow=allow) for n, (metadata, allow) in enumerate(rows)]
    expected = [fits(filter_, metadata) and may_see(allow, asks) for metadata, allow in rows]
    assert picked(filter_, asks, segment_of(documents)) == expected


def test_a_metadata_field_cannot_pose_as_a_permission() -> None:
    documents = [Document("d", "", "", "", {"allow": ["ann"], "r": "", "": "p"}, allow=("bob",))]
    assert picked(None, ["ann"], segment_of(documents)) == [False]
    assert picked(None, ["bob"], segment_of(documents)) == [True]


def test_where_nothing_is_asked_and_nobody_is_named_no_mask_is_made() -> None:
    assert matching(None, ["ann"])(segment_of(documents_of([{"a": 1}]))) is None


def test_an_empty_partition_has_an_empty_mask() -> None:
    assert picked(Comparison("ne", "a", (1,)), (), segment_of([])) == []
