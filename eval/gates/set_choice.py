"""Which query sets a gate judges by: those of its policy, else those with enough judgments, else one that is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eval.datasets.query_sets import QuerySet
from eval.datasets.stored_sets import StoredSet, list_query_sets, read_query_set
from eval.datasets.synthesis import synthesise
from eval.gates.policy import LEAST_QUERIES, Policy, SetPolicy
from indexing.catalogue.collections import largest_collection
from indexing.errors import InvalidInput, NotFound
from indexing.home import Home
from indexing.settings import current_user

SYNTHETIC = "synthetic"
"""The name of the set that is made where there are too few judgments."""


@dataclass(frozen=True, slots=True)
class ChosenSets:
    """The sets with what each must show, and by name why others were left out."""

    sets: Sequence[tuple[SetPolicy, QuerySet]]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_synthetic(self) -> bool:
        """Whether no person judged any of them."""
        return bool(self.sets) and all(query_set.is_synthetic for _, query_set in self.sets)


def choose_sets(home: Home, policy: Policy) -> ChosenSets:
    """The sets that a policy names; without any, every judged set whose test split has ``LEAST_QUERIES`` or more.

    Where there is none, a synthetic set: the largest that there is, else a new one of the largest collection. Without
    documents to make queries of there is no set at all.

    Raises:
        NotFound: the policy names a set that there is not.
        InvalidInput: a named set has no query with a relevant document, or no query of it has a guarded slice.
    """
    if policy.query_sets:
        return ChosenSets([(one, _read(home, one)) for one in policy.query_sets])
    stored = list_query_sets(home)
    found, left_out = [], {}
    for one in (SetPolicy(name=one.name) for one in stored if not one.is_synthetic and one.judgments):
        try:
            query_set = _read(home, one)
        except InvalidInput as error:
            left_out[one.name] = str(error)
            continue
        if len(query_set.queries) >= LEAST_QUERIES:
            found.append((one, query_set))
        else:
            few = f"{len(query_set.queries)} queries in split {one.split}, and {LEAST_QUERIES} are needed"
            left_out[one.name] = f"{one.name}: left out, {few}; a policy may name it with other numbers"
    if not found:
        try:
            made = _synthetic(home, stored)
            found.append((made, _read(home, made)))
        except (InvalidInput, NotFound) as error:
            left_out[SYNTHETIC] = str(error)
    return ChosenSets(found, left_out)


def _read(home: Home, policy: SetPolicy) -> QuerySet:
    found = read_query_set(home, policy.name, split=None if policy.split == "all" else policy.split)
    there = set[str]().union(*(its.keys() for its in found.slices.values()))
    if unknown := [one.slice for one in policy.guard_slices if one.slice not in there]:
        raise InvalidInput(
            f"{policy.name}: the policy guards the slice {unknown[0][:40]!r}, which none of its queries has; expected"
            f" one of: {', '.join(sorted(there)) or 'none'}."
        )
    return found


def _synthetic(home: Home, stored: Sequence[StoredSet]) -> SetPolicy:
    enough = [one for one in stored if one.is_synthetic and one.queries >= LEAST_QUERIES]
    if enough:
        return SetPolicy(name=max(enough, key=lambda one: one.queries).name, split="all")
    partition = largest_collection(home.catalogue)
    if partition is None:
        raise NotFound("There is no document to make queries of: ingest some first.")
    why = "a gate found no query set with enough judgments"
    synthesise(home, SYNTHETIC, partition, actor=current_user(), reason=why, again=True)
    return SetPolicy(name=SYNTHETIC, split="all")
