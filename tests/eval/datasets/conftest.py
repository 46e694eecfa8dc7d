"""A home with a collection of documents, for tests of stored query sets."""

import pytest

from indexing.catalogue.document_writes import put_documents
from indexing.records import Document, Partition

MANUAL = Partition("default", "manual")
DOCUMENTS = [
    Document(
        "pump", "Change the pump seal", "# Seal\n\nThe pump leaks when its seal is worn.", metadata={"topic": "pump"}
    ),
    Document("valve", "Open a stuck valve", "A valve that is stuck opens with warm water and patience.", metadata={}),
    Document("guides/hose", "Mend a torn hose", "Cut the torn piece out and join both ends with a clamp.", metadata={}),
]


@pytest.fixture
def manual(home):
    """The home; its default tenant has three documents in the collection ``manual``."""
    put_documents(home.catalogue, MANUAL, DOCUMENTS)
    return home
