"""Every error Groundwork raises on purpose, one class for each thing that can go wrong.

A message names the offending value, what was expected, and what to do next. ``app/errors.py`` maps each class to
an HTTP status; the command line prints the message without a traceback.
"""


class GroundworkError(Exception):
    """The root: catch it to catch everything Groundwork raises on purpose."""


class InvalidInput(GroundworkError):
    """A value given by a person or a program is not acceptable."""


class SourceInvalid(InvalidInput):
    """A source as a whole cannot be read (one broken file in it is a reject, not this)."""


class NotFound(GroundworkError):
    """The named collection, document, model, view, snapshot or release does not exist."""


class Unauthorized(GroundworkError):
    """The request carries no API key, or one that is unknown, expired or revoked."""


class Overloaded(GroundworkError):
    """The door is full; the caller should come back after ``retry_after_seconds``."""

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class NotReady(GroundworkError):
    """Nothing can be served yet: no model, no release, or the snapshot is still being opened."""


class ArtefactMissing(GroundworkError):
    """An artefact that something refers to is not in the store."""


class ArtefactCorrupt(GroundworkError):
    """An artefact's bytes differ from what its manifest promises."""


class FormatUnknown(GroundworkError):
    """An artefact was written in a format that this version does not read."""


class FeatureViewChanged(GroundworkError):
    """A feature view's definition changed while its name and version stayed the same."""


class ParityLost(GroundworkError):
    """A compiled model does not reproduce the vectors of the weights it was compiled from."""


class ModelMismatch(GroundworkError):
    """This machine's arithmetic, or the model's files, do not reproduce the canonical vectors."""


class BuildFailed(GroundworkError):
    """A build could not finish; the release in service is untouched."""


class BuildCancelled(GroundworkError):
    """Somebody cancelled the job of this build; what it stored stays."""


class AlreadyRunning(GroundworkError):
    """Another process is doing the same thing in this home, and it can only be done once at a time."""


class CatalogueBusy(GroundworkError):
    """The catalogue stayed locked by other writers beyond the busy timeout."""


class StorageFull(GroundworkError):
    """The disk has no room left; nothing was half-written."""
