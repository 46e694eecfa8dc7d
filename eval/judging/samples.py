"""Samples to judge: a question with what was found, answered and expected, as a file gives them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.errors import SourceInvalid
from indexing.records import Json, JsonFields, Partition, fingerprint

_DEFAULT = Partition(DEFAULT_TENANT, "default")


@dataclass(frozen=True, slots=True)
class Sample:
    """A question, and whatever is known about it; ``None`` is "not known", an empty list is "none".

    ``contexts`` are the texts that were found, best first, and ``context_ids`` the ids of their documents;
    ``reference`` is the answer that was expected, ``reference_contexts`` the texts that should be found and
    ``reference_context_ids`` the documents. ``partition`` is whose documents they are.
    """

    id: str
    question: str
    partition: Partition = _DEFAULT
    answer: str | None = None
    reference: str | None = None
    contexts: tuple[str, ...] | None = None
    context_ids: tuple[str, ...] | None = None
    reference_contexts: tuple[str, ...] | None = None
    reference_context_ids: tuple[str, ...] | None = None
    user: str | None = None
    user_hash: str | None = None
    """The user as the ledger knows users, where a stored query says no more."""

    @property
    def documents(self) -> frozenset[str]:
        """The ids of all documents that it names."""
        return frozenset((*(self.context_ids or ()), *(self.reference_context_ids or ())))


def samples_fingerprint(samples: Iterable[Sample]) -> str:
    """Identifies samples with all their texts, whatever their order."""
    return fingerprint(sorted((asdict(sample) for sample in samples), key=lambda sample: str(sample["id"])))


def read_samples(path: Path) -> Sequence[Sample]:
    """The samples of a file of JSON lines, in its order.

    Each line is an object with ``question`` and any of the other fields of ``Sample``; ``tenant`` and ``collection``
    stand for ``partition``. Without ``id`` it is the number of the line.

    Raises:
        SourceInvalid: the file cannot be read, holds no sample, or a line is none; the message names the line.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceInvalid(f"{path} cannot be read ({error}); expected a file of JSON lines in UTF-8") from error
    samples = list(_samples(path, text))
    if not samples:
        raise SourceInvalid(f"{path} holds no sample; expected a JSON object with at least 'question' in each line")
    return samples


def _samples(path: Path, text: str) -> Iterator[Sample]:
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            sample = _sample(json.loads(line), number)
        except (ValueError, RecursionError) as error:
            raise SourceInvalid(f"{path}, line {number}: {error}; expected a JSON object with 'question'") from error
        if sample.id in seen:
            raise SourceInvalid(
                f"{path}, line {number}: the id {sample.id!r} stands in line {seen[sample.id]} as well;"
                " expected one for each"
            )
        seen[sample.id] = number
        yield sample


def _sample(value: Json, number: int) -> Sample:
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no text that can be sent
    fields = JsonFields(value)
    question = fields.take("question", str)
    if not question.strip():
        raise ValueError("the question is empty")
    tenant = fields.take_if_there("tenant", str) or _DEFAULT.tenant
    sample = Sample(
        id=fields.take_if_there("id", str) or str(number),
        question=question,
        partition=Partition(tenant, fields.take_if_there("collection", str) or _DEFAULT.collection),
        answer=fields.take_if_there("answer", str),
        reference=fields.take_if_there("reference", str),
        contexts=_texts(fields, "contexts"),
        context_ids=_texts(fields, "context_ids"),
        reference_contexts=_texts(fields, "reference_contexts"),
        reference_context_ids=_texts(fields, "reference_context_ids"),
        user=fields.take_if_there("user", str),
    )
    fields.end()
    return sample


def _texts(fields: JsonFields, name: str) -> tuple[str, ...] | None:
    values = fields.take_if_there(name, list)
    if values is None:
        return None
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"the field {name!r} holds something else than texts")
    return tuple(values)
