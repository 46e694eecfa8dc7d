"""Room: how much of fresh writes a process may hold, all recipes together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Holder(Protocol):
    """What holds fresh writes; an overlay is one."""

    passages: int
    size_bytes: int


@dataclass(slots=True)
class Room:
    """What all recipes of a process may hold together; ``holders`` are by recipe, the one in service first.

    The recipe in service may use all that the others leave. Each of the others has an equal part and no more, so that
    none of them takes the room of the one in service.
    """

    max_passages: int
    max_bytes: float
    holders: Mapping[int, Holder] = field(default_factory=dict)

    def fits(self, recipe: int, own: Holder, passages: int, size_bytes: int, share: float = 1.0) -> bool:
        """Whether ``own``, which may be about to take the place of a recipe's holder, may hold so much more.

        Args:
            recipe: Whose fresh writes they are.
            own: What holds them.
            passages: How many more.
            size_bytes: The memory that they take, about.
            share: Of the room, in (0, 1], that is to be used at most.
        """
        others = [holder for number, holder in self.holders.items() if number != recipe]
        is_first = next(iter(self.holders), recipe) == recipe
        part = share if is_first else share / (len(others) + 1)
        all_passages = own.passages + sum(other.passages for other in others) + passages
        all_bytes = own.size_bytes + sum(other.size_bytes for other in others) + size_bytes
        return (
            all_passages <= self.max_passages * share
            and all_bytes <= self.max_bytes * share
            and own.passages + passages <= self.max_passages * part
            and own.size_bytes + size_bytes <= self.max_bytes * part
        )
