"""Evaluating as work of workers, which load this before they fork."""

from eval.experiments.task_kind import KIND, QUEUE
from indexing.builds.task_kinds import DoTask, WorkerTask
from indexing.storage.store import Storage


def _runner(storage: Storage) -> DoTask:
    from eval.experiments.artefact_release import ArtefactOpener
    from eval.experiments.evaluation_task import run_evaluation_task

    opener = ArtefactOpener(storage, sessions=1)
    return lambda kind, name: run_evaluation_task(storage, opener, name)


TASK = WorkerTask("groundwork.evaluate", (QUEUE,), lambda job: KIND, _runner)
"""How workers evaluate: entry point ``evaluate`` of ``groundwork.tasks``."""
