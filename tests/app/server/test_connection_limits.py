"""How many connections are let in, and from whom."""

import resource

import pytest

from app.server.connection_gates import CountingGate, DealtGate
from app.server.connection_limits import (
    MAX_OPEN_FILES,
    ConnectionCounts,
    ConnectionLimits,
    client_of,
    raise_open_files,
)
from app.server.http_limits import MAX_LINGERING_CONNECTIONS
from indexing.settings import Settings, networks_of


def test_an_address_gets_so_many_and_others_theirs():
    counts = ConnectionCounts(ConnectionLimits(100, per_address=2))
    assert [counts.admit("192.0.2.1") for _ in range(2)] == [None, None]
    refused = counts.admit("192.0.2.1")
    assert (refused.status, refused.error) == (503, "TooManyConnections")
    assert "2 connections are open from this address" in refused.message
    assert counts.admit("192.0.2.2") is None
    counts.release("192.0.2.1")
    assert counts.admit("192.0.2.1") is None
    assert counts.total == 3


def test_all_together_get_so_many_for_each_process():
    counts = ConnectionCounts(ConnectionLimits(2), processes=3)
    assert [counts.admit(f"192.0.2.{number}") for number in range(6)] == [None] * 6
    assert "6 connections are open, which is the most" in counts.admit("192.0.2.7").message
    counts.release("192.0.2.1")
    assert counts.admit("192.0.2.7") is None


def test_a_refused_connection_is_not_counted():
    counts = ConnectionCounts(ConnectionLimits(100, per_address=1))
    counts.admit("192.0.2.1")
    for _ in range(5):
        assert counts.admit("192.0.2.1") is not None
    counts.release("192.0.2.1")
    assert counts.total == 0
    assert counts.admit("192.0.2.1") is None


def test_addresses_without_a_connection_are_forgotten():
    counts = ConnectionCounts(ConnectionLimits(100, per_address=5))
    for number in range(100):
        counts.admit(f"192.0.2.{number}")
        counts.release(f"192.0.2.{number}")
    assert counts.clients == 0


def test_trusted_proxies_are_held_to_the_sum_alone():
    counts = ConnectionCounts(ConnectionLimits(5, per_address=1, trusted=networks_of("192.0.2.0/24,2001:db8::7")))
    assert [counts.admit(address) for address in ("192.0.2.1", "192.0.2.1", "2001:db8::7", "2001:db8::7")] == [None] * 4
    assert counts.admit("2001:db8::8") is None
    assert counts.admit("192.0.2.1") is not None


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("a socket of the file system", ""),
    ],
)
def test_a_client_is_an_address_or_an_ipv6_network(address, client):
    assert client_of(address) == client


def test_a_mapped_address_of_a_proxy_is_that_proxy():
    assert client_of("::ffff:10.1.2.3", networks_of("10.0.0.0/8")) == ""


def test_connections_take_a_part_of_the_files_that_may_be_open_at_most(monkeypatch):
    def limits(files):
        monkeypatch.setattr(resource, "getrlimit", lambda which: (files, files))
        return ConnectionLimits.of(Settings(max_connections=1000)).per_process

    assert [limits(files) for files in (256, 1024, 4096, resource.RLIM_INFINITY)] == [128, 512, 1000, 1000]


@pytest.mark.parametrize(
    ("soft", "hard", "raised"),
    [
        (1024, 524_288, MAX_OPEN_FILES),
        (1024, 4096, 4096),
        (1024, resource.RLIM_INFINITY, MAX_OPEN_FILES),
        (4096, 4096, None),
        (100_000, 524_288, None),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, None),
    ],
)
def test_open_files_are_raised_to_what_the_system_allows_within_reason(monkeypatch, soft, hard, raised):
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: asked.append(limits))
    raise_open_files()
    assert asked == ([] if raised is None else [(raised, hard)])


def test_a_system_that_does_not_raise_open_files_is_served_with_fewer(monkeypatch, caplog):
    def refuse(which, limits):
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    raise_open_files()
    assert [record.getMessage() for record in caplog.records] == ["server.open_files_not_raised"]


@pytest.mark.parametrize("value", ["10.0.0.0/33", "proxy.example", "10.0.0.1;10.0.0.2"])
def test_a_proxy_that_is_no_address_is_named(value):
    with pytest.raises(ValueError, match=r"expected addresses or networks such as 10\.0\.0\.7"):
        Settings(trusted_proxies=value)


def test_a_dealt_connection_is_reported_closed_once():
    closed = []
    gate = DealtGate(lambda: closed.append(1), print)
    assert gate.admit("192.0.2.1") is None
    gate.release("192.0.2.1")
    gate.release()
    assert closed == [1]


def test_a_process_counts_what_it_takes_for_itself():
    gate = CountingGate(ConnectionCounts(ConnectionLimits(1)), print)
    assert gate.admit("192.0.2.1") is None
    assert gate.admit("192.0.2.2").error == "TooManyConnections"
    gate.release("192.0.2.1")
    assert gate.admit("192.0.2.2") is None


def test_so_many_refused_connections_stay_for_a_moment_and_no_more():
    gate = CountingGate(ConnectionCounts(ConnectionLimits(1)), print)
    assert [gate.may_linger() for _ in range(MAX_LINGERING_CONNECTIONS + 2)].count(True) == MAX_LINGERING_CONNECTIONS
    gate.linger_no_longer()
    assert [gate.may_linger(), gate.may_linger()] == [True, False]
