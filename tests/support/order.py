"""In which order files of tests run: those that wait much among those that compute, so that no core is idle."""

from itertools import groupby

WAITING = "tests/system/"
"""Files of tests that start real processes and wait for them."""
BEGINNING = 0.6
"""The part of the other files among which they are spread: none is to begin when the others end. Our choice."""


def spread(waiting, others):
    """One list of both, each in its order: ``waiting`` evenly among the first of ``others``.

    >>> spread(["a", "b"], list("0123456789"))
    ['a', '0', '1', '2', 'b', '3', '4', '5', '6', '7', '8', '9']
    """
    step = int(len(others) * BEGINNING / max(1, len(waiting)))
    found = []
    for place, one in enumerate(waiting):
        found += [one, *others[place * step : (place + 1) * step]]
    return [*found, *others[len(waiting) * step :]]


def order(items):
    """Put the tests of a run into that order, those of a file side by side; what waits longest comes first.

    Of the others those come first that lie in no folder: one of them reads all modules, and would end last by itself.
    """
    files = [list(tests) for _, tests in groupby(items, lambda item: item.nodeid.partition("::")[0])]
    waiting = [one for one in files if one[0].nodeid.startswith(WAITING)]
    others = [one for one in files if not one[0].nodeid.startswith(WAITING)]
    others.sort(key=lambda tests: tests[0].nodeid.partition("::")[0].count("/") > 1)
    waiting.sort(key=lambda tests: tests[0].nodeid, reverse=True)  # workers, soak, serving, server_limits ...
    items[:] = [test for tests in spread(waiting, others) for test in tests]
