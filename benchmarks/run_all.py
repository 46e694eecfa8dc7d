"""Run every benchmark, one after another, or some of them in one run.

Usage: python -m benchmarks.run_all [--only peers.txtai peers.chroma] [--data ../shared/data]
Other options are given to each; those that not every benchmark has belong to --only.
"""

import argparse
import subprocess
import sys

SCRIPTS = (
    "search.online_features",
    "quality.text_accounts",
    "quality.position_bias",
    "quality.interleaving",
    "quality.leg_check",
    "quality.leg_check_cost",
    "quality.calibration",
    "search.lexical",
    "search.words",
    "search.fusion",
    "search.search_options",
    "search.tables",
    "quality.new_defaults",
    "quality.drift_stream",
    "quality.drift_service",
    "builds.compile_default",
    "builds.encode",
    "search.quality",
    "quality.sequential",
    "search.conversation",
    "search.conversation_answers",
    "quality.synthetic_sets",
    "quality.damaged_candidates",
    "search.latency",
    "search.tracing",
    "search.doors",
    "search.ledger_rows",
    "search.ledger_cost",
    "faults.swap",
    "faults.rollback",
    "faults.quality_rollback",
    "faults.rollout_life",
    "faults.rollout_kills",
    "faults.watcher_kills",
    "peers.txtai",
    "peers.chroma",
    "search.ledger",
    "search.tenants",
    "search.index_options",
    "search.large_partition",
    "builds.incremental",
    "builds.readers",
    "builds.workers",
    "builds.fine_tune",
    "faults.disturbances",
    "faults.kills",
    "faults.schemathesis_walk",
    "faults.soak",
)
"""All that measure this checkout alone, the quick ones first; ``search.before_after`` needs a second one, and
``builds.webpages`` a folder of saved pages."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, default=SCRIPTS, metavar="FOLDER.NAME")
    options, others = parser.parse_known_args()
    for script in options.only:
        subprocess.run([sys.executable, "-m", f"benchmarks.{script}", *others], check=True)


if __name__ == "__main__":
    main()
