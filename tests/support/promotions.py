"""Promotion for tests of other things than gates: with an override, since no gate has judged their recipes."""

from itertools import permutations

from indexing.catalogue.verdicts import OFFLINE, Grounds, insert_verdict
from indexing.releases import pins, promotion
from indexing.releases.gate import PROMOTE

OVERRIDE = "a test of something else"


def promote(catalogue, recipe, by, **choices):
    """As ``promotion.promote``, with the override."""
    return promotion.promote(catalogue, recipe, by, **{"override": OVERRIDE, **choices})


def pin(catalogue, tenant, recipe, by, **choices):
    """As ``pins.pin``, with the override."""
    pins.pin(catalogue, tenant, recipe, by, **{"override": OVERRIDE, **choices})


def gated(catalogue, recipe, baseline=1, verdict=PROMOTE, at="2026-01-05T03:00:00.000+00:00", **grounds):
    """Let a gate have judged a recipe; gives the verdict's id."""
    return insert_verdict(catalogue, recipe, OFFLINE, verdict, ["as a test says"], at, Grounds(baseline, **grounds))


def gate_all(catalogue, recipes):
    """Let a gate have judged each of these recipes good enough, against each other one."""
    for recipe, baseline in permutations(recipes, 2):
        gated(catalogue, recipe, baseline)
