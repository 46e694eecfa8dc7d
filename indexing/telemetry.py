"""Structured logs and stage timings, the same in the API, the command line and the workers."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being answered in this context; empty outside one."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: moment, level, logger, event, request id, and what ``extra={"fields": ...}`` gives."""

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
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure_logging(level: str) -> None:
    """Send every log line of this process to standard error as JSON. Only doors call this."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class StageTimings:
    """How long each stage of one request took, in milliseconds, in the order in which stages ended."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block as ``name``; the same name adds up."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, (time.perf_counter() - began) * 1000.0)

    def add(self, name: str, milliseconds: float) -> None:
        """Count ``milliseconds`` under ``name``."""
        self.milliseconds[name] = self.milliseconds.get(name, 0.0) + milliseconds
