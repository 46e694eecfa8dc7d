"""``groundwork eval alerts``: what judges of quality said, and that a person knows of it."""

from dataclasses import asdict

import click

from eval.commands.group import evaluation
from indexing.commands.numbers import POSITIVE
from indexing.commands.terminal import as_json as json_option
from indexing.commands.terminal import opened, print_json, print_table, short_time
from indexing.settings import Settings, current_user


@evaluation.group("alerts")
def alerts() -> None:
    """What a person should know of quality: each is said once until it is acknowledged."""


@alerts.command("list")
@click.option("--all", "has_all", is_flag=True, help="Also those that were acknowledged.")
@json_option
@click.pass_obj
def alerts_list(settings: Settings, has_all: bool, as_json: bool) -> None:
    """The open alerts, the last raised first."""
    from indexing.catalogue.alerts import list_alerts

    with opened(settings) as home:
        found = list_alerts(home.catalogue, is_open_only=not has_all)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    rows: list[list[object]] = [
        [
            one.id,
            one.severity,
            one.source,
            short_time(one.first_at),
            one.times,
            one.message,
            "open" if one.is_open else f"{one.acknowledged_by}: {one.note}",
        ]
        for one in found
    ]
    print_table("alerts", ["id", "severity", "source", "since", "times", "message", "acknowledged"], rows)


@alerts.command("ack")
@click.argument("alert", type=POSITIVE)
@click.option("--note", default="", help="What is known of it, or done about it.")
@json_option
@click.pass_obj
def alerts_ack(settings: Settings, alert: int, note: str, as_json: bool) -> None:
    """Acknowledge ALERT. Of drift: what is asked from now on is the reference of later looks."""
    from indexing.catalogue.alerts import acknowledge_alert
    from indexing.catalogue.database import utc_now

    with opened(settings) as home:
        done = acknowledge_alert(home.catalogue, alert, current_user(), note, utc_now())
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(f"alert {done.id} of {done.source} was acknowledged by {done.acknowledged_by}")
