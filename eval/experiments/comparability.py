"""Whether two evaluations can be compared at all, and whether the judgments can tell which is better."""

from eval.datasets.query_sets import QuerySet
from eval.experiments.evaluations import Evaluation, judgments_of
from eval.experiments.partition_content import documents_differ
from eval.experiments.statistics import TIE

MAX_COVERAGE_GAP = 0.05
"""Difference of judged@10, five points, above which one ranking is judged too much better. Source: our choice."""
NO_DIFFERENCE = 0.005
"""Differences of nDCG nearer to zero have no sign. On a set without negative judgments the condensed form says little
more than whether anything relevant is among all results, and a harmless change moves it either way. Our choice."""


def reasons_not_to_compare(a: Evaluation, b: Evaluation, query_set: QuerySet) -> tuple[str, ...]:
    """What differs between the inputs of two evaluations that must not."""
    found = []
    if a.partition != b.partition:
        found.append(f"the collections differ: {a.partition} and {b.partition}")
    elif documents_differ(a.documents, b.documents, have_same_writes=a.seq == b.seq):
        counts = [one.documents.partition("-")[0] for one in (a, b)]
        found.append(
            f"the documents differ: release {a.release} holds {counts[0]} as of write {a.seq}, release {b.release}"
            f" holds {counts[1]} as of write {b.seq}; build both recipes from the same documents ('groundwork releases"
            f" diff {a.release} {b.release}' names them)"
        )
    if a.judgments != b.judgments:
        found.append(
            f"the queries or judgments differ: {_set_name(a)} and {_set_name(b)}; evaluate both on one version and"
            " split, at one time: judgments of documents that were deleted since do not count"
        )
    elif a.judgments != judgments_of(query_set):
        found.append(f"both were evaluated on {_set_name(a)}, and query set {query_set.name!r} has other judgments now")
    if a.k != b.k:
        found.append(f"{a.k} and {b.k} documents were asked for; evaluate both with one k")
    return tuple(found)


def _set_name(one: Evaluation) -> str:
    return f"{one.query_set}{'' if one.version is None else f' version {one.version}'} ({one.split})"


def doubts_of_judgments(coverage: tuple[float, float], difference: float, condensed: float) -> list[str]:
    """Why the judgments cannot tell which is better."""
    found = []
    if abs(coverage[1] - coverage[0]) > MAX_COVERAGE_GAP + TIE:
        found.append(
            f"judged@10 is {coverage[0]:.3f} and {coverage[1]:.3f}: one has {abs(coverage[1] - coverage[0]) * 100:.1f}"
            f" points more of its documents judged, where at most {MAX_COVERAGE_GAP * 100:g} may differ"
        )
    if min(abs(difference), abs(condensed)) >= NO_DIFFERENCE and difference * condensed < 0:
        found.append(
            f"nDCG@10 changes by {difference:+.4f} and, of judged documents alone, by {condensed:+.4f}: the sign hangs"
            " on documents that were never judged"
        )
    return found
