"""The colours of charts by their role, and the two widths at which each chart is drawn."""

from typing import Literal

ROLES = (
    "ink",
    "muted",
    "grid",
    "surface",
    "band",
    "good",
    "bad",
    "caution",
    "series-1",
    "series-2",
    "series-3",
    "series-4",
)
"""What a colour is for; ``report.css`` gives each a value for light, dark and print."""
SERIES = tuple(role for role in ROLES if role.startswith("series-"))
"""The roles that tell series apart, in the order in which they are given out."""


def paint(role: str) -> str:
    """The colour that stands for a role while matplotlib draws; ``svg.themed`` puts the page's in its place.

    Raises:
        ValueError: ``role`` is none of ``ROLES``.
    """
    if role not in ROLES:
        raise ValueError(f"colour role {role!r}; expected one of {', '.join(ROLES)}")
    return f"#0{ROLES.index(role) + 1:x}f0e0"


Width = Literal["wide", "narrow"]
WIDTH_PX: dict[Width, float] = {"wide": 912, "narrow": 358}
"""Width of a drawing in CSS pixels: of the page's column at 1280, and of a telephone's 390 without its margins."""
SMALL_PX = 288
"""Width of a drawing of a grid in CSS pixels: three stand in a row of the page's column. Our choice."""
TEXT_PX = 12
"""Size of a drawing's text in CSS pixels: 12 is the least that reads well on a telephone. Our choice."""
