"""Which methods each path takes, over all routes that share it: what ``Allow`` says with 405 and to ``OPTIONS``."""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Route


class AllowedMethods:
    """The methods of every path, found by the patterns of the routes themselves."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        """Know ``routes``; what is no plain route (a mount, a router) is not looked into."""
        self._routes = [(route.path_regex, route.methods or set()) for route in routes if isinstance(route, Route)]

    def of(self, path: str) -> list[str]:
        """The methods of a path in the order of their names; empty where there is no such path.

        Every path takes ``OPTIONS``, and each that takes ``GET`` takes ``HEAD``.
        """
        found = set[str]().union(*(methods for pattern, methods in self._routes if pattern.match(path)))
        if not found:
            return []
        return sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set()))
