"""How uploads stand, with what there is to be said of them."""

from app.schemas.uploads import UploadAnswer, upload_answer
from app.services.state import Services
from app.services.waiting_writes import warnings_about_builder
from indexing.catalogue.documents import find_document
from indexing.catalogue.file_readings import Reading


def answer_of(services: Services, reading: Reading) -> UploadAnswer:
    """An upload; with a warning where its documents wait for a build, and no builder runs."""
    waits = reading.step == "indexing" and any(_waits(services, reading, one) for one in reading.documents[:1])
    return upload_answer(reading, warnings_about_builder(services) if waits else [])


def _waits(services: Services, reading: Reading, document_id: str) -> bool:
    stored = find_document(services.home.catalogue, reading.partition, document_id)
    return stored is not None and not stored.is_live
