"""Which answers recipes, releases and documents had a part in, as the ledger says."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from indexing.home import Home
from indexing.ledger.day_sources import DayFault, OnFault
from indexing.ledger.ids import moment_of
from indexing.ledger.readers import ReleaseDay, recipe_days, requests_of_recipes
from indexing.ledger.records import ANSWER_KINDS, RequestRow
from indexing.records import Json, moment_text
from indexing.releases.recipes import recipes_of_model
from indexing.releases.release import Release

MOST_ROWS = 1000
"""Rows that are read one by one to be counted; of more it is said that there are more. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: of which subject, and of the answers which period and how many of the newest.

    ``release`` says as which release holds a document or passage; by default the one in service, else the newest.
    """

    id: str
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 20
    release: str | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """Which answers something had a part in, of the period that was asked for.

    ``requests`` counts them, by release and kind in ``by_release``; ``newest`` names some; ``has_more`` says that they
    were not counted to the end. ``unread`` are days of the ledger that could not be read.
    """

    requests: int = 0
    by_release: tuple[Mapping[str, Json], ...] = ()
    newest: tuple[Mapping[str, Json], ...] = ()
    has_more: bool = False
    unread: tuple[str, ...] = ()


def of_recipes(home: Home, asked: Asked, recipes: Iterable[int]) -> Answers:
    """The answers that any release of these recipes gave."""
    return _counted(home, asked, set(recipes), lambda release: True)


def of_releases(home: Home, asked: Asked, releases: Iterable[Release]) -> Answers:
    """The answers that these releases gave."""
    numbers = {release.number: release.recipe for release in releases}
    return _counted(home, asked, set(numbers.values()), lambda release: release in numbers)


def _counted(home: Home, asked: Asked, recipes: set[int], is_wanted: Callable[[str], bool]) -> Answers:
    """The answers of some recipes, as far as their releases are wanted; counted from the ledger's index."""
    if not recipes:
        return Answers()
    faults: list[DayFault] = []
    days = recipe_days(home.ledger, recipes, asked.since, asked.until, on_fault=faults.append)
    counts: Counter[tuple[str, str]] = Counter()
    for day in days:
        if is_wanted(day.release):
            counts[day.release, day.kind] += day.requests
    rows = requests_of_recipes(
        home.ledger, recipes, asked.since, asked.until, newest_first=True, on_fault=lambda fault: None
    )
    newest = islice((row for row in rows if is_wanted(row.release)), asked.limit if counts else 0)
    return Answers(counts.total(), _by_release(counts), tuple(map(named, newest)), unread=_unread(faults))


def of_rows(asked: Asked, read: Callable[[OnFault], Iterator[RequestRow]]) -> Answers:
    """The answers that ``read`` gives, newest first; it is given what to tell days to that cannot be read."""
    faults: list[DayFault] = []
    return answers_of(list(read(faults.append)), asked.limit, faults)


def answers_of(rows: list[RequestRow], limit: int, faults: Iterable[DayFault]) -> Answers:
    """Rows, newest first, as answers."""
    has_more, rows = len(rows) > MOST_ROWS, rows[:MOST_ROWS]
    counts = Counter((row.release, row.kind) for row in rows)
    newest = tuple(map(named, rows[:limit]))
    return Answers(len(rows), _by_release(counts), newest, has_more, _unread(faults))


def _by_release(counts: Counter[tuple[str, str]]) -> tuple[Mapping[str, Json], ...]:
    return tuple(
        {"release": release, "kind": kind, "requests": count} for (release, kind), count in sorted(counts.items())
    )


def _unread(faults: Iterable[DayFault]) -> tuple[str, ...]:
    return tuple(f"{fault.day}: {fault.reason}" for fault in faults if not fault.is_missing)


def named(row: RequestRow) -> dict[str, Json]:
    """A request in a list: who was served what, when and why; never what was asked."""
    return {
        "at": moment_text(moment_of(row.id)),
        "id": str(row.id),
        "kind": row.kind,
        "tenant": row.tenant,
        "collection": row.collection,
        "release": row.release,
        "arm": row.arm,
        "reason": row.reason,
        "status": row.status,
    }


@dataclass(frozen=True, slots=True)
class ModelAnswers:
    """What the ``recipes`` that hold a ``model`` version answered, by day, with the newest rows.

    ``faults`` are the days that could not be read.
    """

    model: str
    recipes: list[int]
    days: list[ReleaseDay]
    newest: list[RequestRow]
    faults: list[DayFault]

    @property
    def answers(self) -> int:
        """How many were answered."""
        return sum(one.requests for one in self.days if one.kind in ANSWER_KINDS)

    @property
    def shadows(self) -> int:
        """How many were compared, and never served."""
        return sum(one.requests for one in self.days if one.kind == "shadow")


def answers_of_model(
    home: Home, model: str, since: datetime | None, until: datetime | None, limit: int
) -> ModelAnswers:
    """What a model version answered, as encoder or as reranker, with the newest ``limit`` rows.

    ``NAME`` without a version means its newest.

    Raises:
        NotFound: there is no such model, nor a recipe that holds one of that id.
    """
    ledger, recipes = home.ledger, recipes_of_model(home.catalogue, model)
    if not recipes:  # else it may be one that is registered no longer
        model = home.models.get(model).id
        recipes = recipes_of_model(home.catalogue, model)
    faults: list[DayFault] = []
    days = recipe_days(ledger, recipes, since, until, on_fault=faults.append)
    newest = requests_of_recipes(
        ledger, recipes, since, until, limit=limit, newest_first=True, on_fault=lambda fault: None
    )
    return ModelAnswers(model, recipes, days, list(newest), faults)
