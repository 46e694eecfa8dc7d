"""How files stand in a collection, as our own uploads and OpenAI's vector stores tell it, with what they wait for."""

from collections.abc import Sequence

from app.schemas.openai_vector_stores import StoreFileAnswer, store_file_answer
from app.schemas.uploads import UploadAnswer, upload_answer
from app.services.state import Services
from app.services.vector_stores import chunking_of
from app.services.waiting_writes import warnings_about_builder
from indexing.catalogue.file_readings import Reading, files_that_wait
from indexing.records import Partition


def answer_of(services: Services, reading: Reading) -> UploadAnswer:
    """An upload; with a warning where its documents wait for a build, and no builder runs."""
    return upload_answer(reading, _warnings_of(services, reading))


def store_file_of(services: Services, reading: Reading) -> StoreFileAnswer:
    """A file in a vector store; where it waits for a build and no builder runs, its last error says so."""
    return store_file_answer(reading, chunking_of(services), _warnings_of(services, reading))


def store_files_of(services: Services, partition: Partition, readings: Sequence[Reading]) -> list[StoreFileAnswer]:
    """Several files of one store, each as ``store_file_of`` tells it."""
    chunking, waiting = chunking_of(services), set[str]()
    warnings = warnings_about_builder(services) if any(one.step == "indexing" for one in readings) else []
    if warnings:
        waiting = files_that_wait(services.home.catalogue, partition)
    return [store_file_answer(one, chunking, warnings if one.file in waiting else []) for one in readings]


def _warnings_of(services: Services, reading: Reading) -> list[str]:
    return warnings_of_files(services, reading.partition, file=reading.file) if reading.step == "indexing" else []


def warnings_of_files(
    services: Services, partition: Partition, *, file: str | None = None, batch: str | None = None
) -> list[str]:
    """What to say of a file, or of a batch of files, of which some wait for a build: nothing while a builder runs."""
    warnings = warnings_about_builder(services)
    if warnings and files_that_wait(services.home.catalogue, partition, file=file, batch=batch):
        return warnings
    return []
