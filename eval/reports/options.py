"""What a report is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from indexing.errors import InvalidInput

Format = Literal["html", "md", "json"]
FORMATS: tuple[Format, ...] = ("html", "md", "json")
DEFAULT_DAYS = 30
"""How many days a report looks back unless told otherwise: as long as the ledger keeps by default. Our choice."""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The period (UTC), the query sets by name (none means all), and the two releases to compare, if any."""

    until: datetime
    since: datetime
    sets: Sequence[str] = ()
    compared: tuple[str, str] | None = None
    measure: str = "nDCG@10"
    seed: int = 0

    @classmethod
    def last_days(
        cls,
        until: datetime,
        *,
        since: datetime | None = None,
        sets: Sequence[str] = (),
        compared: tuple[str, str] | None = None,
    ) -> "ReportOptions":
        """Options for the period that ends at ``until``, which begins ``DEFAULT_DAYS`` before unless told."""
        return cls(until, since or until - timedelta(days=DEFAULT_DAYS), sets, compared)


def known_format(name: str) -> Format:
    """A format by its name.

    Raises:
        InvalidInput: there is no such format.
    """
    for known in FORMATS:
        if name == known:
            return known
    raise InvalidInput(f"There is no format {name!r}: expected one of {', '.join(FORMATS)}.")
