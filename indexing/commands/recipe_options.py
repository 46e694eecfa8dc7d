"""The options of a recipe, which every command that builds one takes."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from indexing.commands.numbers import FINITE, WHOLE

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--view", help="Passage view (see 'views list'); by default the one in service."),
    click.option("--model", help="Model version (see 'models list'); by default the one in service."),
    click.option("--precision", type=click.Choice(["int8", "fp32"]), help="Compiled form of the model."),
    click.option(
        "--language",
        help="Language of the lexical leg: a Snowball language, chinese, japanese, thai, korean, none, or auto (each"
        " collection its own).",
    ),
    click.option(
        "--approximate-above",
        type=WHOLE,
        metavar="PASSAGES",
        help="Size above which a collection gets an approximate index; 0 for exact search at every size.",
    ),
    click.option(
        "--conversation", metavar="VIEW", help="What earlier turns of a chat count: a conversation view, or none."
    ),
    click.option("--reranker", metavar="MODEL", help="A registered reranker for the second pass, or none."),
    click.option("--rerank-depth", type=click.IntRange(1, 200), metavar="HITS", help="How many hits it scores again."),
    click.option("--rerank-budget-ms", type=click.IntRange(1, 60_000), help="Time for that; late is skipped."),
    click.option(
        "--dense-weight", type=FINITE, metavar="SHARE", help="What meaning counts beside words in mode hybrid, 0 to 1."
    ),
    click.option(
        "--bm25-k1", type=FINITE, metavar="K1", help="How much a further occurrence of a word counts, 0 to 10."
    ),
    click.option("--bm25-b", type=FINITE, metavar="B", help="How much a passage's length counts against it, 0 to 1."),
    click.option("--candidates", type=WHOLE, metavar="PASSAGES", help="What each leg gives to be fused, 1 to 1,000."),
    click.option(
        "--boost",
        multiple=True,
        metavar="VIEW:COLUMN=WEIGHT,SATURATION",
        help="A document feature adds WEIGHT * x / (x + SATURATION) to scores; may be repeated; none takes all out.",
    ),
    click.option(
        "--leg-rule",
        metavar="RULE",
        help="Whether a leg that cannot find a collection's own documents loses its weight there: self-retrieval, or"
        " none.",
    ),
    click.option(
        "--calibration",
        metavar="RULE",
        help="Score by the curves of this version: leg-check, moved for each collection by what its build finds, or"
        " general, the same for all.",
    ),
)


def recipe_options(command: _Command) -> _Command:
    """Let a command take every choice of ``change_recipe``, each ``None`` unless it is named, boosts ``()``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
