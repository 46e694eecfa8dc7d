"""Which requests leave a sketch of their query vector: few enough that a busy tenant does not fill the ledger."""

from collections import OrderedDict

SKETCHES_AN_HOUR = 500
"""Of one collection in one process: as many as one look at drift compares (issue 12), at 130 bytes each."""
_MOST_COLLECTIONS = 10_000
"""Collections that are counted at once; of one that was not asked for longest the count begins anew. Our choice."""
_SECOND = SKETCHES_AN_HOUR / 3600.0
"""Sketches that a collection gains a second."""


class SketchSample:
    """A bucket for each collection: full at first, each sketch takes one, and time fills it again.

    For one thread, the recorder's.
    """

    def __init__(self) -> None:
        """Nothing was taken yet."""
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def takes(self, tenant: str, collection: str, at_seconds: float) -> bool:
        """Whether a request of the moment ``at_seconds``, in seconds of any clock, is in the sample."""
        key = tenant, collection
        left, before = self._buckets.pop(key, (float(SKETCHES_AN_HOUR), at_seconds))
        left = min(float(SKETCHES_AN_HOUR), left + max(0.0, at_seconds - before) * _SECOND)
        is_taken = left >= 1.0
        self._buckets[key] = left - is_taken, max(before, at_seconds)
        if len(self._buckets) > _MOST_COLLECTIONS:
            self._buckets.popitem(last=False)
        return is_taken
