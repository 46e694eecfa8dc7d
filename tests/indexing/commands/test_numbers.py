"""Numbers at the command line: each has bounds that every store holds, and none is nan or infinite."""

import math

import click
import pytest
from click.testing import CliRunner

from eval.datasets.trec import MAX_GRADE
from indexing.commands.numbers import FINITE, GRADE, Finite, FiniteRange
from indexing.commands.root import whole_command
from indexing.home import open_home
from indexing.records import MAX_INTEGER
from indexing.settings import Settings


def parameters(group, prefix=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from parameters(command, (*prefix, name))
        else:
            yield from (((*prefix, name), one) for one in command.params)


def test_every_whole_number_of_every_command_has_bounds_that_a_row_of_the_catalogue_holds():
    open_ended = [
        (*command, one.name)
        for command, one in parameters(whole_command())
        if isinstance(one.type, click.types.IntParamType)
        and not all(bound is not None and abs(bound) <= MAX_INTEGER for bound in bounds(one.type))
    ]
    assert open_ended == []


def bounds(kind):
    return getattr(kind, "min", None), getattr(kind, "max", None)


def test_every_other_number_of_every_command_is_finite():
    loose = [
        (*command, one.name)
        for command, one in parameters(whole_command())
        if isinstance(one.type, click.types.FloatParamType) and not isinstance(one.type, Finite)
    ]
    assert loose == []


def test_grades_are_those_of_files():
    assert (GRADE.min, GRADE.max) == (-MAX_GRADE, MAX_GRADE)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_what_is_not_finite_is_refused(text):
    with pytest.raises(click.BadParameter, match="not a finite number"):
        FINITE.convert(text, None, None)
    with pytest.raises(click.BadParameter, match="not a finite number|not in the range"):
        FiniteRange(0).convert(text, None, None)
    assert math.isclose(FiniteRange(0).convert("2.5", None, None), 2.5)


def test_help_shows_bounds_where_there_are_some_and_no_bound_that_is_none():
    told = CliRunner().invoke(whole_command(), ["rollouts", "ab", "--help"]).output
    assert "--margin FLOAT " in told
    assert "[default: 0.5]" in " ".join(told.split())
    assert "[1<=x<=9007199254740991]" in told
    options = [one for _, one in parameters(whole_command()) if isinstance(one, click.Option)]
    shown = [one.get_help_extra(click.Context(click.Command("any"))).get("range", "") for one in options]
    assert any(shown)
    assert [one for one in shown if "None" in one] == []


@pytest.mark.parametrize(
    "words",
    [
        ("rollouts", "show", "100000000000000000000"),
        ("eval", "sets", "candidates", "reject", "100000000000000000000", "--reason", "no"),
        ("eval", "drift", "--seed", "-1"),
        ("gc", "--days", "nan"),
    ],
)
def test_a_number_out_of_bounds_is_a_mistyped_option(tmp_path, words):
    open_home(Settings(home=tmp_path / "home")).close()
    result = CliRunner().invoke(whole_command(), ["--home", str(tmp_path / "home"), *words])
    assert result.exit_code == 2, result.output
