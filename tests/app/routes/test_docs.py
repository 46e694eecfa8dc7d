"""The pages of the API's description, which must work where there is no internet."""

import re
import shutil
import subprocess

import pytest

from app.main import create_app
from app.routes.docs import FOLDER
from tests.support.api_client import TestClient
from tests.support.api_document import described
from tests.support.listening import listening


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_a_page_loads_only_what_this_api_has(home, page):
    with TestClient(described(create_app(home.settings))) as client:
        text = client.get(page).text
        loaded = re.findall(r"""(?:src|href|url|spec-url)(?:=|: )["']([^"']+)""", text)
        assert len(loaded) >= 3
        for path in loaded:
            assert path.startswith("/")
            assert client.get(path).status_code == 200


def test_no_other_file_is_given_out(home):
    with TestClient(create_app(home.settings)) as client:
        assert {path.name for path in FOLDER.iterdir()} >= {"swagger-ui-bundle.js", "swagger-ui.css"}
        for name in ("..%2f__init__.py", "core.py", "swagger-ui-bundle.js.map"):
            assert client.get(f"/docs/assets/{name}").status_code in (404, 422)


@pytest.mark.browser
@pytest.mark.parametrize(("page", "shown"), [("/docs", "opblock-summary-path"), ("/redoc", "operation/search")])
def test_a_browser_without_internet_shows_every_route(home, tmp_path, page, shown):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium here (apt-get install chromium): the pages are only read, not shown")
    flags = [
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=20000"),
        *("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", f"--user-data-dir={tmp_path / 'chromium'}"),
        *(f"--log-net-log={tmp_path / 'net.json'}", "--net-log-capture-mode=IncludeSensitive", "--dump-dom"),
    ]
    with listening(described(create_app(home.settings))) as url:
        shot = subprocess.run([chromium, *flags, url + page], capture_output=True, text=True, timeout=120)
    assert shown in shot.stdout, shot.stderr[-3000:]
    # What Chromium asks its maker on its own behalf names no page that it was asked for.
    log = (tmp_path / "net.json").read_text()
    asked = re.findall(r'"initiator":"http://127.*?"url":"([^"]*)"', log)
    assert len(set(asked)) >= 3
    assert {one.partition("://")[2].partition("/")[0] for one in asked if one.startswith("http")} == {
        url.partition("://")[2]
    }
