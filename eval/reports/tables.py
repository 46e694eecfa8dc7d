"""Reports: experiments as people read them."""

from eval.experiments.experiment import Experiment
from indexing.commands.terminal import print_table


def print_results(experiment: Experiment) -> None:
    """An experiment as a table, one row a mode."""
    measures = list(next(iter(experiment.modes.values())).means)
    rows: list[list[object]] = [
        [
            mode,
            *(f"{result.means[measure]:.4f}" for measure in measures),
            f"{result.latency.p50_ms:.1f} / {result.latency.p99_ms:.1f}",
        ]
        for mode, result in experiment.modes.items()
    ]
    title = f"{experiment.queryset}: {experiment.queries} queries, release {experiment.inputs['release']}"
    print_table(title, ["mode", *measures, "p50 / p99 ms"], rows)
