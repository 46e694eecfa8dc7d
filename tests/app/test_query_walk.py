"""A query walks through few folders: what calls what while it is answered, seen from inside."""

import sys
import threading
from pathlib import Path

import pytest

from app.main import create_app, refresh
from tests.support.api_client import TestClient

ROOT = Path(__file__).parent.parent.parent
MOST_FOLDERS = 8
"""Folders on the deepest stack of calls. Source: issue 10, which asks for at most eight rooms."""


class Walks:
    """By thread, the deepest stack of calls, by the folders that its frames stand in."""

    def __init__(self):
        self.deepest = {}
        self._folders = {}

    def __call__(self, frame, event, argument):
        if event != "call" or self._folder(frame) is None:
            return
        stack = []
        while frame is not None:
            folder = self._folder(frame)
            if folder is not None and folder not in stack:
                stack.append(folder)
            frame = frame.f_back
        thread = threading.current_thread().name
        if len(stack) > len(self.deepest.get(thread, ())):
            self.deepest[thread] = stack[::-1]

    def _folder(self, frame):
        name = frame.f_code.co_filename
        if name not in self._folders:
            path = Path(name)
            is_ours = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in ("app", "indexing")
            parts = path.relative_to(ROOT).parts if is_ours else ()
            self._folders[name] = "/".join(parts[:2]) if len(parts) > 2 else None
        return self._folders[name]


@pytest.mark.parametrize(
    "body", [{}, {"mode": "lexical", "k": 101}, {"filters": {"type": "eq", "key": "category", "value": "p"}}]
)
def test_a_query_walks_through_few_folders(served_home, body):
    walks = Walks()
    with TestClient(create_app(served_home.settings)) as client:
        refresh(client.app.state.services)
        threading.setprofile(walks)  # for the threads that the search starts
        try:
            client.portal.call(sys.setprofile, walks)
            headers = {"Authorization": "Bearer test-key-0123456789"}
            asked = {"query": "forgot my password", "collection": "helpdesk"} | body
            assert client.post("/v1/search", json=asked, headers=headers).status_code == 200
        finally:
            client.portal.call(sys.setprofile, None)
            threading.setprofile(None)
    loop = next(walk for walk in walks.deepest.values() if walk[0] == "app/web")
    # A thread goes on where the event loop handed the search over, in app/services.
    for walk in walks.deepest.values():
        whole = walk if walk is loop else list(dict.fromkeys([*loop[: loop.index("app/services")], *walk]))
        assert len(whole) <= MOST_FOLDERS, whole
    assert {"app/services", "app/retrieval"} <= {folder for walk in walks.deepest.values() for folder in walk}
