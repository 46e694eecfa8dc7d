"""All commands of the judging half, as the command ``groundwork`` takes them in."""

from eval.commands import judge, run, set_candidates, sets  # a module for each command of the group
from eval.commands.demo import demo
from eval.commands.group import evaluation

__all__ = ["commands", "run", "set_candidates", "sets"]
from eval.commands import compare, experiments  # a module for each command of the group

__all__ = ["commands", "compare", "experiments", "run"]
__all__ = ["commands", "judge", "run", "set_candidates", "sets"]
from eval.commands import compare, experiments, run, set_candidates, sets  # a module for each command of the group

__all__ = ["commands", "compare", "experiments", "run", "set_candidates", "sets"]

commands = (evaluation, demo)
