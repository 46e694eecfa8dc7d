"""All commands of the judging half, as the command ``groundwork`` takes them in."""

from eval.commands import alerts, drift, run  # a module for each command of the group
from eval.commands.demo import demo
from eval.commands.group import evaluation

__all__ = ["alerts", "commands", "drift", "run"]

commands = (evaluation, demo)
