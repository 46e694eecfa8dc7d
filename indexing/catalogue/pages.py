"""Pages of lists as OpenAI has them: behind or before one row by its id, in either order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from indexing.catalogue.database import Database, Row
from indexing.records import Json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """What a page shows, and whether more follow in its direction."""

    rows: list[T]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a list are asked for.

    At most ``limit``, the newest first unless ``is_ascending``; only those behind the id ``after`` and before the id
    ``before`` in that order. With ``before`` alone they are the last ``limit`` of those.
    """

    limit: int
    after: str | None = None
    before: str | None = None
    is_ascending: bool = False

    def read(
        self,
        database: Database,
        sql: str,
        values: Sequence[Json],
        *,
        key: Sequence[str],
        place: Callable[[str], Sequence[Json]],
        made: Callable[[Row], T],
    ) -> Listed[T]:
        """The rows of this page.

        Args:
            database: The catalogue.
            sql: A SELECT that ends in conditions.
            values: What its ``?`` stand for.
            key: The columns that the list is ordered by, together unique.
            place: Gives the key of an id, or raises what says that there is none such.
            made: Makes a record of a row.
        """
        bound, marks = list(values), ", ".join("?" * len(key))
        for one, is_behind in ((self.after, True), (self.before, False)):
            if one is not None:
                sql += f" AND ({', '.join(key)}) {'>' if is_behind == self.is_ascending else '<'} ({marks})"
                bound += place(one)
        is_backwards = self.before is not None and self.after is None
        order = "ASC" if self.is_ascending != is_backwards else "DESC"
        ordered = f"{sql} ORDER BY {', '.join(f'{column} {order}' for column in key)} LIMIT ?"
        found = [made(row) for row in database.rows(ordered, (*bound, self.limit + 1))]
        shown = found[: self.limit]
        return Listed(shown[::-1] if is_backwards else shown, len(found) > self.limit)
