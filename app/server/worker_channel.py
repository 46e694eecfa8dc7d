"""What a supervisor and a worker say to each other: frames of nine bytes over a pair of Unix sockets."""

import asyncio
import socket
import struct

READY, LEAVING, CLOSED, PONG = b"r", b"l", b"x", b"P"
"""What a worker says: it can take connections; another told it to stop; a connection is closed; it lives."""
CONNECTION, DRAIN, PING, REFUSED = b"c", b"d", b"p", b"R"
"""What a worker is told: here is a connection; we are about to stop; answer; so many connections were refused, count
them. The end of the channel means: finish."""

_FRAME = struct.Struct(">cQ")
FRAME_BYTES = _FRAME.size
"""Small enough to be sent whole or not at all, so that a frame is never cut for whom it comes with a descriptor."""


def frame(kind: bytes, number: int = 0) -> bytes:
    """What is said: its kind, and the number of the connection or question that it is about."""
    return _FRAME.pack(kind, number)


def parse(message: bytes) -> tuple[bytes, int]:
    """Kind and number of one whole frame."""
    kind, number = _FRAME.unpack(message)
    return kind, number


class FrameReader:
    """Cuts what comes from a socket into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[bytes, int]]:
        """Kind and number of each frame that is whole now; the rest waits for more."""
        data = self._rest + data
        end = len(data) - len(data) % FRAME_BYTES
        self._rest = data[end:]
        return [(kind, number) for kind, number in _FRAME.iter_unpack(data[:end])]


class FrameWriter:
    """Sends frames from an event loop without ever waiting; what the socket does not take now follows later."""

    def __init__(self, channel: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        """Send over ``channel``, which does not block; only from the thread of ``loop``, and from no signal handler."""
        self._channel = channel
        self._loop = loop
        self._unsent = bytearray()

    def send(self, kind: bytes, number: int = 0) -> None:
        """Say something. A channel whose other end is gone takes nothing; its reader notices."""
        is_waiting = bool(self._unsent)
        self._unsent += frame(kind, number)
        if not is_waiting:
            self._flush()
            if self._unsent:
                self._loop.add_writer(self._channel, self._go_on)

    def _go_on(self) -> None:
        self._flush()
        if not self._unsent:
            self._loop.remove_writer(self._channel)

    def _flush(self) -> None:
        try:
            sent = self._channel.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:  # the supervisor is gone, and with it what it was to hear
            sent = len(self._unsent)
        del self._unsent[:sent]
