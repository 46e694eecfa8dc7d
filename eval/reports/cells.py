"""How values read, in every format that people read."""

from datetime import UTC, datetime

from eval.reports.model import Badge, Cell, Column, Estimate, Form

DASH = "–"  # noqa: RUF001 -- an en dash is what a missing value reads as
MINUS = "−"  # noqa: RUF001 -- a minus sign is as wide as a plus
_LEAST_P = 0.001
"""Below it a p-value reads as "< 0.001": its further digits say nothing. Source: the usual form of APA, ASA."""
NUMBERS: frozenset[Form] = frozenset({"count", "score", "signed", "share", "ms", "p", "number"})
"""The forms that are aligned at their right."""


def said(cell: Cell, form: Form = "text") -> str:
    """A value as people read it.

    Args:
        cell: The value; ``None`` reads as a dash.
        form: How numbers read: a ``score`` has three decimals, a ``share`` is a percentage.
    """
    if cell is None:
        return DASH
    if isinstance(cell, Badge):
        return cell.word
    if isinstance(cell, Estimate):
        return _estimate(cell, form)
    if isinstance(cell, datetime):
        return moment(cell)
    if isinstance(cell, str):
        return cell
    return _number(cell, form)


def moment(at: datetime) -> str:
    """A moment to the minute, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def interval(estimate: Estimate, form: Form) -> str:
    """The ends of an interval, or nothing where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{_number(estimate.low, form)} to {_number(estimate.high, form)}"


def aligned_right(column: Column) -> bool:
    """Whether the values of a column are numbers."""
    return column.form in NUMBERS


def _estimate(estimate: Estimate, form: Form) -> str:
    ends = interval(estimate, form)
    value = _number(estimate.value, form)
    return f"{value} ({ends})" if ends else value


def _number(value: float, form: Form) -> str:
    match form:
        case "count":
            return f"{value:,.0f}"
        case "score":
            return f"{value:.3f}".replace("-", MINUS)
        case "signed":
            text = f"{value:+.3f}"
            return "0.000" if float(text) == 0 else text.replace("-", MINUS)
        case "share":
            return f"{100 * value:.1f} %".replace("-", MINUS)
        case "ms":
            return f"{value:,.1f}"
        case "p":
            return f"< {_LEAST_P}" if value < _LEAST_P else f"{value:.3f}"
        case _:
            return f"{value:.4g}".replace("-", MINUS)
