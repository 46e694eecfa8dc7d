"""Frames arrive whole and in order, however the sockets cut them."""

import asyncio
import socket

import pytest

from app.server.worker_channel import CLOSED, FRAME_BYTES, PONG, READY, FrameReader, FrameWriter, frame, parse


def test_a_frame_carries_its_kind_and_a_number_of_64_bits():
    assert parse(frame(CLOSED, 2**64 - 1)) == (CLOSED, 2**64 - 1)
    assert parse(frame(READY)) == (READY, 0)
    assert len(frame(PONG, 5)) == FRAME_BYTES


@pytest.mark.parametrize("size", [1, 4, FRAME_BYTES, FRAME_BYTES + 1, 1000])
def test_frames_are_found_in_pieces_of_any_size(size):
    said = b"".join(frame(CLOSED, number) for number in range(20))
    reader = FrameReader()
    found = [one for start in range(0, len(said), size) for one in reader.feed(said[start : start + size])]
    assert found == [(CLOSED, number) for number in range(20)]


def test_what_a_full_channel_does_not_take_follows_later_in_order():
    async def scenario():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            ours.setblocking(False)
            theirs.setblocking(False)
            loop = asyncio.get_running_loop()
            writer, reader, found = FrameWriter(ours, loop), FrameReader(), []
            for number in range(10_000):
                writer.send(CLOSED, number)
            while len(found) < 10_000:
                found += reader.feed(await asyncio.wait_for(loop.sock_recv(theirs, 1000), 10))
            assert found == [(CLOSED, number) for number in range(10_000)]

    asyncio.run(scenario())


def test_a_supervisor_that_is_gone_is_told_nothing():
    async def scenario():
        ours, theirs = socket.socketpair()
        with ours:
            ours.setblocking(False)
            theirs.close()
            writer = FrameWriter(ours, asyncio.get_running_loop())
            writer.send(READY)
            writer.send(CLOSED, 1)

    asyncio.run(scenario())
