"""Settings: what may differ between machines without changing a result. The only reader of the environment.

Whatever changes results (passages, model, fusion) is part of a recipe and not a setting.
"""

import getpass
import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once from ``GROUNDWORK_*`` variables by the door (API, command line, worker) and passed in."""

    model_config = SettingsConfigDict(env_prefix="GROUNDWORK_", frozen=True, extra="ignore")

    home: Path = Field(Path(".groundwork"), description="Folder that holds the catalogue and every artefact.")
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port the API listens on.")
    api_key: str | None = Field(
        None,
        min_length=16,
        repr=False,
        description="Key of the default tenant; without it one is made and kept in HOME/api-key.",
    )
    redis_url: str | None = Field(
        None,
        description="Redis for builds on workers, redis://HOST:PORT/DB; without it builds run in their own process.",
    )
    block_size: int = Field(
        256, ge=1, le=10_000, description="Encoder inputs a block: what a killed worker loses at most."
    )
    lease_seconds: float = Field(
        10.0, gt=0.5, description="How long a killed worker's block waits for the next worker."
    )
    sessions: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="Single-threaded encoder sessions a process."
    )
    max_concurrency: int = Field(64, ge=1, description="Searches in progress before the door answers 503.")
    poll_seconds: float = Field(1.0, gt=0, description="How often the API looks for a newly deployed release.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Level of the structured log: DEBUG, INFO, WARNING or ERROR."
    )
    log_queries: bool = Field(False, description="Whether query text may be written to the log.")
    busy_timeout_seconds: float = Field(30.0, gt=0, description="How long a write waits for the catalogue's lock.")


def current_user() -> str:
    """Who is running this, for the records; the number of the user where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def limit_native_threads() -> None:
    """Give every native library one thread, unless the environment says otherwise.

    Call it before numpy, faiss or ONNX Runtime is imported. Parallelism comes from one single-threaded session a
    core: an OpenMP pool below it costs more than it gives, and a forked child that inherits one hangs (faiss 5206).
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def forbid_hub_downloads() -> None:
    """Keep Hugging Face libraries from asking the network for anything; call it before they are imported."""
    os.environ["HF_HUB_OFFLINE"] = "1"
