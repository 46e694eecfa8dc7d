"""Every error Groundwork raises on purpose, one class for each thing that can go wrong.

A message names the offending value, what was expected, and what to do next. ``app/web/problems.py`` maps each class to
an HTTP status; the command line prints the message without a traceback. Messages may name files of this machine:
``public_text`` is what may leave it.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class GroundworkError(Exception):
    """The root: catch it to catch everything Groundwork raises on purpose.

    ``field`` names the field of the request that is wrong, where one is and the raiser knows it.
    """

    def __init__(self, *arguments: object, field: str | None = None) -> None:
        super().__init__(*arguments)
        self.field = field


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
    """Waiting does not free a quota, but deleting or a larger limit does: clients come back rarely."""


class Overloaded(GroundworkError):
    """Too many requests of this kind are in progress; the caller should come back after ``retry_after_seconds``."""

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


class PreconditionFailed(GroundworkError):
    """A write was to happen only while a document was as its writer knew it, and it is not any more."""


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
    """Canonical vectors are not reproduced here, or a recipe's query encoder cannot search the release's snapshot."""


class BuildFailed(GroundworkError):
    """A build could not finish; the release in service is untouched."""


class BuildCancelled(GroundworkError):
    """The job of this build was cancelled; what it stored stays."""


class AlreadyRunning(GroundworkError):
    """Another process is doing the same thing in this home, and it can only be done once at a time."""


class RolloutConflict(GroundworkError):
    """The rollout is not in the state that this needs: another operator changed it, or another rollout is open."""


class ReleaseBehind(GroundworkError):
    """The recipe that is to answer lacks documents that the one in service answers with."""


class ReleaseNotGated(GroundworkError):
    """The recipe has no verdict PROMOTE against the one in service, and no override with a reason was given."""


class TooManyRecipes(GroundworkError):
    """More recipes would have to be open at once than ``GROUNDWORK_MAX_RECIPES`` allows."""


class CatalogueBusy(GroundworkError):
    """The catalogue stayed locked by other writers beyond the busy timeout."""


class CatalogueUnavailable(GroundworkError):
    """The catalogue's file cannot be opened, or not be written: permissions, a read-only disk, too many open files."""


class CatalogueReplaced(GroundworkError):
    """The catalogue's file or its log was removed or replaced while it was open; nothing is written to it any more."""

    retry_after_seconds = 60
    """Only a restart mends it."""


class LedgerUnavailable(GroundworkError):
    """A day of the ledger is locked, gone or not to be opened; what it would have recorded is dropped and counted."""


class ServiceFailed(GroundworkError):
    """A service outside of Groundwork that was asked, such as a judge, gave no usable answer.

    ``is_down`` says that asking it anything else now would fail as well.
    """

    def __init__(self, message: str, *, is_down: bool = False) -> None:
        super().__init__(message)
        self.is_down = is_down


class BudgetSpent(GroundworkError):
    """As many requests as a run may send to a service that costs money were sent; what was answered is kept."""

    retry_after_seconds = 3600
    """Waiting frees no budget: only a larger one does."""


class StorageFailed(GroundworkError):
    """The disk failed to read or write, though it may have room; nothing was acknowledged."""


class StorageFull(GroundworkError):
    """The disk has no room left; nothing was half-written."""


_ABSOLUTE_PATH = re.compile(r"(?<![\w.~:/?=-])(?:/[^\s/'\"`,;:()<>]+)+/([^\s/'\"`,;:()<>]*)")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")

_ROUTES = ("/v1/", "/mcp/")
"""What begins like a path of a file, and is none."""


def public_text(message: str, home: "Path", *, quotes_caller: bool = False) -> str:
    """A message without the places of files on this machine: for answers to callers, and for probes.

    Args:
        message: What is said to the log and to the person at the terminal.
        home: Where the home is; it becomes ``HOME``, and what is in it is named from there.
        quotes_caller: What is quoted is the caller's own and stays as it is, unless it is in the home.

    Returns:
        The message, in which any other absolute path has only its last part. ``/v1/...`` and ``/mcp/...`` are routes,
        not paths.
    """
    for pattern in _places_of(home):
        message = pattern.sub("HOME", message)
    if not quotes_caller:
        return _without_paths(message)
    kept, ends = [], 0
    for quoted in _QUOTED.finditer(message):
        kept += [_without_paths(message[ends : quoted.start()]), quoted.group()]
        ends = quoted.end()
    return "".join([*kept, _without_paths(message[ends:])])


def _without_paths(text: str) -> str:
    return _ABSOLUTE_PATH.sub(lambda found: found[0] if found[0].startswith(_ROUTES) else found[1] or "...", text)


@lru_cache(maxsize=8)
def _places_of(home: "Path") -> tuple[re.Pattern[str], ...]:
    """Every way in which a message may name the home, the longest first."""
    places = {str(home), str(home.absolute()), str(home.resolve())} - {".", "/"}
    begins, ends = r"(?<![\w./-])", r"(?=[^\w-]|$)"
    return tuple(  # a relative place may be a plain word, so it counts only where a file in it is named
        re.compile(begins + re.escape(place) + (ends if place[0] == "/" else "(?=/)"))
        for place in sorted(places, key=len, reverse=True)
    )
