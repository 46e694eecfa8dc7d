"""Files in a home as if clients had brought them, and readings that are over."""

import io

from indexing.catalogue.collections import create_collection
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.file_readings import Attachment, attach_files
from indexing.catalogue.reading_turns import claim_reading, complete_reading, record_documents
from indexing.uploads.stored_files import store_file

MOST = 1_000
"""Readings that may be taken at once here."""


def kept_file(home, tenant, name="guide.md", content=b"# Guide\n\nA text.\n", **options):
    """The id of a file that a tenant brought."""
    stored = store_file(home, tenant, name, len(content), [io.BytesIO(content)], purpose="assistants", **options)
    return stored.id


def read_files(home, partition, *files, documents=(), batch=None):
    """Files that were read into a collection; each gave the documents."""
    create_collection(home.catalogue, partition)
    attach_files(home.catalogue, partition, [Attachment(one, {}, {"type": "auto"}, {}) for one in files], batch=batch)
    for _ in files:
        reading = claim_reading(home.catalogue, "a test", most=MOST, lease_seconds=60.0)
        with home.catalogue.write():
            put_documents(home.catalogue, partition, documents)
            record_documents(home.catalogue, reading, "a test", documents, [])
        complete_reading(home.catalogue, reading)
