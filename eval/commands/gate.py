"""``groundwork eval gate``: a candidate's verdict by a policy, stored, and as an exit code for CI."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eval.commands.group import evaluation
from indexing.commands.terminal import opened, print_json, print_table, progress_bar
from indexing.process_start import ENCODING, require_memory
from indexing.settings import Settings

if TYPE_CHECKING:
    from eval.gates.offline import GateDecision
    from indexing.home import Home

EXIT_CODES = {"PROMOTE": 0, "HOLD": 3, "REJECT": 4}
"""1 is an error and 2 a mistyped option, as of every command. Source: our choice."""


@evaluation.command("gate")
@click.argument("candidate")
@click.option("--against", help="The release whose recipe it is held against; by default the one in service.")
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file; by default HOME/gate.yaml, else every judged query set counts, with the default margins."
    " Only the home's own counts for promotion.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_context
def gate(context: click.Context, candidate: str, against: str | None, policy_file: Path | None, as_json: bool) -> None:
    """Judge the recipe of CANDIDATE (13 or 13.2): PROMOTE, HOLD or REJECT, with reasons; the verdict is stored.

    Its newest build is held against that of the recipe in service. Exit code: 0 PROMOTE, 3 HOLD, 4 REJECT; 1 is an
    error, 2 a mistyped option.
    """
    require_memory(ENCODING, "groundwork eval gate")
    from eval.datasets.query_sets import QuerySet
    from eval.experiments.evaluations import Evaluation, evaluate
    from eval.gates.offline import gate as judge
    from eval.gates.policy import read_policy
    from indexing.releases.release import find_release

    settings: Settings = context.obj
    policy = None if policy_file is None else read_policy(policy_file)
    with opened(settings) as home:
        recipe = find_release(home.catalogue, candidate).recipe
        baseline = None if against is None else find_release(home.catalogue, against).recipe
        with progress_bar(quiet=as_json) as progress:

            def evaluated(home: "Home", release: str, query_set: QuerySet, mode: str) -> Evaluation:
                stage = f"{query_set.name}, release {release}"
                told = partial(progress, stage)
                return evaluate(home, release, query_set, mode=mode, on_progress=told)

            decision = judge(home, recipe, baseline, policy, evaluated=evaluated)
    if as_json:
        print_json(asdict(decision))
    else:
        _tell(decision)
    context.exit(EXIT_CODES[decision.verdict])


def _tell(decision: "GateDecision") -> None:
    click.echo(
        f"{decision.verdict}: release {decision.release} against recipe {decision.baseline}"
        f" (policy {decision.policy}, verdict {decision.id})"
    )
    for reason in decision.reasons:
        click.echo(f"  {reason}")
    if not decision.is_own_policy:
        click.echo("  its policy is not this home's own (HOME/gate.yaml, else the default): it lets nothing in service")
    findings = decision.evidence["findings"]
    rows: list[list[object]] = [
        [name, one["verdict"], one["queries"], f"{one['baseline']:.4f}", f"{one['candidate']:.4f}", _interval(one)]
        for name, one in findings.items()
        if "difference" in one
    ]
    if rows:
        columns = ["query set", "verdict", "queries", "baseline", "candidate", "difference (95 %)"]
        print_table("measured", columns, rows)


def _interval(finding: dict[str, object]) -> str:
    interval = finding["interval"]
    said = f"{finding['difference']:+.4f}"
    return said if not isinstance(interval, list) else f"{said} ({interval[0]:+.4f} to {interval[1]:+.4f})"
