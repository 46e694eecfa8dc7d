"""Lineage both ways: what a model, view, release, document, passage or request is made of, and what came of it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

from indexing.catalogue.document_readings import account_json, read_account
from indexing.catalogue.documents import document_row
from indexing.catalogue.erasures import last_erasure_of, list_rewrites
from indexing.catalogue.feature_views import all_definitions
from indexing.catalogue.releases import recipe_numbers
from indexing.errors import InvalidInput, LedgerUnavailable, NotFound
from indexing.features.views import BUILT_IN, definition
from indexing.home import Home
from indexing.ledger.day_sources import DayFault, OnFault
from indexing.ledger.ids import find_ledger_id
from indexing.ledger.readers import requests_named, served_request
from indexing.ledger.records import RequestRow
from indexing.ledger.trace_readers import requests_naming, shadows_of
from indexing.records import Json, Partition, fingerprint
from indexing.releases.lineage import (
    describe_snapshot,
    model_lineage,
    parent_of,
    release_lineage,
    rollouts_of,
    said_of,
    view_definitions,
)
from indexing.releases.lineage_answers import (
    MOST_ROWS,
    Answers,
    Asked,
    answers_of,
    named,
    of_recipes,
    of_releases,
    of_rows,
)
from indexing.releases.passage_lineage import StoredIn, built_as, choose, passage_record, releases_holding
from indexing.releases.recipes import read_recipe, recipes_of_model
from indexing.releases.release import find_release, list_every_release
from indexing.snapshots.manifest import read_snapshot

SUBJECTS = ("model", "view", "snapshot", "release", "document", "passage", "request")
"""Of what lineage is asked."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What something is made of, what was made with it, and which answers it had a part in."""

    of: str
    id: str
    made_of: Mapping[str, Json]
    made: Mapping[str, Json]
    answers: Answers = field(default_factory=Answers)

    def to_json(self) -> dict[str, Json]:
        """This as JSON."""
        return asdict(self)


def lineage_of(home: Home, of: str, asked: Asked) -> Lineage:
    """The lineage of one of ``SUBJECTS``.

    Args:
        home: Where it stands.
        of: What kind of thing it is.
        asked: Its id: a model, view or conversation as ``name@version``, a snapshot's id, a release's number, a
            document as ``TENANT/COLLECTION/ID``, a passage as ``TENANT/COLLECTION/ID#ORDINAL``, a request by query id,
            ledger id or the caller's own.

    Raises:
        InvalidInput: the subject or the form of the id is none of these.
        NotFound: there is no such thing.
        GroundworkError: what must be read cannot be.
    """
    asking = _ASKING.get(of)
    if asking is None:
        raise InvalidInput(f"Lineage of {of!r} is unknown: expected one of {', '.join(SUBJECTS)}.")
    return asking(home, asked)


def _of_model(home: Home, asked: Asked) -> Lineage:
    model = home.models.get(asked.id)
    recipes = recipes_of_model(home.catalogue, model.id)
    children = [one.id for one in home.models.list() if parent_of(one) == model.id]
    made = {"models": children, **_made_by_recipes(home, recipes)}
    return Lineage("model", model.id, asdict(model_lineage(home, model.id)), made, of_recipes(home, asked, recipes))


def _of_view(home: Home, asked: Asked) -> Lineage:
    found = _definitions(home, asked.id)
    if not found:
        raise NotFound(f"No feature view {asked.id!r}: expected NAME@VERSION, as 'groundwork views list' shows them.")
    recipes = [
        number
        for number in recipe_numbers(home.catalogue)
        if any(view in found for view in view_definitions(read_recipe(home.catalogue, number)))
    ]
    made_of = {"definitions": [{**view, "fingerprint": fingerprint(view)} for view in found]}
    return Lineage("view", asked.id, made_of, _made_by_recipes(home, recipes), of_recipes(home, asked, recipes))


def _definitions(home: Home, view_id: str) -> list[dict[str, Json]]:
    """Every view of that name and version: several where views of different kinds have one name."""
    kind, _, name = view_id.rpartition(":")
    known: dict[str, dict[str, Json]] = {}
    for text in all_definitions(home.catalogue):
        view = json.loads(text)
        known[fingerprint(view)] = view
    for views in BUILT_IN.values():
        known.update((fingerprint(definition(view)), definition(view)) for view in views.values())
    return [
        view
        for view in known.values()
        if f"{view['name']}@{view['version']}" == name and kind in ("", str(view["kind"]))
    ]


def _of_snapshot(home: Home, asked: Asked) -> Lineage:
    rewrites = [one for one in list_rewrites(home.catalogue) if asked.id in (one.old_snapshot, one.new_snapshot)]
    releases = [one for one in list_every_release(home.catalogue) if one.snapshot == asked.id]
    try:
        made_of: dict[str, Json] = asdict(describe_snapshot(read_snapshot(home.storage, asked.id)))
    except NotFound:
        if not releases and not rewrites:
            raise
        made_of = {"id": asked.id, "is_stored": False}
    made = {"releases": [said_of(one) for one in releases], "erasures": [asdict(one) for one in rewrites]}
    return Lineage("snapshot", asked.id, made_of, made, of_releases(home, asked, releases))


def _of_release(home: Home, asked: Asked) -> Lineage:
    release = find_release(home.catalogue, asked.id, is_retired_too=True)
    made_of = release_lineage(home, release.number).to_json()
    made = {name: made_of.pop(name) for name in ("deployments", "rollouts", "verdicts", "kept_back")}
    return Lineage("release", release.number, made_of, made, of_releases(home, asked, [release]))


def _of_document(home: Home, asked: Asked) -> Lineage:
    partition, document_id = _named_document(asked.id, "TENANT/COLLECTION/ID")
    erased = last_erasure_of(home.catalogue, partition, document_id)
    held = releases_holding(home, partition, document_id)
    in_catalogue = _in_catalogue(home, partition, document_id)
    answers = of_rows(asked, _naming(home, asked, partition, document_id, lambda row: True))
    if in_catalogue is None and erased is None and not held and not answers.requests:
        raise NotFound(f"No document {document_id!r} of {partition}: not in the catalogue, a release or the ledger.")
    made_of = {
        **_of_source(partition, document_id, in_catalogue),
        "erasure": None if erased is None else erased.id,
        "built": _built(home, asked, held),
    }
    return Lineage("document", asked.id, made_of, {"releases": _releases(held)}, answers)


def _of_passage(home: Home, asked: Asked) -> Lineage:
    form = "TENANT/COLLECTION/ID#ORDINAL"
    partition, passage_id = _named_document(asked.id, form)
    document_id, _, ordinal = passage_id.rpartition("#")
    if not document_id or not ordinal.isascii() or not ordinal.isdigit():
        raise InvalidInput(f"{asked.id!r} is not a passage: expected {form}.")
    held = releases_holding(home, partition, document_id)
    stored = choose(home, held, asked.release)
    if stored is None:
        raise NotFound(f"No passage {passage_id!r} of {partition}: no release holds it; it may wait for a build.")
    passage = next((one for one in stored.passages if one.ordinal == int(ordinal)), None)
    if passage is None:
        raise NotFound(
            f"No passage {passage_id!r} of {partition}: release {stored.release.number} cuts the document into"
            f" {len(stored.passages)}, counted from 0."
        )
    place = document_id, passage.start, passage.end
    answers = of_rows(
        asked,
        _naming(
            home,
            asked,
            partition,
            document_id,
            lambda row: any((hit.document_id, hit.start, hit.end) == place for hit in row.hits),
        ),
    )
    made_of = {
        **_of_source(partition, document_id, _in_catalogue(home, partition, document_id)),
        "passage": passage_record(passage),
        "built": built_as(home, stored),
    }
    same = [one for one in held if passage in one.passages]
    return Lineage("passage", asked.id, made_of, {"releases": _releases(same)}, answers)


def _named_document(thing: str, form: str) -> tuple[Partition, str]:
    tenant, _, rest = thing.partition("/")
    collection, _, name = rest.partition("/")
    if not name:
        raise InvalidInput(f"{thing!r} is no {'passage' if '#' in form else 'document'}: expected {form}.")
    return Partition(tenant, collection), name


def _in_catalogue(home: Home, partition: Partition, document_id: str) -> dict[str, Json] | None:
    """What the catalogue has of a document as it is now, with what read it from its file."""
    columns = "seq, title, url, source, content_sha256, record_sha256, updated_at"
    row = document_row(home.catalogue, partition, document_id, columns)
    account = None if row is None else read_account(home.catalogue, partition, document_id)
    return None if row is None else {**row, "account": None if account is None else account_json(account)}


def _of_source(partition: Partition, document_id: str, in_catalogue: dict[str, Json] | None) -> dict[str, Json]:
    return {
        "tenant": partition.tenant,
        "collection": partition.collection,
        "document_id": document_id,
        "in_catalogue": in_catalogue,
    }


def _built(home: Home, asked: Asked, held: list[StoredIn]) -> dict[str, Json] | None:
    stored = choose(home, held, asked.release)
    return None if stored is None else built_as(home, stored)


def _releases(held: Iterable[StoredIn]) -> list[dict[str, Json]]:
    return [said_of(one.release) for one in held]


def _naming(
    home: Home, asked: Asked, partition: Partition, document_id: str, is_wanted: Callable[[RequestRow], bool]
) -> Callable[[OnFault], Iterator[RequestRow]]:
    """The answers that named a document, as far as they are wanted."""

    def rows(tell: OnFault) -> Iterator[RequestRow]:
        named_in = requests_naming(
            home.ledger, partition, document_id, asked.since, asked.until, limit=MOST_ROWS + 1, on_fault=tell
        )
        return (row for row in named_in if is_wanted(row))

    return rows


def _requests_named(home: Home, asked: Asked, on_fault: OnFault) -> list[RequestRow]:
    return requests_named(home.ledger, asked.id, asked.since, asked.until, on_fault=on_fault)


def _of_request(home: Home, asked: Asked) -> Lineage:
    faults: list[DayFault] = []
    ledger_id = find_ledger_id(asked.id)
    row = None if ledger_id is None else served_request(home.ledger, ledger_id, on_fault=faults.append)
    found = [row] if row is not None else _requests_named(home, asked, faults.append)
    if not found:
        unreadable = [f"{fault.day}: {fault.reason}" for fault in faults if not fault.is_missing]
        if unreadable:
            raise LedgerUnavailable(
                f"No request {asked.id[:60]!r} in the days that can be read. {' '.join(unreadable)}"
            )
        raise NotFound(f"No request {asked.id[:60]!r} in the ledger: check the id; old days are removed.")
    one = found[-1]
    known = {release.number: release for release in list_every_release(home.catalogue)}
    served = known.get(one.release)
    made_of: dict[str, Json] = {
        "release": None if served is None else said_of(served),
        "model": None if served is None else read_recipe(home.catalogue, served.recipe).model,
        "arm": one.arm,
        "reason": one.reason,
        "rollout": one.rollout,
        "seq": one.seq,
        "documents": [f"{one.tenant}/{one.collection}/{hit.document_id}" for hit in one.hits],
    }
    shadows = shadows_of(home.ledger, one.id, on_fault=faults.append)
    made = {"shadows": list(map(named, shadows)), "others_of_this_id": list(map(named, found[:-1]))}
    return Lineage("request", str(one.id), made_of, made, answers_of([one], asked.limit, faults))


def _made_by_recipes(home: Home, recipes: Iterable[int]) -> dict[str, Json]:
    numbers = list(recipes)
    releases = [one for one in list_every_release(home.catalogue) if one.recipe in numbers]
    rollouts = [history.rollout.id for number in numbers for history in rollouts_of(home, number)]
    return {"recipes": numbers, "releases": [said_of(one) for one in releases], "rollouts": rollouts}


_ASKING: Mapping[str, Callable[[Home, Asked], Lineage]] = {
    "model": _of_model,
    "view": _of_view,
    "snapshot": _of_snapshot,
    "release": _of_release,
    "document": _of_document,
    "passage": _of_passage,
    "request": _of_request,
}
