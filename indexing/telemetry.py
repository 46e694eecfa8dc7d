"""Structured logs and stage timings, the same in the API, the command line and the workers."""

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being answered in this context; empty outside one."""

caller_ids: ContextVar[tuple[str, str] | None] = ContextVar("caller_ids", default=None)
"""Tenant and key id (never the secret) of the caller whose request is answered in this context."""


log_fields: ContextVar[dict[str, Any] | None] = ContextVar("log_fields", default=None)
"""What the one log line about the request being answered in this context will say of it."""


def annotate(**fields: Any) -> None:
    """Say something in the log line of the request being answered in this context; outside one it is not said."""
    current = log_fields.get()
    if current is not None:
        current.update(fields)


_json = json.JSONEncoder(default=str, ensure_ascii=False).encode
_UNSAFE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON leaves as it is and readers of lines do not: controls that terminals obey, ends of lines, turns of
direction, and halves of pairs, which have no UTF-8."""


def _encode(line: dict[str, Any]) -> str:
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", _json(line))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: moment, level, logger, event, who asked, and what ``extra={"fields": ...}`` gives."""

    def format(self, record: logging.LogRecord) -> str:
        """Render ``record``; an exception is added as text."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        if (ids := caller_ids.get()) is not None:
            line["tenant"], line["key_id"] = ids
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line)


def configure_logging(level: str) -> None:
    """Send every log line of this process to standard error as JSON. Only doors call this."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class StageTimings:
    """How long each stage of one request took, in milliseconds, in the order in which stages ended.

    ``moments`` has each time that a stage was timed: its name, and when it began and ended by ``time.perf_counter``.
    """

    def __init__(self, before_stage: Callable[[], None] | None = None) -> None:
        """Time stages; ``before_stage`` is called before each, and ends the work by raising an error."""
        self.milliseconds: dict[str, float] = {}
        self.moments: list[tuple[str, float, float]] = []
        self._before_stage = before_stage

    def stage(self, name: str) -> "_Stage":
        """Time the block as ``name``; the same name adds up."""
        return _Stage(self, name)

    def begin(self) -> None:
        """Say that a stage begins; raises what ends the work."""
        if self._before_stage is not None:
            self._before_stage()

    def add(self, name: str, milliseconds: float) -> None:
        """Count ``milliseconds`` under ``name``."""
        self.milliseconds[name] = self.milliseconds.get(name, 0.0) + milliseconds


class _Stage:
    """A block that is timed. A class, since a generator would take longer than some stages."""

    __slots__ = ("_began", "_name", "_timings")

    def __init__(self, timings: StageTimings, name: str) -> None:
        self._timings, self._name, self._began = timings, name, 0.0

    def __enter__(self) -> None:
        self._timings.begin()
        self._began = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        ended = time.perf_counter()
        self._timings.moments.append((self._name, self._began, ended))
        self._timings.add(self._name, (ended - self._began) * 1000.0)
