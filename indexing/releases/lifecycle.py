"""What operators do with a trial that has begun: set its share, pause, resume, reject, end."""

from indexing.catalogue.database import Database
from indexing.errors import RolloutConflict
from indexing.records import Json
from indexing.releases.rollouts import OPEN_STATES, Rollout, State
from indexing.releases.transitions import Decision, change_rollout
from indexing.releases.trials import admitted_share, checked_share


def set_share(
    catalogue: Database, seen: Rollout, by: Decision, share: float, *, override: str | None = None
) -> Rollout:
    """Set the candidate's share by hand; its steps, if it has any, are over then.

    While the share grows, each unit that had the candidate keeps it.

    Raises:
        InvalidInput: the share is not in (0, 1].
        RolloutConflict: the rollout is not open, or an A/B test, whose share is stated beforehand.
        ReleaseNotGated: a canary's share is 1, its candidate has no verdict PROMOTE, and no ``override`` says why.
    """
    if seen.mode == "ab":
        raise RolloutConflict(f"Rollout {seen.id} is an A/B test, whose share is stated beforehand: end it instead.")
    changes: dict[str, Json] = {"share": checked_share(share), "steps": "[]", "step": 0}
    with catalogue.write():
        if seen.mode == "canary":  # a shadow answers no one, and what is interleaved is half of what is in service
            by = admitted_share(catalogue, seen.candidate, share, by, override)
        return change_rollout(catalogue, seen, seen.state, by, changes, only_from=OPEN_STATES)


def pause(catalogue: Database, seen: Rollout, by: Decision) -> Rollout:
    """Give the candidate nothing until it is resumed; it stays open and takes writes.

    Raises:
        RolloutConflict: it takes no traffic.
    """
    return change_rollout(catalogue, seen, "paused", by, only_from=("shadow", "canary"))


def resume(catalogue: Database, seen: Rollout, by: Decision) -> Rollout:
    """Go on where it was paused, with the same units; what is observed counts from now on.

    Raises:
        RolloutConflict: it is not paused.
    """
    to: State = "shadow" if seen.mode == "shadow" else "canary"
    return change_rollout(catalogue, seen, to, by, only_from=["paused"])


def reject(catalogue: Database, seen: Rollout, by: Decision) -> Rollout:
    """Decide against the candidate; for ever, though the recipe may be proposed again.

    Raises:
        RolloutConflict: it is over, or in service.
    """
    return change_rollout(catalogue, seen, "rejected", by)


def end(catalogue: Database, seen: Rollout, by: Decision) -> Rollout:
    """End a trial without a decision against the candidate; it gets nothing from now on.

    Raises:
        RolloutConflict: it has not begun, or is over, or in service.
    """
    return change_rollout(catalogue, seen, "ended", by, only_from=("shadow", "canary", "paused"))
