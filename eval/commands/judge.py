"""``groundwork eval judge``: answers and contexts judged with ragas, offline or by a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eval.commands.group import evaluation
from indexing.commands.numbers import WHOLE
from indexing.commands.terminal import as_json, opened, print_json, print_table, progress_bar, screen
from indexing.records import MODES
from indexing.settings import Settings

if TYPE_CHECKING:
    from eval.judging.judgement import Judgement


@evaluation.command("judge")
@click.option("--set", "set_name", help="A stored query set: what the release in service finds is judged.")
@click.option(
    "--samples",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of JSON lines: question, answer, contexts, reference and more.",
)
@click.option("--metric", "names", multiple=True, help="Measure this alone (may be repeated); by default all.")
@click.option("--budget", type=WHOLE, help="Requests to send to the judge at most; by default any number.")
@click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True, help="Samples judged at once.")
@click.option(
    "--split",
    type=click.Choice(["train", "dev", "test", "all"]),
    default="test",
    show_default=True,
    help="Which queries of --set.",
)
@click.option("--mode", type=click.Choice(MODES), default="hybrid", show_default=True, help="How --set is searched.")
@click.option("--k", type=click.IntRange(1, 100), default=10, show_default=True, help="Documents to find for --set.")
@as_json
@click.pass_obj
def judge(settings: Settings, /, set_name: str | None, file: Path | None, as_json: bool, **options: Any) -> None:
    """Judge what was found and answered, and print each metric's mean over what could be measured.

    Ids and texts are compared here; faithfulness, answer relevancy and context precision ask the model that
    GROUNDWORK_JUDGE_URL and GROUNDWORK_JUDGE_MODEL name. What it said is kept: the same command goes on where it ended.
    Saved in HOME/evaluations/judgements. Ends with 1 where nothing could be measured.
    """
    if (set_name is None) == (file is None):
        raise click.UsageError("Give either --set NAME or --samples FILE.")
    from eval.judging.runs import Options, judge_file, judge_set

    with opened(settings) as home, progress_bar(quiet=as_json) as progress:
        chosen = Options(options["names"], options["budget"], options["concurrency"], progress)
        if file is not None:
            judgement, path = judge_file(home, file, chosen)
        else:
            searched = {name: options[name] for name in ("split", "k", "mode")}
            judgement, path = judge_set(home, str(set_name), chosen, **searched)
    if as_json:
        print_json({**judgement.to_json(), "saved": str(path)})
    else:
        _show(judgement, path)
    if not any(summary.measured for summary in judgement.summaries):
        raise SystemExit(1)


def _show(judgement: "Judgement", path: Path) -> None:
    rows: list[list[object]] = []
    for one in judgement.summaries:
        interval = "" if one.interval is None else f"{one.interval[0]:.3f} to {one.interval[1]:.3f}"
        mean = "" if one.mean is None else f"{one.mean:.3f}"
        rows.append([one.metric, mean, interval, one.measured, one.failed, one.unmeasured])
    columns = ["metric", "mean", "95 % interval", "measured", "failed", "unmeasured"]
    count = len(judgement.samples)
    print_table(f"{count:,} sample{'' if count == 1 else 's'}", columns, rows)
    for one in judgement.summaries:
        for reason, count in one.reasons.items():
            click.echo(f"  {one.metric}: {count} x {reason}")
    if judgement.costs:
        click.echo("  asked: " + ", ".join(f"{name} {count:,}" for name, count in judgement.costs.items()))
    screen.print(f"by sample: {path}", highlight=False)
