"""``groundwork eval drift``: what changed in traffic, answers and index, and what caused it."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from eval.commands.group import evaluation
from indexing.commands.moments import until_option
from indexing.commands.numbers import WHOLE
from indexing.commands.terminal import as_json as json_option
from indexing.commands.terminal import opened, print_json, print_table
from indexing.process_start import ENCODING, require_memory
from indexing.settings import Settings

if TYPE_CHECKING:
    from eval.drift.look import DriftReport
    from eval.drift.signals import Signal
    from eval.drift.watch import Looked

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
"""Of a window's length."""
_FEW = 1e-4
"""A p value below it is shown as a power of ten. Our choice."""


class _Span(click.ParamType):  # type: ignore[type-arg] # only newer versions of click know a type here
    """A length of time."""

    name = "SPAN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The length."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", str(value))
        if found is None:
            self.fail(f"{value!r} is not a length of time: expected 30m, 24h or 7d.", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


@evaluation.command("drift")
@click.option("--window", type=_Span(), default="24h", show_default=True, help="How long a time is looked at.")
@until_option
@click.option(
    "--reference",
    default="launch",
    show_default=True,
    metavar="launch|last-good|last-week|release:NUMBER",
    help="What it is compared with.",
)
@click.option(
    "--slice",
    "slice_by",
    metavar="tenant|collection|release|arm|kind|mode|language",
    help="Look at each part of the requests as well.",
)
@click.option("--tenant", help="Requests of this tenant alone.")
@click.option("--collection", help="Requests of this collection alone.")
@click.option("--no-cause", is_flag=True, help="Do not replay queries to find the cause: no model is loaded.")
@click.option("--seed", default=0, show_default=True, type=WHOLE, help="Of permutations and samples.")
@click.option("--propose", "proposes", is_flag=True, help="Make the queries to judge first candidates for judging.")
@click.option("--alert", "alerts", is_flag=True, help="Look once as the hourly job does, and raise alerts.")
@json_option
@click.pass_obj
def drift(settings: Settings, /, alerts: bool, as_json: bool, **options: Any) -> None:
    """Compare a window of the ledger with a reference, name what moved beyond chance, and what caused it.

    A signal needs 100 queries in both. Of the signals that are said to have moved, at most one in twenty did not, in
    the mean of many looks; looks that are repeated hold another level (--alert).
    """
    require_memory(ENCODING, "groundwork eval drift")
    from eval.drift.look import look
    from eval.drift.predictors import propose_queries
    from eval.drift.watch import watch_drift
    from eval.drift.windows import Scope
    from indexing.ledger.day_sources import Period

    until = options["until"] or datetime.now(UTC)
    with opened(settings) as home:
        if alerts:
            _show_looks(watch_drift(home, now=until, seed=options["seed"]), as_json)
            return
        report = look(
            home,
            Scope(options["tenant"], options["collection"]),
            Period(until - options["window"], until),
            options["reference"],
            slice_by=options["slice_by"],
            explains=not options["no_cause"],
            seed=options["seed"],
        )
        if options["proposes"]:
            propose_queries(home, report.to_judge)
    if as_json:
        print_json(report.to_json())
    else:
        show_report(report)


def show_report(report: "DriftReport") -> None:
    """A report for a person."""
    click.echo(
        f"{report.scope}: {report.n_window:,} answers of {report.since} to {report.until} (release"
        f" {report.release or 'none'}), beside {report.n_reference:,} of {report.reference_since} to"
        f" {report.reference_until} ({report.reference}, release {report.reference_release or 'none'})"
    )
    for note in report.notes:
        click.echo(note)
    shown = [one for one in report.signals if not one.slice or one.outcome == "moved"]
    columns = ["signal", "about", "queries", "before", "now", "PSI", "test", "statistic", "adjusted p", "outcome"]
    print_table("signals", columns, [_row(one) for one in shown])
    staleness = report.staleness
    age = "" if staleness.hit_age_days is None else f", half of the hits older than {staleness.hit_age_days:.1f} days"
    live = "" if staleness.live_share is None else f", {staleness.live_share:.1%} of the hits from the live layer"
    click.echo(
        f"index: {staleness.changed:,} of {staleness.documents:,} documents written and {staleness.deleted:,} deleted"
        f" since the snapshot of release {staleness.release} ({staleness.changed_share:.1%}){live}{age}"
    )
    _show_cause(report)
    if report.to_judge:
        rows: list[list[object]] = [
            [one.rank, one.id, *one.ranks.values(), _asked(one.query)] for one in report.to_judge[:10]
        ]
        names = list(report.to_judge[0].ranks)
        print_table("to judge first (ranks, 1 the most suspicious)", ["rank", "request", *names, "query"], rows)


def _row(one: "Signal") -> list[object]:
    name = one.key
    if one.p is None:
        return [name, one.group, f"{one.n_reference}/{one.n_window}", *[""] * 6, one.outcome]
    numbers = [_number(one.before), _number(one.value), _number(one.psi)]
    decided = _p(one.p_adjusted)
    return [
        *(name, one.group, f"{one.n_reference}/{one.n_window}", *numbers),
        *(one.test, _number(one.statistic), decided, one.outcome),
    ]


def _show_cause(report: "DriftReport") -> None:
    cause = report.cause
    if cause is None:
        return
    click.echo(f"cause: {', '.join(cause.named) or 'none that replay could name'}")
    rows: list[list[object]] = [
        [
            one.cause,
            one.verdict,
            one.queries or "",
            _number(one.overlap),
            one.why or ", ".join(signal.name for signal in one.signals) or _effects(one.effects),
        ]
        for one in cause.contrasts
    ]
    title = f"replayed: release {cause.old_release} beside {cause.new_release}"
    print_table(title, ["changed alone", "verdict", "queries", "overlap@10", "what moved"], rows)


def _effects(effects: Any) -> str:
    return ", ".join(f"{name} {value:+.2f} sd" for name, value in (effects or {}).items())


def _show_looks(looks: "list[Looked]", as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "scope": one.scope,
                    "looks": one.looks,
                    "queries": one.queries,
                    "report": None if one.report is None else one.report.to_json(),
                    "alerts": [alert.id for alert in one.alerts],
                    "failure": one.failure,
                }
                for one in looks
            ]
        )
        return
    rows: list[list[object]] = [
        [
            one.scope,
            one.looks,
            f"{one.queries:,}",
            ", ".join(alert.message for alert in one.alerts)
            or ("not enough data" if one.report is None else "no alarm"),
        ]
        for one in looks
    ]
    print_table("looks", ["collection", "looks so far", "queries of this window", "said"], rows)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0e}" if value < _FEW else f"{value:.4f}"


def _asked(query: Any) -> str:
    from indexing.ledger.records import asked_text

    return (asked_text(query) or "a vector") if query else "(text not kept)"
