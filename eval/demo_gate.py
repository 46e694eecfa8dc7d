"""The demo's third act: a damaged candidate is evaluated, refused by the gate, and told in a report."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from eval.datasets.imports import QueryFiles, import_query_set
from eval.gates.offline import gate
from eval.gates.policy import POLICY_FILE, Policy, SetPolicy
from eval.reports.files import keep_report
from eval.reports.options import ReportOptions
from eval.reports.report import build_report
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.database import utc_now
from indexing.errors import ReleaseNotGated
from indexing.home import Home
from indexing.records import Partition
from indexing.releases.deployments import stable_release
from indexing.releases.gate import PROMOTE
from indexing.releases.promotion import promote
from indexing.releases.recipe_choices import recipe_in_service
from indexing.releases.transitions import Decision
from indexing.settings import current_user
from indexing.storage.atomic_files import write_atomically
from indexing.storage.permissions import SHARED_FILE

_ONE_LEG = 1.0
"""The dense leg's share in the damaged recipe: by vectors alone the code of an error finds nothing. Our choice."""


def play_gate(out: Console, home: Home, corpus: Path, partition: Partition) -> Path:
    """Store the corpus' judgments, build a recipe that searches by vectors alone, and let the gate judge it.

    Returns:
        The report as a page.

    Raises:
        GroundworkError: a step fails.
    """
    name = partition.collection
    files = QueryFiles.of_folder(corpus, "test", "queries.jsonl", {})
    stored = import_query_set(home, name, files, partition, actor=current_user(), again=True)
    out.print(f"query set {stored.name}, version {stored.version}: judged by people, kept in the catalogue")
    now = recipe_in_service(home)
    damaged = replace(now, retrieval=replace(now.retrieval, dense_weight=_ONE_LEG, leg_rule=None), number=0)
    built = build(prepare_build(home, damaged)).release
    out.print(f"recipe {built.recipe} searches by vectors alone, by mistake: release {built.number}")
    policy = Policy(query_sets=(SetPolicy(name=name, split="all"),))
    written = policy.model_dump_json(indent=2).encode()  # JSON is YAML
    write_atomically(home.path / POLICY_FILE, written, mode=SHARED_FILE)
    decision = gate(home, built.recipe)
    colour = {"PROMOTE": "green", "HOLD": "yellow"}.get(decision.verdict, "red")
    out.print(f"gate: [bold {colour}]{decision.verdict}[/]")
    for reason in decision.reasons:
        out.print(f"  {reason}", highlight=False, markup=False)
    if decision.verdict != PROMOTE:
        _try_to_promote(out, home, built.recipe)
    moment = datetime.now(UTC)
    compared = (stable_release(home.catalogue).number, built.number)
    report = build_report(home, ReportOptions.last_days(moment, compared=compared), made_at=moment)
    path = keep_report(home, report)["html"]
    out.print(f"report: {path}", highlight=False, soft_wrap=True)
    return path


def _try_to_promote(out: Console, home: Home, recipe: int) -> None:
    """Show that the verdict is acted on."""
    by = Decision(current_user(), "to see whether it is refused", utc_now())
    try:
        promote(home.catalogue, recipe, by, max_recipes=home.settings.max_recipes)
    except ReleaseNotGated as error:
        out.print(f"promote: refused. {error}", highlight=False, markup=False)
