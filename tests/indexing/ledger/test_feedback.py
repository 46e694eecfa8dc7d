"""Feedback is stored once, beside the day of its query, and joined to the query's row whenever that is there."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from indexing.errors import ArtefactCorrupt, InvalidInput
from indexing.ledger.compaction import compact, sealed_days
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import list_days
from indexing.ledger.day_sources import DayFault
from indexing.ledger.erasure import OfDocuments, OfTenant, OfUser, count_rows, erase_rows, named_documents
from indexing.ledger.feedback import ACTIONS, EXPLICIT, FeedbackRow, feedback_from, feedback_values
from indexing.ledger.feedback_readers import Asked, answers_of, answers_with_feedback, feedback_of, negative_queries
from indexing.ledger.hashes import USER, keyed_hash
from indexing.ledger.retention import enforce_retention
from indexing.ledger.store import LedgerStore
from tests.support.ledger_rows import NOON, SECRET, made_feedback, made_hit, made_id, made_row

DAY = timedelta(days=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[LedgerStore]:
    ledger = LedgerStore(tmp_path / "ledger", busy_timeout_seconds=0.5)
    yield ledger
    ledger.close()


def compacted(ledger: LedgerStore) -> None:
    pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'groundwork[analytics]'")
    for one in sealed_days(ledger, NOON + 9 * DAY):
        compact(ledger, one)


def test_a_row_comes_back_as_it_was_stored(ledger: LedgerStore) -> None:
    row = made_row()
    rows = [
        made_feedback(row, "rate", "1", value=0.25, comment="näher"),
        made_feedback(row, "dwell", "2", value=1500.0, document_id="a.md", position=1),
        made_feedback(row, "abandon", "3", user=None),
    ]
    ledger.append_feedback(rows)
    assert sorted(feedback_of(ledger), key=lambda one: one.action) == sorted(rows, key=lambda one: one.action)
    assert {one.kind for one in rows if one.action in EXPLICIT} == {"explicit"}
    assert [one.kind for one in rows if one.action not in EXPLICIT] == ["implicit", "implicit"]


def test_what_is_no_feedback_is_refused_and_what_is_damaged_is_told() -> None:
    with pytest.raises(InvalidInput, match=f"Feedback 'liked' is unknown: expected one of {', '.join(ACTIONS)}"):
        feedback_values(made_feedback(made_row(), "liked"))
    with pytest.raises(InvalidInput, match="id of a ledger row is not a keyed hash"):
        feedback_values(made_feedback(made_row(), id="event-1"))
    values = list(feedback_values(made_feedback(made_row())))
    with pytest.raises(ArtefactCorrupt, match="Feedback in the ledger cannot be read"):
        feedback_from([b"short", *values[1:]])


def test_an_event_of_a_query_counts_once_and_the_first_time(ledger: LedgerStore) -> None:
    one, other = made_row(1), made_row(2, NOON + timedelta(seconds=1))
    first = made_feedback(one, "rate", value=1.0)
    ledger.append_feedback([first, replace(first, value=0.0)])
    ledger.append_feedback([replace(first, received_at=first.received_at + DAY)])
    ledger.append_feedback([made_feedback(other, "rate", value=0.5)])
    assert [found.value for found in feedback_of(ledger)] == [1.0, 0.5]
    assert next(feedback_of(ledger)).received_at == first.received_at


def test_what_comes_days_later_stands_beside_its_query_also_in_a_compacted_day(ledger: LedgerStore) -> None:
    row = made_row()
    ledger.append([row, made_row(2, NOON + DAY)])
    compacted(ledger)
    late = made_feedback(row, received_at=NOON + 5 * DAY)
    ledger.append_feedback([late])
    assert [one.day for one in list_days(ledger.folder)] == [NOON.date(), (NOON + DAY).date()]
    assert {answer.id: about for answer, about in answers_with_feedback(ledger)}[row.id] == (late,)
    compacted(ledger)
    assert list(feedback_of(ledger)) == [late]


def test_feedback_that_comes_before_the_row_of_its_query_is_joined_once_that_is_there(ledger: LedgerStore) -> None:
    row = made_row()
    early, unjoined = made_feedback(row), list[FeedbackRow]()
    ledger.append_feedback([early])
    assert list(answers_with_feedback(ledger, on_unjoined=unjoined.append)) == []
    assert unjoined == [early]
    ledger.append([row])
    assert [about for _, about in answers_with_feedback(ledger)] == [(early,)]


def test_each_answer_is_joined_with_its_own_feedback_over_days_and_files(ledger: LedgerStore) -> None:
    rows = [made_row(n, NOON + n * timedelta(hours=9), hits=(made_hit("a"), made_hit("b"))) for n in range(8)]
    ledger.append(rows)
    lost = made_feedback(made_row(99, NOON + timedelta(hours=10)))
    feedback = [made_feedback(rows[n], event=f"e{m}") for n in (0, 3, 7) for m in range(n + 1)]
    ledger.append_feedback([*feedback, lost])
    compacted(ledger)
    ledger.append([made_row(50, NOON + timedelta(hours=1), id=made_id(int(NOON.timestamp() * 1000) + 5))])  # late
    unjoined: list[FeedbackRow] = []
    found = list(answers_with_feedback(ledger, asked=Asked(hits=True), on_unjoined=unjoined.append))
    assert [answer.id for answer, _ in found] == sorted(answer.id for answer, _ in found)
    assert {answer.id: len(about) for answer, about in found if about} == {rows[n].id: n + 1 for n in (0, 3, 7)}
    assert unjoined == [lost]
    assert found[0][0].document_ids == ("a", "b")


def test_answers_are_those_that_were_given_and_asked_for(ledger: LedgerStore) -> None:
    ledger.append(
        [
            made_row(1, NOON, query={"query": "hi"}),
            made_row(2, NOON + timedelta(seconds=1), kind="shadow"),
            made_row(3, NOON + timedelta(seconds=2), status=503, hits=()),
            made_row(4, NOON + timedelta(seconds=3), tenant="zeta", rollout=7, arm="candidate"),
            made_row(5, NOON + timedelta(seconds=4), collection="other", kind="context"),
        ]
    )
    assert [(one.tenant, one.collection, one.kind) for one in answers_of(ledger)] == [
        ("acme", "default", "search"),
        ("zeta", "default", "search"),
        ("acme", "other", "context"),
    ]
    assert [one.arm for one in answers_of(ledger, asked=Asked(rollout=7))] == ["candidate"]
    assert len(list(answers_of(ledger, asked=Asked("acme", "other")))) == 1
    first = next(answers_of(ledger))
    assert (first.document_ids, first.language, first.query) == ((), None, None)
    whole = next(answers_of(ledger, asked=Asked(hits=True, language=True, text=True)))
    assert (whole.document_ids, whole.language, whole.query) == (("a.md", "b.md"), "en", "hi")
    assert len(list(answers_of(ledger, NOON + timedelta(seconds=1)))) == 2


def test_only_what_was_known_at_a_moment_counts_then(ledger: LedgerStore) -> None:
    row = made_row()
    ledger.append([row])
    ledger.append_feedback([made_feedback(row, event=f"{n}", received_at=NOON + n * DAY) for n in range(3)])
    assert len(list(feedback_of(ledger, known_at=NOON + DAY))) == 2
    ((_, about),) = answers_with_feedback(ledger, known_at=NOON)
    assert len(about) == 1


def test_the_newest_come_first_where_that_is_asked_for(ledger: LedgerStore) -> None:
    rows = [made_row(n, NOON + n * DAY, tenant=("acme", "zeta")[n % 2]) for n in range(4)]
    ledger.append_feedback([made_feedback(row) for row in rows])
    assert [one.query_id for one in feedback_of(ledger, limit=2, newest_first=True)] == [rows[3].id, rows[2].id]
    assert [one.query_id for one in feedback_of(ledger, "zeta")] == [rows[1].id, rows[3].id]


def test_a_day_that_cannot_be_read_is_named(ledger: LedgerStore) -> None:
    ledger.append_feedback([made_feedback(made_row()), made_feedback(made_row(2, NOON + DAY))])
    ledger.close()
    list_days(ledger.folder)[0].database.write_bytes(b"damaged" * 3000)  # type: ignore[union-attr]
    faults: list[DayFault] = []
    assert len(list(feedback_of(ledger, on_fault=faults.append))) == 1
    assert [fault.day for fault in faults] == [NOON.date()]


def test_retention_removes_feedback_with_the_day_of_its_query(ledger: LedgerStore) -> None:
    ledger.append_feedback([made_feedback(made_row()), made_feedback(made_row(2, NOON + DAY))])
    ledger.close()
    enforce_retention(ledger.folder, days=1, max_mb=100, now=NOON + DAY)
    assert len(list(feedback_of(ledger))) == 1


def test_a_copy_for_a_backup_holds_it(ledger: LedgerStore, tmp_path: Path) -> None:
    ledger.append_feedback([made_feedback(made_row(), comment="MARK-comment")])
    path = list_days(ledger.folder)[0].database
    assert path is not None
    with closing(DayFile(path, busy_timeout_seconds=1)) as file:
        file.copy_to(tmp_path / "copy.db")
    assert b"MARK-comment" in (tmp_path / "copy.db").read_bytes()


@pytest.fixture(params=["open", "compacted"])
def marked(ledger: LedgerStore, request: pytest.FixtureRequest) -> LedgerStore:
    """Queries of two tenants, users and collections, each with feedback that names its document in a comment, too."""
    for n in range(16):
        tenant, user, collection = ("acme", "zeta")[n % 2], f"user-{n // 2 % 2}", ("default", "other")[n // 4 % 2]
        row = made_row(
            n,
            NOON + timedelta(seconds=n),
            tenant=tenant,
            collection=collection,
            user=keyed_hash(SECRET, USER, user.encode()),
            hits=(made_hit(f"MARK-DOC-{n // 8}"),),
        )
        if n != 15:  # the row of the last one never came
            ledger.append([row])
        comment = f"MARK-{tenant}-{user}-{collection}-DOC-{n // 8}"
        by = keyed_hash(SECRET, USER, b"another") if n == 2 else row.user
        ledger.append_feedback([made_feedback(row, comment=comment, document_id=f"MARK-DOC-{n // 8}", user=by)])
    if request.param == "compacted":
        compacted(ledger)
    return ledger


def comments(ledger: LedgerStore) -> list[str]:
    """What is left, after it was looked for in the bytes of every file."""
    left = [one.comment or "" for one in feedback_of(ledger)]
    files = b"".join(path.read_bytes() for path in ledger.folder.iterdir())
    assert all(comment.encode() in files for comment in left)
    return left


def holds(ledger: LedgerStore, marker: str) -> bool:
    return any(marker.encode() in path.read_bytes() for path in ledger.folder.iterdir())


def test_a_tenant_s_feedback_goes(marked: LedgerStore) -> None:
    assert count_rows(marked, OfTenant("acme")) == 16
    assert erase_rows(marked, OfTenant("acme")) == 16, "eight rows and eight times feedback"
    assert not holds(marked, "MARK-acme")
    assert len(comments(marked)) == 8


def test_a_user_s_feedback_goes_with_what_others_said_about_the_user_s_queries(marked: LedgerStore) -> None:
    scope = OfUser("acme", keyed_hash(SECRET, USER, b"user-1"))
    assert count_rows(marked, scope) == 8
    assert erase_rows(marked, scope) == 8
    assert not holds(marked, "MARK-acme-user-1")
    assert len(comments(marked)) == 12


def test_feedback_that_names_a_document_goes_in_that_collection_alone(marked: LedgerStore) -> None:
    ids = frozenset({"MARK-DOC-1"})
    assert named_documents(marked, "zeta", "default", ids | {"none"}) == ids
    erase_rows(marked, OfDocuments("zeta", "default", ids))
    left = comments(marked)
    assert not [one for one in left if one.startswith("MARK-zeta") and one.endswith("default-DOC-1")]
    assert not holds(marked, "MARK-zeta-user-0-default-DOC-1")
    assert len([one for one in left if "MARK-zeta-user-0-other-DOC-1" in one]) == 1
    assert len(left) == 13, "two of the collection, and one whose query is not there to say its collection"


def test_of_a_whole_collection_all_feedback_about_documents_goes(marked: LedgerStore) -> None:
    erase_rows(marked, OfDocuments("acme", "default", None))
    assert not [one for one in comments(marked) if one.startswith("MARK-acme") and "-default-" in one]
    assert len(comments(marked)) == 12


def test_what_users_spoke_against_is_told_of_the_queries_that_are_asked_for(ledger):
    rows = [made_row(n) for n in range(6)]
    assert negative_queries(ledger, [row.id for row in rows]) == (frozenset(), False)
    said = ("click", "abandon", "not_answered", "reformulate")
    events = [made_feedback(row, action, action) for row, action in zip(rows, said, strict=False)]
    rated = [made_feedback(row, "rate", "rated", value=value) for row, value in ((rows[4], 0.4), (rows[5], 0.5))]
    ledger.append_feedback([*events, *rated, made_feedback(rows[1], "abandon", "again")])
    assert negative_queries(ledger, [row.id for row in rows]) == ({row.id for row in rows[1:5]}, True)
    assert negative_queries(ledger, [rows[0].id, rows[2].id]) == ({rows[2].id}, True)
    assert negative_queries(ledger, []) == (frozenset(), True)
