"""Builds, scheduled runs and preparations on the command line: how they are named, listed and told to programs."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from indexing.commands.terminal import print_table, short_time

if TYPE_CHECKING:
    from indexing.catalogue.preparations import Preparation
    from indexing.catalogue.schedule import ScheduledRun
    from indexing.schedule.runner import Planned


_KINDS: dict[str, Literal["build", "run", "preparation"]] = {"": "build", "r": "run", "p": "preparation"}
"""By the letter that an id begins with."""


@dataclass(frozen=True, slots=True)
class JobNumber:
    """What ``jobs`` is about: the number of a build, of a scheduled run, or of a preparation."""

    number: int
    of: Literal["build", "run", "preparation"]


class JobId(click.ParamType):  # type: ignore[type-arg] # only newer versions of click know a type here
    """The id of a build, such as 7, of a scheduled run, such as r7, or of a preparation, such as p7."""

    name = "job"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> JobNumber:
        """The number, and of what."""
        if isinstance(value, JobNumber):
            return value
        found = re.fullmatch(r"([rp]?)([0-9]{1,18})", str(value))
        if found is None:
            self.fail(
                f"{value!r} is not the id of a job: expected one such as 7, r7 for a scheduled run, or p7 for a"
                " preparation.",
                param,
                ctx,
            )
        return JobNumber(int(found[2]), _KINDS[found[1]])


def run_as_json(run: "ScheduledRun") -> dict[str, Any]:
    """A run as programs read it; its id begins with r."""
    return {**asdict(run), "id": f"r{run.id}"}


def planned_as_json(one: "Planned") -> dict[str, Any]:
    """A job of the schedule as programs read it."""
    last = None if one.last is None else run_as_json(one.last)
    return {"job": one.job.name, "about": one.job.about, "is_due": one.is_due, "next_at": one.next_at, "last": last}


def print_runs(runs: "Sequence[ScheduledRun]") -> None:
    """Runs as people read them."""
    rows: list[list[object]] = [
        [f"r{one.id}", one.job, one.state, one.holder, short_time(one.begun_at), short_time(one.ended_at), _said(one)]
        for one in runs
    ]
    print_table("scheduled runs", ["id", "job", "state", "by", "begun", "ended", "step or error"], rows)


def preparation_as_json(one: "Preparation") -> dict[str, Any]:
    """A preparation as programs read it; its id begins with p."""
    return {**asdict(one), "id": f"p{one.id}"}


def print_preparations(preparations: "Sequence[Preparation]") -> None:
    """Preparations as people read them."""
    rows: list[list[object]] = [
        [
            f"p{one.id}",
            one.state,
            one.actor,
            short_time(one.created_at),
            f"{one.stage} {one.done:,}/{one.total:,}" if one.stage else "",
            one.error or "; ".join(one.changes),
        ]
        for one in preparations
    ]
    print_table("preparations", ["id", "state", "by", "asked", "done", "changes or error"], rows)


def print_plan(planned: "Sequence[Planned]") -> None:
    """The schedule as people read it, in UTC."""
    rows: list[list[object]] = [
        [
            one.job.name,
            one.job.about,
            "now" if one.is_due else short_time(one.next_at),
            "" if one.last is None else f"{one.last.state} {short_time(one.last.ended_at or one.last.begun_at)}",
        ]
        for one in planned
    ]
    print_table("schedule", ["job", "what it does", "due", "last run"], rows)


def _said(run: "ScheduledRun") -> str:
    return run.error or (run.step if run.state == "running" else None) or ""
