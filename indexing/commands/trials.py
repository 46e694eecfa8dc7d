"""The commands that begin a trial: ``groundwork rollouts propose``, ``shadow``, ``canary``, ``ab``, ``interleave``."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexing.commands.decisions import (
    anyway_behind_option,
    as_seconds,
    change_meant,
    decision,
    override_option,
    reason_option,
    rollout_argument,
    tell,
)
from indexing.commands.numbers import FINITE, POSITIVE
from indexing.commands.terminal import opened
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.catalogue.database import Database
    from indexing.releases.rollouts import Rollout
    from indexing.releases.transitions import Decision
    from indexing.releases.trials import End

unit_option = click.option(
    "--unit",
    type=click.Choice(["tenant", "user", "request"]),
    default="tenant",
    show_default=True,
    help="What gets the candidate as one; a request without a user counts for its tenant.",
)
for_option = click.option(
    "--for", "lasts", metavar="TIME", callback=as_seconds, help="End after this time, such as 2h."
)
queries_option = click.option("--queries", type=POSITIVE, help="End after so many queries.")


@click.command("propose")
@click.argument("release")
@click.option("--tenant", "tenants", multiple=True, help="Only this tenant's requests; may be given again.")
@click.option("--first", multiple=True, help="This tenant gets the candidate whatever the share; may be given again.")
@reason_option
@click.pass_obj
def propose(settings: Settings, release: str, tenants: tuple[str, ...], first: tuple[str, ...], reason: str) -> None:
    """Propose the recipe of RELEASE (13 or 13.2) against the one in service; it gets no traffic yet."""
    from indexing.releases.release import find_release
    from indexing.releases.trials import propose as propose_recipe

    with opened(settings) as home:
        recipe = find_release(home.catalogue, release).recipe
        by = decision(reason)
        tell(home.catalogue, propose_recipe(home.catalogue, recipe, by, tenants=tenants or None, first=first))


@click.command("shadow")
@rollout_argument
@click.option(
    "--share", default=1.0, show_default=True, type=FINITE, help="The part of the queries that is copied, up to 1."
)
@for_option
@queries_option
@click.option("--decides", required=True, help="What it is to decide, in words.")
@reason_option
@click.pass_obj
def shadow(
    settings: Settings,
    rollout: int | None,
    share: float,
    lasts: float | None,
    queries: int | None,
    decides: str,
    reason: str,
) -> None:
    """Let the candidate answer copies of queries, after the users were answered. Needs --for or --queries."""
    from indexing.releases.trials import start_shadow

    def start(catalogue: "Database", seen: "Rollout", by: "Decision") -> "Rollout":
        options = {"share": share, "decides": decides, "max_recipes": settings.max_recipes}
        return start_shadow(catalogue, seen, by, end=_end(by, lasts, queries), **options)  # type: ignore[arg-type]

    change_meant(settings, rollout, reason, start)


@click.command("canary")
@rollout_argument
@click.option("--share", type=FINITE, help="The candidate's share, such as 0.05; stays until you change it.")
@click.option(
    "--steps",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file of steps, which a watcher goes through; see docs/operations.md.",
)
@unit_option
@anyway_behind_option
@override_option
@reason_option
@click.pass_obj
def canary(
    settings: Settings,
    rollout: int | None,
    share: float | None,
    steps: Path | None,
    unit: Any,
    anyway: bool,
    override: str | None,
    reason: str,
) -> None:
    """Give the candidate a share of tenants, users or requests: each keeps what it got. Needs --share or --steps."""
    from indexing.errors import InvalidInput
    from indexing.releases.steps import read_steps
    from indexing.releases.trials import start_canary

    if (share is None) == (steps is None):
        raise InvalidInput("Give either --share, such as 0.05, or --steps FILE.")
    plan = () if steps is None else read_steps(steps.read_text(encoding="utf-8"), str(steps))

    def start(catalogue: "Database", seen: "Rollout", by: "Decision") -> "Rollout":
        return start_canary(
            catalogue,
            seen,
            by,
            share=share or 1.0,
            steps=plan,
            unit=unit,
            max_recipes=settings.max_recipes,
            anyway=anyway,
            override=override,
        )

    change_meant(settings, rollout, reason, start)


@click.command("ab")
@rollout_argument
@click.option("--share", default=0.5, show_default=True, type=FINITE, help="The candidate's share, below 1.")
@click.option("--measure", required=True, help="latency_ms, error_rate, empty_rate or warning_rate.")
@click.option(
    "--margin", required=True, type=FINITE, help="The difference that does not matter, in the measure's unit."
)
@click.option(
    "--level", default=0.05, show_default=True, type=FINITE, help="The chance of finding a difference that is none."
)
@for_option
@queries_option
@unit_option
@anyway_behind_option
@reason_option
@click.pass_obj
def ab(
    settings: Settings,
    rollout: int | None,
    share: float,
    measure: str,
    margin: float,
    level: float,
    lasts: float | None,
    queries: int | None,
    unit: Any,
    anyway: bool,
    reason: str,
) -> None:
    """Compare both recipes by a measure, stated beforehand: better, worse, equivalent or inconclusive.

    A watcher ends it after --for or --queries. The candidate gets nothing from then on; promote it if it is better.
    """
    from indexing.releases.rollouts import AbTest
    from indexing.releases.trials import start_ab

    def start(catalogue: "Database", seen: "Rollout", by: "Decision") -> "Rollout":
        test, end, most = AbTest(measure, margin, level), _end(by, lasts, queries), settings.max_recipes
        return start_ab(
            catalogue, seen, by, share=share, unit=unit, test=test, end=end, max_recipes=most, anyway=anyway
        )

    change_meant(settings, rollout, reason, start)


@click.command("interleave")
@rollout_argument
@click.option("--share", type=FINITE, help="The part of the units that get hits of both; 0.5 unless --steps is given.")
@click.option(
    "--steps",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file of steps, as for a canary; see docs/operations.md.",
)
@click.option(
    "--margin", default=0.1, show_default=True, type=FINITE, help="How far from one half of the wins does not matter."
)
@click.option(
    "--level", default=0.05, show_default=True, type=FINITE, help="The chance of finding a preference that is none."
)
@for_option
@queries_option
@click.option(
    "--unit",
    type=click.Choice(["tenant", "user", "request"]),
    default="user",
    show_default=True,
    help="What votes as one; a request without a user counts for its tenant.",
)
@anyway_behind_option
@reason_option
@click.pass_obj
def interleave(
    settings: Settings,
    rollout: int | None,
    share: float | None,
    steps: Path | None,
    margin: float,
    level: float,
    lasts: float | None,
    queries: int | None,
    unit: Any,
    anyway: bool,
    reason: str,
) -> None:
    """Let both recipes answer searches together: what users choose says which wins, with fewer queries than an A/B.

    A watcher ends it after --for or --queries: better, worse, equivalent or inconclusive. 'groundwork eval
    interleaving' shows how it stands. Needs feedback (clicks) from your application.
    """
    from indexing.errors import InvalidInput
    from indexing.releases.rollouts import PREFERENCE, AbTest
    from indexing.releases.steps import read_steps
    from indexing.releases.trials import start_interleaving

    if share is not None and steps is not None:
        raise InvalidInput("Give either --share, such as 0.5, or --steps FILE.")
    plan = () if steps is None else read_steps(steps.read_text(encoding="utf-8"), str(steps))

    def start(catalogue: "Database", seen: "Rollout", by: "Decision") -> "Rollout":
        return start_interleaving(
            catalogue,
            seen,
            by,
            share=0.5 if share is None else share,
            steps=plan,
            unit=unit,
            test=AbTest(PREFERENCE, margin, level, higher_is_better=True),
            end=_end(by, lasts, queries),
            max_recipes=settings.max_recipes,
            anyway=anyway,
        )

    change_meant(settings, rollout, reason, start)


def _end(by: "Decision", seconds: float | None, queries: int | None) -> "End":
    from datetime import datetime

    from indexing.records import moment_text
    from indexing.releases.trials import End

    if seconds is None:
        return End(None, queries)
    return End(moment_text(datetime.fromisoformat(by.at) + timedelta(seconds=seconds)), queries)
