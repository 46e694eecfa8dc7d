"""What a client may take of one connection: bytes, fields, requests in line, and seconds for each step."""

from dataclasses import dataclass

MAX_FIELDS = 256
"""Header fields of a request. Each is looked at several times; browsers and proxies send some 30 (our choice)."""
MAX_FRAMING_BYTES = 16 * 1024
"""Of a body's framing (chunk sizes, trailers) beyond the usual. Source: Go's net/http (CVE-2023-39326)."""
USUAL_CHUNK_BYTES = 16
"""What framing a chunk may take beside as many bytes as it holds. Source: as above."""
MAX_PIPELINED = 32
"""Requests that may wait on a connection for the answer to an earlier one; each takes some 2 kB (our choice)."""
MIN_PROGRESS_BYTES = 4096
"""What must come of a body, or be taken of an answer, in a time limit to begin it anew: 140 bytes a second in 30 s.
Source: decision 27."""
MAX_DISCARDED_BYTES = 128 * 1024 * 1024
"""Of a body that the application has answered without reading it: twice the largest that it takes.
Source: decision 27."""
MAX_LINGERING_CONNECTIONS = 128
"""Connections beyond those that may be open which are read for a moment after their refusal; more are just closed.
Source: decision 27."""
MAX_LINGERING_BYTES = 4 * 1024 * 1024
"""Read and thrown away after a refusal, so that the client, still sending, gets to read it (RFC 9112, section 9.6)."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a client may take of a connection: bytes of request line and headers together, and seconds for each step.

    ``body_seconds`` and ``answer_seconds`` begin anew whenever ``MIN_PROGRESS_BYTES`` have passed. The others do not:
    ``discarding_seconds`` is all that the rest of a body has that was answered before it was whole.
    """

    head_bytes: int = 64 * 1024
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    answer_seconds: float = 30.0
    keep_alive_seconds: float = 5.0
    lingering_seconds: float = 2.0
    discarding_seconds: float = 30.0
