"""The table of verdicts, as commands about releases and rollouts print it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from indexing.commands.terminal import print_table, short_time

if TYPE_CHECKING:
    from indexing.releases.gate import GivenVerdict


def print_verdicts(verdicts: Sequence["GivenVerdict"]) -> None:
    """Verdicts as a table, the newest first; nothing where there are none."""
    rows: list[list[object]] = [
        [
            one.id,
            short_time(one.at),
            one.kind,
            f"{one.verdict.replace('_', ' ')}{' (synthetic)' if one.is_synthetic else ''}",
            "" if one.baseline is None else one.baseline,
            one.policy or "",
            "; ".join(one.reasons),
        ]
        for one in reversed(verdicts)
    ]
    if rows:
        print_table("verdicts", ["id", "at", "kind", "verdict", "against", "policy", "why"], rows)
