"""What the tasks of evaluations are called in the store and in the queue. Workers load this before they fork."""

from indexing.builds.task_kinds import WORK

KIND = WORK.below("evaluation")
"""The inputs and outputs of evaluations in workers' hands."""
QUEUE = "evaluation"
"""The queue that they wait in."""
