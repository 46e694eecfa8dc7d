"""Shard manifests: what a shard says of itself, as a record; which formats this version reads and writes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from indexing.errors import ArtefactCorrupt, FormatUnknown
from indexing.indexes.ivf_index import IvfInfo
from indexing.indexes.postings import TermRange
from indexing.indexes.sq8_index import Sq8Info
from indexing.records import Json, JsonFields, Partition
from indexing.storage.store import Artefact

FORMAT = 4
"""The format that shards are written in; see ``READABLE_FORMATS``."""
READABLE_FORMATS = (1, 2, 3, 4)
"""1: exact search only; 2: may have an approximate index; 3: also has the documents' attributes; 4: may have codes."""
FIRST_WITH_ATTRIBUTES = 3
"""The first format whose shards hold the attributes of their documents."""


@dataclass(frozen=True, slots=True)
class ShardPartition:
    """Where a partition stands in a shard: its rows, lexical terms and attribute terms, ``start`` to ``stop`` each.

    A shard from before format 3 has no attribute terms: both are ``None``.
    """

    tenant: str
    collection: str
    start: int
    stop: int
    term_start: int
    term_stop: int
    documents: int
    attribute_start: int | None = None
    attribute_stop: int | None = None

    @property
    def partition(self) -> Partition:
        """Whose rows these are."""
        return Partition(self.tenant, self.collection)

    @property
    def terms(self) -> TermRange:
        """Its lexical terms."""
        return TermRange(self.term_start, self.term_stop)

    @property
    def attribute_terms(self) -> TermRange:
        """Its attribute terms; none in a shard from before format 3."""
        return TermRange(self.attribute_start or 0, self.attribute_stop or 0)

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``to_json`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        part = cls(
            fields.take("tenant", str),
            fields.take("collection", str),
            fields.take("start", int),
            fields.take("stop", int),
            fields.take("term_start", int),
            fields.take("term_stop", int),
            fields.take("documents", int),
            fields.take_if_there("attribute_start", int),
            fields.take_if_there("attribute_stop", int),
        )
        fields.end()
        return part

    def to_json(self) -> Json:
        """This as JSON, without what it does not have."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """What a shard and the snapshot that names it both say of it: how many passages, whose, and which indexes."""

    rows: int
    partitions: tuple[ShardPartition, ...]
    lists: IvfInfo | None = None
    codes: Sq8Info | None = None

    @classmethod
    def taken_from(cls, fields: JsonFields) -> Self:
        """Take them from the fields of a manifest.

        Raises:
            ValueError: they are not as they must be.
        """
        lists, codes = fields.take_if_there("lists", dict), fields.take_if_there("codes", dict)
        return cls(
            fields.take("rows", int),
            tuple(ShardPartition.from_json(entry) for entry in fields.take("partitions", list)),
            None if lists is None else IvfInfo.from_json(lists),
            None if codes is None else Sq8Info.from_json(codes),
        )

    def to_json(self) -> dict[str, Json]:
        """These as fields of a manifest."""
        stored: dict[str, Json] = {"rows": self.rows, "partitions": [part.to_json() for part in self.partitions]}
        if self.lists is not None:
            stored["lists"] = self.lists.to_json()
        if self.codes is not None:
            stored["codes"] = asdict(self.codes)
        return stored


@dataclass(frozen=True, slots=True)
class ShardManifest:
    """What a shard says of itself; ``dimension`` is that of its vectors."""

    format: int
    dimension: int
    facts: ShardFacts

    def to_json(self) -> dict[str, Json]:
        """This as the facts of an artefact."""
        return {"format": self.format, "dimension": self.dimension, **self.facts.to_json()}


def read_shard_manifest(artefact: Artefact) -> ShardManifest:
    """What a shard's artefact says of it; fields that this version does not know count for nothing.

    Raises:
        FormatUnknown: written by a newer version.
        ArtefactCorrupt: it is damaged.
    """
    require_readable(artefact.name, artefact.info)
    fields = JsonFields(artefact.info)
    try:
        return ShardManifest(fields.take("format", int), fields.take("dimension", int), ShardFacts.taken_from(fields))
    except ValueError as error:
        raise ArtefactCorrupt(f"shard {artefact.name}: its manifest is damaged ({error}). Build again.") from error


def require_readable(name: str, info: Mapping[str, Json]) -> None:
    """Refuse a shard in a format of the future.

    Raises:
        FormatUnknown: written by a newer version.
    """
    if info.get("format") not in READABLE_FORMATS:
        raise FormatUnknown(
            f"shard {name} has format {info.get('format')!r}; this version reads formats"
            f" {', '.join(map(str, READABLE_FORMATS))}. Update Groundwork, or build again with this version."
        )
