"""The jobs that watch over quality, and when each is due. Light to load: what a job needs is loaded when it runs."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from indexing.home import Home
from indexing.records import Json
from indexing.schedule.jobs import Every, ScheduledJob, Steps, daily, weekly


def _evaluate(home: Home, steps: Steps) -> Mapping[str, Json]:
    from eval.jobs.executors import executor_for
    from eval.jobs.live_evaluations import evaluate_live

    executor = executor_for(home, check=lambda: steps("waiting for workers"), on_wait=steps)
    return evaluate_live(home, steps, executor=executor)


def _drift(home: Home, steps: Steps) -> Mapping[str, Json]:
    from eval.drift.watch import watch_drift
    from eval.feedback.rates import feedback_of_requests

    steps("which collections are asked")
    looks = watch_drift(home, feedback=feedback_of_requests, on_scope=steps)
    return {
        "looks": {
            one.scope: {
                "looks": one.looks,
                "queries": one.queries,
                "is_enough": one.report is not None,
                "alerts": [alert.id for alert in one.alerts],
                "failure": one.failure,
                "signals": {} if one.report is None else one.report.figures,
            }
            for one in looks
        }
    }


def _judge(home: Home, steps: Steps) -> Mapping[str, Json]:
    from eval.feedback.candidates import propose_from_feedback
    from eval.judging.runs import judge_every_set

    steps("candidates from feedback")
    proposed = propose_from_feedback(home, datetime.now(UTC) - timedelta(days=home.settings.ledger_days))
    judged = judge_every_set(
        home,
        budget=home.settings.judge_weekly_requests,
        on_sample=lambda name, done: steps(f"judging {name}, {done} done"),
    )
    candidates = {"from_clicks": proposed.from_clicks, "from_words": proposed.from_words, "new": proposed.new}
    return {"candidates": candidates, "judged": judged}


def _retention(home: Home, steps: Steps) -> Mapping[str, Json]:
    from eval.jobs.retention import forget_old

    return forget_old(home, steps)


def _skew(home: Home, steps: Steps) -> Mapping[str, Json]:
    from eval.drift.feature_skew import check_skew

    steps("a day's answers")
    found: Mapping[str, Json] = check_skew(home, on_rows=lambda rows: steps(f"{rows:,} answers"))
    return found


def _features(home: Home, steps: Steps) -> Mapping[str, Json]:
    from eval.jobs.document_features import materialise_used

    return materialise_used(home, steps)


EVALUATE = ScheduledJob("evaluate", daily(2), _evaluate, "evaluates what is live on every stored query set")
DRIFT = ScheduledJob("drift", Every(3600, 300), _drift, "looks for drift in every collection that is asked")
JUDGE = ScheduledJob("judge", weekly(6, 4), _judge, "proposes what to judge and has what is found judged")
FEATURES = ScheduledJob("features", daily(0, 30), _features, "computes document features of what changed")
RETENTION = ScheduledJob("retention", daily(1), _retention, "forgets what is older than the ledger's days")
SKEW = ScheduledJob("skew", daily(1, 30), _skew, "recomputes features that answers used")
"""Hours are those of UTC in which most homes are quiet. Source: our choice."""
