"""What the inputs of a build's tasks are called in the store. Workers load this before they fork."""

from indexing.storage.store import ArtefactKind

WORK = ArtefactKind("work", remedy="The build makes it again, or has withdrawn it.", has_kinds=True)
"""The inputs of tasks in workers' hands, by job."""


def work_kind(job: int) -> ArtefactKind:
    """The kind of the artefacts that hold the inputs of a job's tasks."""
    return WORK.below(str(job))
