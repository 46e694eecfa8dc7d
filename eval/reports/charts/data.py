"""What charts draw: values and names alone, so that each chart is drawn at any width."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a moment, with the ends of its interval."""

    at: datetime
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """A named series of points, oldest first."""

    name: str
    role: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Lane:
    """What was in force when: each span begins at a moment and ends where the next begins."""

    name: str
    spans: Sequence[tuple[datetime, str]]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Series over time between two moments, with lanes below that say what was in force; shares begin at nothing."""

    lines: Sequence[Line]
    lanes: Sequence[Lane]
    since: datetime
    until: datetime
    value_label: str
    is_share: bool = False


@dataclass(frozen=True, slots=True)
class Distribution:
    """A window drawn over its reference, as shares of each bin.

    Either ``edges`` has one entry more than there are bins, or ``labels`` one for each.
    """

    reference: Sequence[float]
    window: Sequence[float]
    value_label: str
    edges: Sequence[float] = ()
    labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """A named value with its interval; ``role`` colours it."""

    label: str
    value: float
    low: float
    high: float
    role: str = "series-1"


@dataclass(frozen=True, slots=True)
class Intervals:
    """Values with intervals, one below the other; ``mark`` is where a line is drawn, such as 0."""

    rows: Sequence[IntervalRow]
    value_label: str
    mark: float | None = None
    is_share: bool = False


@dataclass(frozen=True, slots=True)
class Differences:
    """The difference of every query, in any order: drawn as bars from the greatest loss to the greatest gain."""

    values: Sequence[float]
    value_label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A value by a whole number, such as a rank, with the ends of its interval; ``mark`` is where a line is drawn."""

    xs: Sequence[int]
    values: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
    x_label: str
    value_label: str
    mark: float | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A bin from ``low`` to ``high``: the mean of what was said, the share that came true and its interval, a count."""

    low: float
    high: float
    said: float
    value: float
    value_low: float
    value_high: float
    count: int


@dataclass(frozen=True, slots=True)
class Diagonal:
    """Shares that came true over what was said of them, both 0..1, beside the diagonal; counts stand below."""

    shares: Sequence[Share]
    x_label: str
    value_label: str
    count_label: str


Drawing: TypeAlias = Timeline | Distribution | Intervals | Differences | Curve | Diagonal
