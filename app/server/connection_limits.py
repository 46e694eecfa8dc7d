"""How many connections may be open: in all, and from one address; and how many files, which bounds them."""

import logging
import resource
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from app.schemas.server_problems import ServerProblem, too_many_connections
from indexing.settings import Settings, networks_of

logger = logging.getLogger(__name__)
MAX_OPEN_FILES = 65536
"""What the soft limit of open files is raised to at most, where the hard one allows more. Half of it is 32 times the
default number of connections; a limit without end costs libraries that go through every possible one (our choice)."""
DESCRIPTOR_SHARE = 2
"""One file descriptor in so many may be a connection; the others are for shards, the catalogue, Redis and the log.
Our choice."""
IPV6_CLIENT_BITS = 64
"""Addresses of one IPv6 network of this prefix count as one client, which has them all (RFC 6177, section 2)."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What may be open at once.

    ``per_process`` and ``per_address`` are numbers of connections, the latter 0 for any number; ``trusted`` are the
    networks of proxies, which stand for many clients and are therefore not counted by address.
    """

    per_process: int
    per_address: int = 0
    trusted: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "ConnectionLimits":
        """The limits that an installation chose, below the number of files that a process may open."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = settings.max_connections
        if files != resource.RLIM_INFINITY:
            most = max(1, min(most, files // DESCRIPTOR_SHARE))
        return cls(most, settings.max_connections_per_address, networks_of(settings.trusted_proxies))


class ConnectionCounts:
    """Counts the open connections of one process or, in a supervisor, of several. Not for several threads."""

    def __init__(self, limits: ConnectionLimits, *, processes: int = 1) -> None:
        """Count up to ``limits``, which hold for each of ``processes``."""
        self._limits = limits
        self._most = limits.per_process * processes
        self._by_client: Counter[str] = Counter()
        self.total = 0

    @property
    def clients(self) -> int:
        """How many clients that are counted by address have a connection."""
        return len(self._by_client)

    def admit(self, address: str) -> ServerProblem | None:
        """Count a new connection, or say why it cannot stay; then it is not counted.

        Args:
            address: The client's IP address; empty for a client that has none (or no longer).
        """
        if self.total >= self._most:
            return full(self._most)
        client = client_of(address, self._limits.trusted) if self._limits.per_address else ""
        if client:
            if self._by_client[client] >= self._limits.per_address:
                return too_many_connections(
                    f"{self._limits.per_address} connections are open from this address: use those again, or close"
                    " some. A proxy belongs into GROUNDWORK_TRUSTED_PROXIES."
                )
            self._by_client[client] += 1
        self.total += 1
        return None

    def release(self, address: str) -> None:
        """Count a connection of ``address`` no longer. Each that was admitted is to be released once."""
        self.total -= 1
        client = client_of(address, self._limits.trusted) if self._limits.per_address else ""
        if client:
            self._by_client[client] -= 1
            if self._by_client[client] <= 0:  # addresses without a connection must not add up
                del self._by_client[client]


def raise_open_files() -> None:
    """Let this process, and those that it starts, open as many files as it may, up to ``MAX_OPEN_FILES``.

    To be called before ``ConnectionLimits.of``, which derives the number of connections from it. A soft limit that is
    higher already stays.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:  # a system that allows fewer than its hard limit says
        fields = {"soft": soft, "wanted": wanted, "reason": str(error)}
        logger.warning("server.open_files_not_raised", extra={"fields": fields})


def full(most: int) -> ServerProblem:
    """The refusal of a connection when ``most`` are open."""
    return too_many_connections(f"{most} connections are open, which is the most: come back later, or use one again.")


def client_of(address: str, trusted: Sequence[IPv4Network | IPv6Network] = ()) -> str:
    """What connections from ``address`` are counted under; empty if they are not counted by address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        if mapped is not None:
            parsed = mapped
    if any(parsed in network for network in trusted):
        return ""
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((int(parsed) >> (128 - IPV6_CLIENT_BITS) << (128 - IPV6_CLIENT_BITS), IPV6_CLIENT_BITS)))
    return str(parsed)
