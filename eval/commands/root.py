"""All commands of the judging half, as the command ``groundwork`` takes them in."""

from eval.commands import feedback, run, set_candidates, sets  # a module for each command of the group
from eval.commands.demo import demo
from eval.commands.group import evaluation

__all__ = ["commands", "feedback", "run", "set_candidates", "sets"]

commands = (evaluation, demo)
