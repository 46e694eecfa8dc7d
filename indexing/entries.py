"""What other packages enter by entry points, as one look at what is installed finds it."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points


@cache
def entered(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, read once a process: a look at what is installed takes 12 ms.

    What is installed later counts from the next start on, as all code does.
    """
    return tuple(entry_points(group=group))
