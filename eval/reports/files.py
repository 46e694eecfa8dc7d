"""Reports as files: kept in their home, or written where they are wanted."""

from collections.abc import Callable, Mapping
from pathlib import Path

from eval.reports.model import Report
from eval.reports.options import FORMATS, Format
from eval.reports.rendering.html import to_html
from eval.reports.rendering.json_form import to_json
from eval.reports.rendering.markdown import to_markdown
from indexing.errors import InvalidInput
from indexing.home import Home
from indexing.retention.stored_reports import REPORTS, stem_of
from indexing.storage.atomic_files import write_atomically
from indexing.storage.permissions import PRIVATE_FILE

_RENDERERS: Mapping[Format, Callable[[Report], str]] = {"html": to_html, "md": to_markdown, "json": to_json}


def render(report: Report, format_: Format) -> str:
    """The report in a format."""
    return _RENDERERS[format_](report)


def format_of(path: Path) -> Format:
    """The format that a file's name asks for.

    Raises:
        InvalidInput: it asks for none that there is.
    """
    for known in FORMATS:
        if path.suffix == f".{known}":
            return known
    raise InvalidInput(f"{path.name!r} says no format: expected a name that ends in .html, .md or .json, or --format.")


def keep_report(home: Home, report: Report) -> Mapping[Format, Path]:
    """Write a report into its home in every format, for its owner alone; gives the files.

    Raises:
        StorageFull: the disk has no room.
    """
    folder = home.path / REPORTS
    folder.mkdir(mode=0o750, exist_ok=True)
    stem = stem_of(report.made_at)
    found: dict[Format, Path] = {}
    # JSON first: by its list of tenants an erasure finds the others.
    for format_ in reversed(FORMATS):
        found[format_] = folder / f"{stem}.{format_}"
        write_atomically(found[format_], render(report, format_).encode(), mode=PRIVATE_FILE)
    return found


def write_report(report: Report, path: Path, format_: Format) -> None:
    """Write a report as one file outside of its home, which no erasure reaches.

    Raises:
        InvalidInput: the file cannot be written there.
        StorageFull: the disk has no room.
    """
    try:
        write_atomically(path, render(report, format_).encode())
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written ({error.strerror}): give --out a file that can.") from error
