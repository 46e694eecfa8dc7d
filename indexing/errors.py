"""Every error Groundwork raises on purpose, one class for each thing that can go wrong.

A message names the offending value, what was expected, and what to do next. ``app/web/problems.py`` maps each class to
an HTTP status; the command line prints the message without a traceback.
"""


class GroundworkError(Exception):
    """The root: catch it to catch everything Groundwork raises on purpose."""


class InvalidInput(GroundworkError):
    """A value given by a person or a program is not acceptable."""


class SourceInvalid(InvalidInput):
    """A source as a whole cannot be read (one broken file in it is a reject, not this)."""


class NotFound(GroundworkError):
    """The named tenant, key, collection, document, model, view, snapshot or release does not exist."""


class AlreadyExists(GroundworkError):
    """Something of this name is there already, or was and may not be made again."""


class Unauthorized(GroundworkError):
    """The request carries no API key, or one that is unknown, expired or revoked."""


class Forbidden(GroundworkError):
    """The API key is valid and may not do this: it lacks a scope, or would give away more than it has."""


class RateLimited(GroundworkError):
    """A tenant sent more requests than it may; the next is admitted after ``retry_after_seconds``."""

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class QuotaExceeded(GroundworkError):
    """A tenant holds as many documents or passages as it may; nothing of the batch was stored."""

    retry_after_seconds = 3600
    """No time frees a quota, but somebody may: clients come back rarely."""


class Overloaded(GroundworkError):
    """The door is full; the caller should come back after ``retry_after_seconds``."""

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class DeadlineExceeded(GroundworkError):
    """The time that a request may take was over before the work was done; the rest of it was not begun."""


class NotReady(GroundworkError):
    """Nothing can be served yet: no model, no release, or the snapshot is still being opened."""


class ClientGone(GroundworkError):
    """The client closed its connection before it was answered; this stands in counts and logs alone."""


class NotYetSearchable(GroundworkError):
    """A search asked to see a write that cannot be found here yet."""


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
    """The job of this build was cancelled; what it stored stays."""


class AlreadyRunning(GroundworkError):
    """Another process is doing the same thing in this home, and it can only be done once at a time."""


class CatalogueBusy(GroundworkError):
    """The catalogue stayed locked by other writers beyond the busy timeout."""


class StorageFull(GroundworkError):
    """The disk has no room left; nothing was half-written."""
