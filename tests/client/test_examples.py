"""The examples of client/README.md and docs/client.md run as they are written, against a server that listens."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["client/README.md", "docs/client.md"])
def test_the_examples_of_a_page_run_one_after_the_other(page, api, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GROUNDWORK_URL", api.url)
    monkeypatch.setenv("GROUNDWORK_API_KEY", api.key)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    names = {"__name__": "example"}
    try:
        for block in blocks:
            exec(compile(block, page, "exec"), names)
    finally:
        names["client"].close()
    said = capsys.readouterr().out
    assert "refunds" in said
    if page == "docs/client.md":
        assert "password: Reset a forgotten password" in said
        assert "guide.md completed ['guide.md'] None" in said
        assert "\nRead your invoice\n" in said
        assert "\n404 NotFound No document 'not there'" in said
