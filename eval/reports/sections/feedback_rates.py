"""What the section on feedback is told of: rates by release and arm, position's part, comments that may be shown."""

from eval.feedback.harvest import harvest
from eval.feedback.position_bias import PositionBias as HarvestedBias
from eval.feedback.position_bias import estimate_position_bias
from eval.feedback.rates import Rate as RateOfGroup
from eval.feedback.rates import feedback_rates
from eval.reports.model import Estimate, Section
from eval.reports.sections.feedback import ID, NOTHING, TITLE, Comment, Feedback, PositionBias, Rate, tell_feedback
from eval.reports.source import Source
from indexing.ledger.feedback_readers import feedback_of

RANKS = 10
"""Ranks of which the position's part is shown: a first page of hits. Our choice."""
MAX_COMMENTS = 20
"""Comments that are shown, the newest. Our choice."""
SAID = {
    "helped": "answers that helped (a click, a copy, a citation, or said so)",
    "clicked": "answers with a click",
    "copied": "answers that were copied from",
    "cited": "answers with a hit that was cited",
    "read": "answers that were read for half a minute",
    "answered": "answers of which users said that a hit answered it",
    "not answered": "answers of which users said that nothing did",
    "negative": "answers that users spoke or acted against (asked again, left, rated low)",
    "reformulated": "answers after which users asked again in other words",
    "abandoned": "answers that were abandoned",
    "commented": "answers with a comment",
    "rating": "mean rating, of the answers that were rated",
}
"""What each of ``eval.feedback.rates.MEASURES`` is, in words."""


def feedback_section(source: Source) -> Section:
    """What users said and did about the answers of the period."""
    home, options = source.home, source.options
    if next(feedback_of(home.ledger, None, options.since, options.until, limit=1), None) is None:
        return Section(ID, TITLE, absent=NOTHING)  # before every answer of the period is read
    found = feedback_rates(home, options.since, options.until, by=("release", "arm"))
    if not found.with_feedback:
        return Section(ID, TITLE, absent=NOTHING)
    seen = {one.measure for one in found.rates if one.estimate.value}
    rates = [_rate(one) for one in found.rates if one.measure in seen and one.answers]
    bias = None
    if "clicked" in seen:
        bias = _position_bias(estimate_position_bias(harvest(home, options.since, options.until).shown))
    comments, hidden, tenants = _read_comments(source)
    told = Feedback(rates, bias, comments, hidden)
    return tell_feedback(told, tenants)


def _rate(one: RateOfGroup) -> Rate:
    value = Estimate(one.estimate.value or 0.0, one.estimate.low, one.estimate.high)
    return Rate(SAID[one.measure], one.group["release"], one.group["arm"], one.answers, one.users, value)


def _position_bias(found: HarvestedBias) -> PositionBias:
    eta = found.eta
    if eta.value is None or eta.low is None or eta.high is None:
        return PositionBias(Estimate(0.0), found.pairs, (), (), eta.reason)
    ranks = range(1, RANKS + 1)
    examined = [Estimate(rank**-eta.value, rank**-eta.high, rank**-eta.low) for rank in ranks]
    return PositionBias(Estimate(eta.value, eta.low, eta.high), found.pairs, list(ranks), examined)


def _read_comments(source: Source) -> tuple[list[Comment], int, frozenset[str]]:
    """The newest comments that may be shown, how many more there are, and whose they are."""
    shown: list[Comment] = []
    hidden = 0
    tenants: set[str] = set()
    options = source.options
    for row in feedback_of(source.home.ledger, None, options.since, options.until, newest_first=True):
        if row.comment is None:
            continue
        if source.policy.allows(row.tenant) and len(shown) < MAX_COMMENTS:
            shown.append(Comment(row.at, row.tenant, row.comment))
            tenants.add(row.tenant)
        else:
            hidden += 1
    return shown, hidden, frozenset(tenants)
