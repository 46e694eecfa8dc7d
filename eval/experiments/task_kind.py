"""What the tasks of evaluations are called in the store and in the queue. Workers load this before they fork."""

from indexing.builds.task_kinds import WORK, DoTask, WorkerTask
from indexing.storage.store import Storage

KIND = WORK.below("evaluation")
"""The inputs and outputs of evaluations in workers' hands."""
QUEUE = "evaluation"
"""The queue that they wait in."""


def _runner(storage: Storage) -> DoTask:
    from eval.experiments.artefact_release import ArtefactOpener
    from eval.experiments.evaluation_task import run_evaluation_task

    opener = ArtefactOpener(storage, sessions=1)
    return lambda kind, name: run_evaluation_task(storage, opener, name)


TASK = WorkerTask("groundwork.evaluate", (QUEUE,), lambda job: KIND, _runner)
"""How workers evaluate: entry point ``evaluate`` of ``groundwork.tasks``."""
