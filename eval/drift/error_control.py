"""How false alarms are held at a stated level: inside one look over all its signals, and across looks that never end.

Inside one look Benjamini-Hochberg holds the share of false discoveries. Across looks each signal gathers evidence: its
p becomes an e-value, whose mean is at most 1 while nothing changes, and these are multiplied from every possible moment
of change on. While nothing changes, the mean of all signals' evidence grows by at most 1 a look; so the mean number of
looks until that mean reaches ``looks`` is at least ``looks``, and several signals that move together reach it sooner
than one. That asks that the p of a look is valid given those before, which holds where each window is compared with all
that was before it.

Source: Benjamini and Hochberg 1995; Vovk and Wang, Annals of Statistics 2021 (calibration); Shin, Ramdas and Rinaldo
2023 (e-detectors, here of Shiryaev and Roberts).
"""

import math
from collections.abc import Mapping, Sequence

from scipy.stats import false_discovery_control

LEVEL = 0.05
"""The share of false discoveries that one look allows itself. Source: our choice, the usual one."""
LOOKS_BETWEEN_FALSE_ALARMS = 2000
"""In the mean, of one watched part of the traffic: twelve weeks of hourly looks. Source: our choice."""

MOST_EVIDENCE = 1e12
"""That a signal gathers: far more than any alarm needs, and far from where a float ends. Source: our choice."""


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Each p after Benjamini-Hochberg: below a level where rejecting all such keeps false discoveries at that share."""
    return [float(p) for p in false_discovery_control(p_values)] if p_values else []


def evidence_of(p: float) -> float:
    """The e-value that a p value is worth: at least 0, in the mean at most 1 where nothing changed.

    Raises:
        ValueError: it is not a p value.

    Source: Vovk and Wang 2021, the mean of ``k * p ** (k - 1)`` over k in (0, 1): it needs no parameter.
    """
    if not 0.0 < p <= 1.0:
        raise ValueError(f"{p} is not a p value: expected more than 0 and at most 1")
    if p > 1.0 - 1e-6:
        return 0.5  # the limit, where the formula below divides 0 by 0
    logarithm = math.log(p)
    return (1.0 - p + p * logarithm) / (p * logarithm**2)


def gathered(before: Mapping[str, float], p_values: Mapping[str, float]) -> dict[str, float]:
    """The evidence of each signal after one more look; a signal that this look could not measure keeps what it had.

    It is ``MOST_EVIDENCE`` at most, so that it stays a number: one that is smaller only makes fewer alarms.
    """
    changed = {name: (before.get(name, 0.0) + 1.0) * evidence_of(p) for name, p in p_values.items()}
    return {name: min(found, MOST_EVIDENCE) for name, found in {**before, **changed}.items()}


def alarms(evidence: Mapping[str, float], *, looks: float = LOOKS_BETWEEN_FALSE_ALARMS) -> list[str]:
    """The signals that make an alarm, the strongest first; none while the evidence of all is not enough.

    It is enough where its mean over all signals is at least ``looks``; see the module for the level that this holds.
    Named are the signals whose own evidence is no less than that.
    """
    if sum(evidence.values()) < len(evidence) * looks:
        return []
    return sorted((name for name, found in evidence.items() if found >= looks), key=lambda name: -evidence[name])
