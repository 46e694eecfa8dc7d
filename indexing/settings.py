"""Settings: what may differ between machines without changing a result. The only reader of the environment.

Whatever changes results (passages, model, fusion) is part of a recipe and not a setting.
"""

import getpass
import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "GROUNDWORK_"
"""What the name of every variable begins with."""


class _Environment(EnvSettingsSource):
    """The variables of the environment; works out no field where none is set, which takes 1 ms of CPU."""

    def __call__(self) -> dict[str, object]:
        return super().__call__() if any(name.startswith(PREFIX.lower()) for name in self.env_vars) else {}


class Settings(BaseSettings):
    """Read once from ``GROUNDWORK_*`` variables by what starts a process (API, command line, worker) and passed in."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    home: Path = Field(Path(".groundwork"), description="Folder that holds the catalogue and every artefact.")
    group: str | None = Field(
        None,
        min_length=1,
        description="Group, by name or number, whose members may publish artefacts, such as workers of another user.",
    )
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
        repr=False,  # it may hold a password
        description="Redis for builds on workers, redis://HOST:PORT/DB; without it builds run in their own process.",
    )
    block_size: int = Field(
        256, ge=1, le=10_000, description="Encoder inputs a task: what a killed worker loses at most."
    )
    lease_seconds: float = Field(10.0, gt=0.5, description="How long a killed worker's task waits for the next worker.")
    sessions: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="Single-threaded encoder sessions a process."
    )
    workers: int = Field(1, ge=1, le=64, description="API processes that share the port.")
    max_concurrency: int = Field(
        64, ge=1, description="Searches in progress before the API answers 503, in each process."
    )
    deadline_ms: int = Field(
        10_000, ge=1, le=600_000, description="Milliseconds a search may take at most; a request may ask for fewer."
    )
    max_connections: int = Field(
        1000, ge=1, description="Connections open at once before more are refused, in each API process."
    )
    max_connections_per_address: int = Field(
        256, ge=0, description="Connections open at once from one address, over all processes; 0 for any number."
    )
    trusted_proxies: str = Field(
        "", description="Addresses and networks of proxies, separated by commas, that are not held to that number."
    )
    mcp_origins: str = Field(
        "",
        description="Origins of web pages whose requests /mcp takes, separated by commas, as https://chat.example.",
    )
    keep_alive_seconds: float = Field(
        5.0, gt=0, le=3600, description="How long a connection may stay open without a request."
    )
    drain_seconds: float = Field(
        0.0, ge=0, le=300, description="How long SIGTERM leaves the port open while /readyz already answers 503."
    )
    query_cache_mb: int = Field(
        64, ge=0, description="Memory for vectors of queries that were asked before, in each process."
    )
    query_cache_seconds: int = Field(
        86_400, ge=0, description="How long Redis keeps a query's vector; 0 for not at all."
    )
    max_open_shards: int = Field(
        512, ge=1, description="Shards mapped at once; the one not used for longest gives way, and is mapped again."
    )
    max_recipes: int = Field(
        4, ge=2, le=16, description="Recipes open at once: in service, under trial, pinned and on standby."
    )
    poll_seconds: float = Field(1.0, gt=0, description="How often the API looks for a newly deployed release.")
    live_poll_seconds: float = Field(0.2, gt=0, description="How often the API looks for writes of other processes.")
    live_max_mb: int = Field(256, ge=1, description="Memory for writes that no build holds yet, a process.")
    live_max_passages: int = Field(20_000, ge=1, description="Passages of writes that no build holds yet, a process.")
    max_upload_mb: int = Field(
        64, ge=1, le=64, description="Largest file that may be uploaded, in megabytes; the readers take none larger."
    )
    max_files_mb: int = Field(
        10_000, ge=1, description="Megabytes that all uploaded files of one tenant may take together."
    )
    file_readers: int = Field(
        1, ge=1, le=8, description="Uploaded files that are read at once, over all API processes of a home."
    )
    min_seq_seconds: float = Field(2.0, ge=0, description="How long a search waits for the write that it must see.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Level of the structured log: DEBUG, INFO, WARNING or ERROR."
    )
    log_queries: bool = Field(
        False, description="Whether query text may be written to the log and the ledger, of tenants that allow it."
    )
    ledger: Literal["on", "off"] = Field(
        "on",
        description="What the ledger keeps of each request: on, all of it but its text; off, its assignment alone.",
    )
    ledger_days: int = Field(30, ge=1, le=36_500, description="Days of the ledger that are kept, today's included.")
    ledger_max_mb: int = Field(
        10_000, ge=1, description="Disk that the ledger may take in megabytes; its oldest days go first."
    )
    judge_url: str | None = Field(
        None,
        description="Endpoint of a model that judges and writes queries, in OpenAI's protocol, as http://HOST:PORT/v1.",
    )
    judge_key: str | None = Field(
        None, min_length=1, repr=False, description="Key of that endpoint, where it wants one."
    )
    judge_model: str | None = Field(None, min_length=1, description="Model to ask at that endpoint.")
    judge_weekly_requests: int = Field(
        2_000, ge=0, description="Requests that the weekly judging sends there at most, of all query sets together."
    )
    alert_webhook_url: str | None = Field(
        None,
        repr=False,  # it may hold a token
        description="Where new alerts are posted as JSON, http:// or https://; log and list have them all the same.",
    )
    otel_endpoint: str | None = Field(
        None,
        repr=False,  # it may hold a password
        description="Collector of traces, metrics and events by OTLP/HTTP, as http://HOST:4318; needs the extra otel.",
    )
    otel_texts: bool = Field(
        False, description="Whether questions, documents and comments go to the collector, of tenants that allow it."
    )
    busy_timeout_seconds: float = Field(30.0, gt=0, description="How long a write waits for the catalogue's lock.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given and the environment: no files."""
        return init_settings, _Environment(settings_cls)

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks_of(value)
        return value

    @field_validator("mcp_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        origins_of(value)
        return value

    @field_validator("alert_webhook_url")
    @classmethod
    def _check_alert_webhook_url(cls, url: str | None) -> str | None:
        """Refuse what is no address of a web server; the message must not hold it, since it may hold a token."""
        if not url:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected http://HOST/PATH or https://HOST/PATH")
        return url

    @field_validator("otel_endpoint")
    @classmethod
    def _check_otel_endpoint(cls, url: str | None) -> str | None:
        """Refuse what is no address of a web server; the message must not hold it, since it may hold a password."""
        if not url:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("expected http://HOST:PORT or https://HOST: what stands before /v1/traces")
        return url.rstrip("/").removesuffix("/v1/traces")

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: str | None) -> str | None:
        """Refuse what is no address of a Redis; the message must not hold the address, since that holds a password."""
        if not url:
            return None
        try:
            parts = urlsplit(url)
            database = parts.path.strip("/") or "0"
            is_good = parts.scheme in ("redis", "rediss") and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            is_good = False
        if not is_good or not database.isdecimal():
            raise ValueError("expected redis://HOST:PORT/DB, or rediss:// for TLS, with a number for PORT and for DB")
        return url

    @field_validator("judge_url")
    @classmethod
    def _check_judge_url(cls, url: str | None) -> str | None:
        """Refuse what is no address of an endpoint; a password in it would be shown in messages."""
        if not url:
            return None
        try:
            parts = urlsplit(url)
            is_good = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            is_good = False
        if not is_good or parts.query or parts.fragment:
            raise ValueError("expected http://HOST:PORT/v1 or https://HOST/v1: what stands before /chat/completions")
        if parts.username or parts.password:
            raise ValueError("expected no name and no password in it: give the key as GROUNDWORK_JUDGE_KEY")
        return url.rstrip("/").removesuffix("/chat/completions")

    @property
    def redis_place(self) -> str:
        """Where Redis is, for messages: ``HOST:PORT/DB``, never the name or the password in the address."""
        parts = urlsplit(self.redis_url or "")
        return f"{parts.hostname}:{parts.port or 6379}/{parts.path.strip('/') or '0'}"


def networks_of(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The addresses and networks of a list separated by commas; an address is a network of one.

    Raises:
        ValueError: an entry is neither; the message names it.
    """
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    try:
        return tuple(ip_network(entry, strict=False) for entry in entries)
    except ValueError as error:
        raise ValueError(f"{error}: expected addresses or networks such as 10.0.0.7,192.168.0.0/16,fd00::/8") from error


def origins_of(text: str) -> frozenset[str]:
    """The origins of a list separated by commas, as browsers write them.

    Raises:
        ValueError: one is not an origin; the message names it.
    """
    origins = frozenset(entry.strip().lower() for entry in text.split(",") if entry.strip())
    for origin in origins:
        parts = urlsplit(origin)
        if not parts.scheme or not parts.netloc or f"{parts.scheme}://{parts.netloc}" != origin:
            raise ValueError(f"{origin!r} is not an origin: expected SCHEME://HOST or SCHEME://HOST:PORT")
    return origins


METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Read by prometheus_client when it is imported: where processes that are scraped as one keep their counts."""


def metrics_folder() -> Path | None:
    """Where the processes that are scraped as one keep their counts; ``None`` for a process that is scraped alone."""
    folder = os.environ.get(METRICS_VARIABLE)
    return Path(folder) if folder else None


def environment_of(settings: Settings, **others: str) -> dict[str, str]:
    """The environment of a child process that is to read the same settings, with ``others`` set in it as well."""
    values = settings.model_dump(mode="json", exclude_none=True)
    return os.environ | {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()} | others


def current_user() -> str:
    """The user that runs this process, for the records: its name, or its number where it has none."""
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


def limit_span_batches(most: int) -> None:
    """Have OpenTelemetry send at most so many spans at once, unless the environment says how many."""
    os.environ.setdefault("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", str(most))


def forbid_ragas_tracking() -> None:
    """Keep ragas from reporting its use over the network; call it before it is imported."""
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
