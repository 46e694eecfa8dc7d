"""Document views, moments and transformations for tests of document features."""

from datetime import UTC, datetime, timedelta

from indexing.catalogue.document_writes import put_documents
from indexing.features.feature_values import Feature
from indexing.features.transformations import Transformation
from indexing.features.views import DOCUMENT_STATS, Column, DocumentView
from indexing.records import Document, Partition

OURS, THEIRS = Partition("a", "articles"), Partition("b", "articles")
START = datetime(2026, 11, 1, tzinfo=UTC)
CLICKS = DocumentView(
    "clicks",
    1,
    (Column("clicks", "int"), Column("share", "float"), Column("pinned", "bool"), Column("by", "str")),
    ttl_seconds=3600,
)
TAMPERED = {"document_stats": Transformation("document_stats", lambda document: {"length": 2 * len(document.text)})}


def after(seconds):
    """A moment so long after the first one."""
    return START + timedelta(seconds=seconds)


def features(view=DOCUMENT_STATS, *columns):
    """Features of a view, all of its columns by default."""
    chosen = [column for column in view.columns if not columns or column.name in columns]
    return [Feature(f"{view.name}:{column.name}", view, column) for column in chosen]


def put(home, *names, partition=OURS, text="some text"):
    """Documents of a home, by name."""
    put_documents(home.catalogue, partition, [Document(name, "", text) for name in names])
