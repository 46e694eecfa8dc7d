"""What the account of text says of real folders: how much is kept, which files are warned of or refused, and why.

Besides, how well slips of a permission are told from ordinary fields: every edit of one letter of ``allow``, and the
fields above the files of the folders, of which each that is refused is named.

Usage: python -m benchmarks.quality.text_accounts --folders FOLDER ... [--dry]
A folder is a checkout or an export of a site, or holds corpus.jsonl (BEIR).
"""

import argparse
import json
import string
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.harness.recording import write_result
from indexing.records import Reject
from indexing.sources.permission_slips import is_spelled_allow
from indexing.sources.readers import open_source
from indexing.sources.text_losses import LossTally

_SLIP = "looks like a permission"
_NAMED = 20
"""Files with warnings that are named for each folder."""


@dataclass(frozen=True, slots=True)
class FolderAccount:
    """What one folder's reading gave; ``rejects`` by the beginning of their reason."""

    folder: str
    documents: int
    rejects: dict[str, int]
    slips: list[str]
    raw: int
    kept: int
    left_out: dict[str, int]
    unexplained: int
    warned: int
    warnings: dict[str, list[str]]
    skipped_endings: dict[str, int]
    skipped_rules: dict[str, dict[str, int]]
    seconds: float


def account_of(folder: Path) -> FolderAccount:
    """Read all of a folder and add up."""
    begun = time.perf_counter()
    source, tally = open_source(folder), LossTally()
    documents, rejects = 0, list[Reject]()
    for entry in source.read():
        if isinstance(entry, Reject):
            rejects.append(entry)
        else:
            documents += 1
            tally.add([entry])
    losses, skipped = tally.losses(), source.skipped()
    return FolderAccount(
        folder.name,
        documents,
        dict(Counter(" ".join(reject.reason.split()[:4]) for reject in rejects).most_common()),
        [f"{reject.name}: {reject.reason}" for reject in rejects if _SLIP in reject.reason],
        losses.raw,
        losses.kept,
        dict(losses.left_out),
        losses.unexplained,
        losses.warned,
        {file.name: list(file.warnings) for file in losses.files[:_NAMED] if file.warnings},
        dict(skipped.endings),
        {rule: asdict(left) for rule, left in skipped.rules.items()},
        round(time.perf_counter() - begun, 2),
    )


def one_letter_off(word: str) -> Iterator[str]:
    """Every text that is one letter added, left out, replaced or exchanged with its neighbour away from ``word``."""
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        yield from (before + letter + after for letter in string.ascii_lowercase)
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in string.ascii_lowercase)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]


def slips_missed() -> dict[str, object]:
    """Which misspellings of ``allow`` and ``allowed`` pass: the English words among them alone should."""
    slips = {slip for word in ("allow", "allowed") for slip in one_letter_off(word)} - {"allow"}
    return {"slips": len(slips), "passed": sorted(slip for slip in slips if not is_spelled_allow(slip))}


def measure(folders: Sequence[Path]) -> dict[str, object]:
    """The accounts of all folders, and the misspellings."""
    return {"spelling": slips_missed(), "folders": [asdict(account_of(folder)) for folder in folders]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="collections that are read, too")
    parser.add_argument("--folders", type=Path, nargs="*", default=[])
    parser.add_argument("--dry", action="store_true", help="print the result and write none")
    options = parser.parse_args()
    collections = [path.parent for path in sorted(options.data.glob("*/corpus.jsonl"))]
    result = measure([*options.folders, *collections])
    if options.dry:
        print(json.dumps(result, indent=1))
    else:
        write_result("text_accounts", result)


if __name__ == "__main__":
    main()
