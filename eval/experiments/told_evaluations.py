"""Evaluations as a collector of traces is told them: each measure is an event, by OpenTelemetry's conventions.

Source: semantic-conventions@7b0c0fe1e, docs/gen-ai/gen-ai-events.md.
"""

import logging
from contextlib import closing

from app.tracing.opening import collector_for
from app.tracing.operations import Attribute, Event, Operation, RequestTrace
from eval.experiments.kept_evaluations import Evaluation
from indexing.errors import GroundworkError
from indexing.settings import Settings

logger = logging.getLogger(__name__)


def tell_evaluation(settings: Settings, done: Evaluation) -> None:
    """Tell what a release scored, where the settings name a collector; that it cannot be told is logged."""
    try:
        collector = collector_for(settings)
    except GroundworkError as error:
        logger.warning("evaluation.not_told", extra={"fields": {"reason": str(error)}})
        return
    if collector is None:
        return
    trace = RequestTrace(None)
    about: dict[str, Attribute] = {
        "groundwork.release": done.release,
        "groundwork.snapshot": done.snapshot,
        "groundwork.query_set": done.query_set,
        "groundwork.split": done.split,
        "groundwork.mode": done.mode,
        "groundwork.evaluation": done.id,
    }
    scores = [
        Event(
            "gen_ai.evaluation.result", {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": mean, **about}
        )
        for name, mean in done.means.items()
    ]
    whole = Operation(f"evaluate {done.query_set}", "internal", trace.began, trace.now(), about, events=scores)
    with closing(collector):
        collector.tell(trace, whole)
