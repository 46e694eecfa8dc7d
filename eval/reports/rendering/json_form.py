"""A report as JSON: values as they are, for programs; its form is held by ``report.schema.json``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime

from eval.reports.charts.data import Drawing
from eval.reports.model import Block, Chart, ChartGrid, Report, Section
from indexing.records import Json

FORMAT = 1
"""The number of this form; a change that a reader must know of counts it up. Source: our choice."""


def to_json(report: Report) -> str:
    """The report as JSON text with a line's end.

    Raises:
        ValueError: a value is not finite.
    """
    value = {
        "format": FORMAT,
        "title": report.title,
        "home": report.home,
        "release": report.release,
        "made_at": _plain(report.made_at),
        "since": _plain(report.since),
        "until": _plain(report.until),
        "tenants": sorted(report.tenants),
        "sections": [_section(section) for section in report.sections],
    }
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _section(section: Section) -> dict[str, Json]:
    return {
        "id": section.id,
        "title": section.title,
        "is_present": section.is_present,
        "absent": section.absent,
        "headlines": [_plain(one) for one in section.headlines],
        "blocks": [_block(block) for block in section.blocks],
    }


def _block(block: Block) -> dict[str, Json]:
    """A block, named by its kind; of a chart its table, which has all that it draws."""
    if isinstance(block, ChartGrid):
        return {"kind": "charts", "charts": [_chart(chart) for chart in block.charts]}
    if isinstance(block, Chart):
        return {"kind": "chart", **_chart(block)}
    return {"kind": type(block).__name__.lower(), **_plain(block)}


def _chart(chart: Chart) -> dict[str, Json]:
    return {
        "id": chart.id,
        "title": chart.title,
        "summary": chart.summary,
        "note": chart.note,
        "drawing": _drawing(chart.drawing),
        "table": _plain(chart.table),
    }


def _drawing(drawing: Drawing) -> str:
    return type(drawing).__name__.lower()


def _plain(value: object) -> Json:
    """Records as objects, sequences as lists, moments in ISO 8601."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value
