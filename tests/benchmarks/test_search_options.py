"""What an option of a search costs is measured of searches that are answered, each kind in its turn."""

import asyncio

from benchmarks.harness.in_process import in_turns, served_in_process
from benchmarks.search.search_options import BATCH, KINDS, PLAIN, batch, body_of
from tests.app.conftest import fill, release


def test_each_kind_is_asked_and_answered(tiny_home):
    fill(tiny_home)
    release(tiny_home)

    async def ask():
        async with served_in_process(tiny_home.path) as client:
            bodies = {kind: [body_of("password", kind)] for kind in KINDS if "collections" not in KINDS[kind]}
            return await in_turns(client, bodies, rounds=1), await batch(client, ["password"] * BATCH)

    found, of_batch = asyncio.run(ask())
    assert PLAIN in found
    assert set(found) < set(KINDS)
    assert all(one["ms"] > 0 for one in found.values())
    assert of_batch[0] > 0
