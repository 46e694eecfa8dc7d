"""Types of numbers at the command line: whole ones that every store and reader holds exactly, and finite ones."""

import math
from typing import Any

import click

from indexing.records import MAX_INTEGER

POSITIVE = click.IntRange(1, MAX_INTEGER)
"""A count, a version, or what names a row."""
WHOLE = click.IntRange(0, MAX_INTEGER)
"""A count that may be none, or a seed."""
GRADE = click.IntRange(-1000, 1000)
"""How relevant a document is: ``eval.datasets.trec.MAX_GRADE``, either sign; a test holds them equal."""


class Finite(click.types.FloatParamType):
    """A finite number: click's own lets ``nan`` and ``inf`` through."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class FiniteRange(Finite, click.FloatRange):
    """A finite number in a range, of which ``nan`` would be below no bound and above none."""


FINITE = Finite()
"""A number whose bounds its user checks, or that has none."""
