"""Where the text of a source's files went: the sums by reason, and the files that lost some."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from indexing.records import Document, TextAccount
from indexing.sources.account_rules import warnings_of


@dataclass(frozen=True, slots=True)
class FileLoss:
    """One document that did not come whole, or of which something must be said."""

    name: str
    account: TextAccount
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextLosses:
    """Letters and digits of all files that have an account, and the files of which something was left out or lost.

    Those with warnings come first, and among equals those that lost most.
    """

    raw: int = 0
    kept: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    unexplained: int = 0
    files: tuple[FileLoss, ...] = ()

    @property
    def warned(self) -> int:
        """How many files have warnings."""
        return sum(bool(file.warnings) for file in self.files)


class LossTally:
    """Adds up the accounts of documents as they are read."""

    def __init__(self) -> None:
        self._raw = self._kept = self._unexplained = 0
        self._left_out: Counter[str] = Counter()
        self._files: list[FileLoss] = []

    def add(self, documents: Iterable[Document]) -> None:
        """Add those of some documents."""
        for document in documents:
            account = document.account
            if account is None:
                continue
            self._raw += account.raw
            self._kept += account.kept
            self._unexplained += account.unexplained
            self._left_out.update(account.left_out)
            warnings = tuple(warnings_of(account))
            if warnings or account.left_out or account.unexplained:
                self._files.append(FileLoss(document.id, account, warnings))

    def losses(self) -> TextLosses:
        """What was added so far."""
        files = sorted(self._files, key=lambda file: (not file.warnings, -_lost(file.account), file.name))
        left_out = dict(sorted(self._left_out.items(), key=lambda item: (-item[1], item[0])))
        return TextLosses(self._raw, self._kept, left_out, self._unexplained, tuple(files))


def _lost(account: TextAccount) -> int:
    return account.unexplained + sum(account.left_out.values())
