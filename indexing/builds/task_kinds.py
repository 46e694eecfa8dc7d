"""What workers do, and what their inputs are called in the store. Workers load this before they fork."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TypeAlias

from indexing.storage.store import ArtefactKind, Storage

WORK = ArtefactKind("work", remedy="The build makes it again, or has withdrawn it.", has_kinds=True)
"""The inputs of tasks in workers' hands, by job."""
GROUP = "groundwork.tasks"
"""The entry points that are further work for workers."""
Job: TypeAlias = int | str
"""What tasks are of: the number of a build, or what other work calls itself."""
DoTask: TypeAlias = Callable[[ArtefactKind, str], bool]
"""Does the task of that kind and name; gives whether there was anything to do."""


@dataclass(frozen=True, slots=True)
class WorkerTask:
    """Work that workers do: the name of its Celery task, its queues, and where its inputs lie for a job.

    ``runner`` makes, once a process and after the fork, what does a task from the artefact store alone.
    """

    name: str
    queues: tuple[str, ...]
    kind: Callable[[Job], ArtefactKind]
    runner: Callable[[Storage], DoTask]


def work_kind(job: Job) -> ArtefactKind:
    """The kind of the artefacts that hold the inputs of a job's tasks."""
    return WORK.below(str(job))


def entered_tasks() -> tuple[WorkerTask, ...]:
    """The work that other packages enter, by name."""
    return tuple(entry.load() for entry in sorted(entry_points(group=GROUP), key=lambda one: one.name))
