"""Judgement files of a home, and the replies behind them: what of both an erasure takes out.

The judging half writes the files. Here they are JSON objects of a known shape: below ``samples`` each has the tenant,
the collection, the documents and the user that it is about, and none of their texts.
"""

import json
from collections.abc import Callable, Iterator, Set
from pathlib import Path

from indexing.records import Json, Partition
from indexing.retention.evaluation_files import EVALUATIONS
from indexing.storage.atomic_files import write_atomically
from indexing.storage.permissions import SHARED_FILE

JUDGE_LOCK = "judge"
"""The lock of what writes judgements and what erases from them."""
JUDGEMENTS = "judgements"
"""Folder of the files, below that of the evaluations."""
Concerns = Callable[[Json], bool]
"""Whether a sample of a file is about what is erased."""


def about_documents(partition: Partition, ids: Set[str] | None) -> Concerns:
    """Samples about some documents of a collection, or about all; one that names none may be about any."""

    def concerns(sample: Json) -> bool:
        documents = set(sample["documents"])
        is_there = (sample["tenant"], sample["collection"]) == (partition.tenant, partition.collection)
        return is_there and (ids is None or not documents or bool(documents & ids))

    return concerns


def about_tenant(tenant: str) -> Concerns:
    """All samples of a tenant."""
    return lambda sample: bool(sample["tenant"] == tenant)


def about_user(tenant: str, user_hash: str) -> Concerns:
    """What a user of a tenant asked."""
    return lambda sample: bool(sample["tenant"] == tenant and sample["user_hash"] == user_hash)


def ids_in_judged(home: Path, partition: Partition) -> frozenset[str]:
    """The documents of a collection that judged samples name."""
    is_there = about_documents(partition, None)
    return frozenset(
        document
        for _, judgement in _judgements(home)
        for sample in judgement["samples"]
        if is_there(sample)
        for document in sample["documents"]
    )


def count_judged(home: Path, concerns: Concerns) -> int:
    """How many samples of all files are about what is erased."""
    return sum(sum(map(concerns, judgement["samples"])) for _, judgement in _judgements(home))


def erase_judged(home: Path, concerns: Concerns) -> int:
    """Take those samples out of every file, and say in it how many were; gives how many. A file without any goes.

    The means stay as they were measured: they tell of no single sample.
    """
    erased = 0
    for path, judgement in _judgements(home):
        kept = [sample for sample in judgement["samples"] if not concerns(sample)]
        gone = len(judgement["samples"]) - len(kept)
        erased += gone
        if gone and not kept:
            path.unlink()
        elif gone:
            judgement["samples"], judgement["erased"] = kept, judgement.get("erased", 0) + gone
            write_atomically(path, json.dumps(judgement, indent=1).encode() + b"\n", mode=SHARED_FILE)
    return erased


def _judgements(home: Path) -> Iterator[tuple[Path, dict[str, Json]]]:
    for path in sorted((home / EVALUATIONS / JUDGEMENTS).glob("*.json")):
        yield path, json.loads(path.read_bytes())
