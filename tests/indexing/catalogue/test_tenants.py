"""Tenants are made, limited, revoked and restored, and hold no more than they may."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexing.catalogue.collections import collection_sizes
from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.catalogue.tenants import (
    MOST,
    Limits,
    change_limits,
    create_tenant,
    list_tenants,
    read_tenant,
    record_passages,
    require_open,
    restore_tenant,
    revoke_tenant,
)
from indexing.errors import AlreadyExists, InvalidInput, NotFound, QuotaExceeded
from indexing.records import Document, Partition
from tests.support.migrated_catalogue import place_catalogue

HELP, BLOG = Partition("acme", "help"), Partition("acme", "blog")


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Database]:
    opened = Database(place_catalogue(tmp_path / "catalogue.db"))
    yield opened
    opened.close()


def docs(*names: str, text: str = "text") -> list[Document]:
    return [Document(name, "", text) for name in names]


def test_a_tenant_is_made_once_with_its_limits(catalogue: Database) -> None:
    made = create_tenant(catalogue, "acme", Limits(10, None, 60))
    assert made == read_tenant(catalogue, "acme")
    assert (made.limits, made.collections, made.documents, made.passages) == (Limits(10, None, 60), 0, 0, 0)
    revoke_tenant(catalogue, "acme")
    with pytest.raises(AlreadyExists, match="'acme' already"):
        create_tenant(catalogue, "acme")
    assert read_tenant(catalogue, "acme").limits == Limits(10, None, 60)


@pytest.mark.parametrize("name", ["", "a/b", "x" * 129, "a\nb"])
def test_a_tenant_without_a_proper_name_is_refused(catalogue: Database, name: str) -> None:
    with pytest.raises(InvalidInput, match="Tenant name .* is invalid"):
        create_tenant(catalogue, name)
    assert list_tenants(catalogue) == []


@pytest.mark.parametrize("limits", [{"max_documents": -1}, {"requests_per_minute": 0}, {"max_passages": MOST + 1}])
def test_a_limit_out_of_range_is_refused_and_changes_nothing(catalogue: Database, limits: dict[str, int]) -> None:
    create_tenant(catalogue, "acme", Limits(5, 5, 5))
    with pytest.raises(InvalidInput, match=next(iter(limits))):
        change_limits(catalogue, "acme", limits)
    assert read_tenant(catalogue, "acme").limits == Limits(5, 5, 5)


def test_a_limit_that_is_not_named_stays_and_none_takes_one_away(catalogue: Database) -> None:
    create_tenant(catalogue, "acme", Limits(1, 2, 3))
    assert change_limits(catalogue, "acme", {"max_passages": None}).limits == Limits(1, None, 3)
    assert change_limits(catalogue, "acme", {}).limits == Limits(1, None, 3)


def test_what_is_asked_of_an_unknown_tenant_is_not_found(catalogue: Database) -> None:
    for call in (read_tenant, require_open, revoke_tenant, restore_tenant):
        with pytest.raises(NotFound, match="No tenant 'nobody'"):
            call(catalogue, "nobody")
    with pytest.raises(NotFound):
        change_limits(catalogue, "nobody", {})


def test_a_revoked_tenant_keeps_its_documents_and_is_given_nothing_more(catalogue: Database) -> None:
    create_tenant(catalogue, "acme")
    put_documents(catalogue, HELP, docs("a"))
    revoked = revoke_tenant(catalogue, "acme")
    assert revoked.revoked_at is not None
    assert revoked.documents == 1
    assert revoke_tenant(catalogue, "acme") == revoked
    with pytest.raises(InvalidInput, match="'acme' was revoked"):
        require_open(catalogue, "acme")
    assert restore_tenant(catalogue, "acme").revoked_at is None
    require_open(catalogue, "acme")


def test_pages_of_tenants_hold_each_tenant_once_by_name(catalogue: Database) -> None:
    names = [f"t{number:02}" for number in range(23)]
    for name in reversed(names):
        create_tenant(catalogue, name)
    put_documents(catalogue, Partition("t07", "a"), docs("1", "2"))
    put_documents(catalogue, Partition("t07", "b"), docs("3"))
    found, after = [], ""
    while page := list_tenants(catalogue, after=after, limit=5):
        assert len(page) <= 5
        found += page
        after = page[-1].name
    assert [tenant.name for tenant in found] == names
    assert [(tenant.collections, tenant.documents) for tenant in found if tenant.documents] == [(2, 3)]


# Quotas


def test_documents_are_counted_through_every_way_of_writing(catalogue: Database) -> None:
    def counted() -> dict[str, int]:
        actual = catalogue.rows("SELECT collection, count(*) AS n FROM documents GROUP BY collection")
        found = {row["collection"]: row["n"] for row in actual}
        assert {name: n for name, n in collection_sizes(catalogue, "acme").items() if n} == found
        return found

    put_documents(catalogue, HELP, docs("a", "b", "a"))
    put_documents(catalogue, BLOG, docs("a"))
    assert counted() == {"help": 2, "blog": 1}
    put_documents(catalogue, HELP, docs("a", "c", text="new"))
    assert counted() == {"help": 3, "blog": 1}
    remove_documents(catalogue, HELP, ["a", "never", "a"])
    assert counted() == {"help": 2, "blog": 1}
    with catalogue.write() as db:
        db.execute("DELETE FROM documents WHERE collection = 'help'")
        db.execute("UPDATE documents SET text = 'other'")
    assert counted() == {"blog": 1}


def test_a_batch_that_would_exceed_the_quota_is_refused_whole_naming_the_numbers(catalogue: Database) -> None:
    create_tenant(catalogue, "acme", Limits(max_documents=3))
    put_documents(catalogue, HELP, docs("a", "b"))
    with pytest.raises(QuotaExceeded, match=r"'acme' may hold 3 documents and would hold 4"):
        put_documents(catalogue, BLOG, docs("c", "d"))
    assert collection_sizes(catalogue, "acme") == {"help": 2}
    assert catalogue.sequence() == 2
    assert put_documents(catalogue, BLOG, docs("c")).added == 1
    with pytest.raises(QuotaExceeded):
        put_documents(catalogue, HELP, docs("d"))


def test_at_its_quota_a_tenant_may_change_and_delete_and_then_add(catalogue: Database) -> None:
    create_tenant(catalogue, "acme", Limits(max_documents=1))
    put_documents(catalogue, HELP, docs("a"))
    assert put_documents(catalogue, HELP, docs("a", text="new")).changed == 1
    remove_documents(catalogue, HELP, ["a"])
    assert put_documents(catalogue, HELP, docs("b")).added == 1
    change_limits(catalogue, "acme", {"max_documents": 0})  # lowered below what is there
    assert put_documents(catalogue, HELP, docs("b", text="new")).changed == 1
    assert put_documents(catalogue, HELP, docs("b", text="new")).unchanged == 1


def test_one_tenants_quota_is_nobody_elses(catalogue: Database) -> None:
    create_tenant(catalogue, "acme", Limits(max_documents=0, max_passages=0))
    assert put_documents(catalogue, Partition("zeta", "help"), docs("a", "b")).added == 2
    with pytest.raises(QuotaExceeded):
        put_documents(catalogue, HELP, docs("a"))


def test_passages_are_counted_by_builds_and_then_stop_additions(catalogue: Database) -> None:
    create_tenant(catalogue, "acme", Limits(max_passages=5))
    put_documents(catalogue, HELP, docs("a", "b"))
    put_documents(catalogue, BLOG, docs("a"))
    record_passages(catalogue, [(HELP, 2), (HELP, 1), (BLOG, 2)])
    assert read_tenant(catalogue, "acme").passages == 5
    with pytest.raises(QuotaExceeded, match=r"may hold 5 passages and had 5 at the last build"):
        put_documents(catalogue, HELP, docs("c"))
    assert put_documents(catalogue, HELP, docs("a", text="new")).changed == 1  # at the limit, a change passes
    record_passages(catalogue, [(HELP, 4), (BLOG, 2)])
    with pytest.raises(QuotaExceeded):
        put_documents(catalogue, HELP, docs("a", text="newer"))
    remove_documents(catalogue, BLOG, ["a"])
    record_passages(catalogue, [(HELP, 4)])  # a collection that the build does not have holds none
    assert read_tenant(catalogue, "acme").passages == 4
    assert put_documents(catalogue, HELP, docs("c")).added == 1


def test_two_writers_at_once_do_not_both_take_the_last_place(catalogue: Database) -> None:
    create_tenant(catalogue, "acme", Limits(max_documents=10))
    outcomes: list[str] = []

    def write(number: int) -> None:
        for i in range(5):
            try:
                put_documents(catalogue, HELP, docs(f"{number}-{i}"))
                outcomes.append("stored")
            except QuotaExceeded:
                outcomes.append("refused")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count("stored"), outcomes.count("refused")) == (10, 10)
    assert collection_sizes(catalogue, "acme") == {"help": 10}
