"""Chromium without a window: what it shows of a file, what it complains of, and pictures for people to look at."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from html import escape
from pathlib import Path

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--virtual-time-budget=10000"),
)
_DARK, _LIGHT = "--blink-settings=preferredColorScheme=0", "--blink-settings=preferredColorScheme=1"
TIMEOUT_SECONDS = 120
"""How long a page may take on a busy machine. Our choice."""
_MEASURE = """
addEventListener('load', () => {
  const told = [...document.querySelectorAll('iframe')].map(frame => {
    const page = frame.contentDocument, root = page.documentElement, seen = frame.contentWindow;
    const drawings = [...page.querySelectorAll('svg')].filter(one => one.getBoundingClientRect().width > 0);
    const wide = [...page.body.querySelectorAll('*')].filter(one => {
      const box = one.getBoundingClientRect();
      return box.right > root.clientWidth + 1 && !one.closest('.table') && !one.closest('svg');
    });
    return {
      width: root.clientWidth, scrolls: root.scrollWidth, drawings: drawings.length,
      beyond: wide.map(one => one.tagName + '.' + one.className).slice(0, 5),
      paper: seen.getComputedStyle(page.body).backgroundColor, ink: seen.getComputedStyle(page.body).color,
    };
  });
  document.title = JSON.stringify(told);
});
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """What Chromium made of a page: its elements as text, what its console said, and which addresses it asked."""

    dom: str
    console: list[str]
    asked: set[str]


def chromium():
    """The program, or ``None``."""
    return shutil.which("chromium")


def show(page: Path, folder: Path, *, dark: bool = False) -> Shown:
    """Open a file as a page."""
    log = folder / "net.json"
    flags = [f"--log-net-log={log}", "--net-log-capture-mode=IncludeSensitive", "--dump-dom", _DARK if dark else _LIGHT]
    result = _run(folder, *flags, page.as_uri())
    console = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
    asked = set(re.findall(r'"initiator":"(?:file|null)[^}]*?"url":"([^"]*)"', log.read_text()))
    return Shown(result.stdout, console, {url for url in asked if not url.startswith(("file:", "data:"))})


def measured(page: Path, folder: Path, widths: tuple[int, ...], *, dark: bool = False) -> str:
    """What a page takes in windows of these widths, as JSON: width, scrollWidth, visible drawings, two colours."""
    frames = "".join(
        f'<iframe style="width:{width}px;height:900px;border:0" srcdoc="{escape(page.read_text())}"></iframe>'
        for width in widths
    )
    wrapper = folder / "frames.html"
    wrapper.write_text(f"<!doctype html><meta charset=utf-8><script>{_MEASURE}</script>{frames}")
    dom = _run(folder, "--dump-dom", _DARK if dark else _LIGHT, wrapper.as_uri()).stdout
    found = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert found is not None, dom[:500]
    return found[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")


def picture(page: Path, out: Path, folder: Path, *, width: int, height: int, dark: bool = False) -> None:
    """A picture of the top of a page in a window of this size."""
    flags = [f"--screenshot={out}", f"--window-size={width},{height}", _DARK if dark else _LIGHT]
    _run(folder, *flags, page.as_uri())


def _run(folder, *flags):
    command = [chromium(), *_FLAGS, f"--user-data-dir={folder / 'chromium'}", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
