"""Operations: what was done for a request, noted while it is answered and told to a collector afterwards."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Attribute: TypeAlias = str | bool | int | float | Sequence[str]
"""What an attribute may be."""
Kind: TypeAlias = Literal["server", "client", "internal"]
"""Whether an operation answers another process, asks a service or model, or is a step of its own."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in an operation, by a name of OpenTelemetry's conventions."""

    name: str
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class RemoteContext:
    """The operation of another process that a request belongs to, as W3C's headers of traces tell it."""

    traceparent: str
    tracestate: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation with those it is made of. ``began`` and ``ended`` are seconds by ``time.perf_counter``.

    ``error`` is the kind of error that it ended with, ``said`` its message where it may be told. ``caller`` is the
    operation of another process that this one belongs to, where that says so itself.
    """

    name: str
    kind: Kind
    began: float
    ended: float
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    error: str | None = None
    said: str = ""
    children: Sequence["Operation"] = ()
    events: Sequence[Event] = ()
    caller: RemoteContext | None = None
    measured_as: str = ""


class RequestTrace:
    """What was done for one request: put into it while it is answered, each part made when its answer was sent.

    Parts are added by the request's own task alone.
    """

    __slots__ = ("_began_ns", "_parts", "began", "caller", "events")

    def __init__(self, caller: RemoteContext | None) -> None:
        """Begin now, as part of ``caller``."""
        self._began_ns = time.time_ns()
        self.began = time.perf_counter()
        self.caller = caller
        self.events: list[Event] = []
        self._parts: list[Callable[[], Operation]] = []

    def add(self, part: Callable[[], Operation]) -> None:
        """Have ``part`` called once the request is answered."""
        self._parts.append(part)

    def take_parts(self) -> list[Callable[[], Operation]]:
        """What was added since this was asked last, for an operation that these are parts of."""
        taken, self._parts = self._parts, []
        return taken

    def now(self) -> float:
        """The moment, in seconds by ``time.perf_counter``."""
        return time.perf_counter()

    def moment_ns(self, at: float) -> int:
        """The moment of the clock that ``time.perf_counter`` told as ``at``, in nanoseconds since 1970."""
        return self._began_ns + int((at - self.began) * 1e9)


current_trace: ContextVar[RequestTrace | None] = ContextVar("current_trace", default=None)
"""What is noted of the request being answered in this context; ``None`` where no collector is told anything."""
