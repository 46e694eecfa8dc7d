"""What is forgotten with the ledger's days: replies of judges, acknowledged alerts, old evaluations, reports, runs."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from eval.experiments.kept_evaluations import forget_old_evaluations
from eval.judging.runs import forget_old_replies
from indexing.catalogue.alerts import forget_alerts_before
from indexing.catalogue.schedule import forget_runs_before
from indexing.home import Home
from indexing.ledger.retention import enforce_retention
from indexing.records import Json, moment_text
from indexing.retention.stored_reports import forget_old_reports
from indexing.schedule.jobs import Steps


def forget_old(home: Home, steps: Steps, *, now: datetime | None = None) -> Mapping[str, Json]:
    """Forget what is older than the days of the ledger, and replies by age of their own. Gives how much of each.

    Evaluations of releases that are not retired stay, and so do open alerts, verdicts and the last run of each job.
    """
    at = datetime.now(UTC) if now is None else now
    settings, beginning = home.settings, at - timedelta(days=home.settings.ledger_days)
    before = moment_text(beginning)
    steps("ledger")
    days = enforce_retention(home.ledger.folder, days=settings.ledger_days, max_mb=settings.ledger_max_mb, now=at)
    steps("evaluations")
    evaluations = forget_old_evaluations(home, before)
    steps("replies, reports, alerts and runs")
    return {
        "ledger_days": [one.day.isoformat() for one in days],
        "evaluations": evaluations,
        "judge_replies": forget_old_replies(home, at),
        "reports": forget_old_reports(home.path, beginning),
        "alerts": forget_alerts_before(home.catalogue, before),
        "runs": forget_runs_before(home.catalogue, before),
    }
