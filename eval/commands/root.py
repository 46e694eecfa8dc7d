"""All commands of the judging half, as the command ``groundwork`` takes them in."""

from eval.commands import (  # a module for each command of the group
    alerts,
    calibrate,
    compare,
    drift,
    experiments,
    feedback,
    gate,
    interleaving,
    judge,
    report,
    run,
    set_candidates,
    set_judging,
    set_sources,
    sets,
    watch,
)
from eval.commands.demo import demo
from eval.commands.group import evaluation

__all__ = [
    "alerts",
    "calibrate",
    "commands",
    "compare",
    "drift",
    "experiments",
    "feedback",
    "gate",
    "interleaving",
    "judge",
    "report",
    "run",
    "set_candidates",
    "set_judging",
    "set_sources",
    "sets",
    "watch",
]

commands = (evaluation, demo)
