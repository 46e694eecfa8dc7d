"""Steps of a canary as a YAML file, and durations as people write them."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from indexing.errors import InvalidInput
from indexing.releases.rollouts import Step
from indexing.releases.yaml_mapping import read_mapping

MAX_STEPS = 50
"""Steps in a file. Source: our choice, far above what a person reads."""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_EXAMPLE = "steps:\n  - share: 0.05\n    at_least_requests: 1000\n    at_least: 30m\n"
"""What a message shows when a file has another form altogether."""


def parse_duration(text: str) -> float:
    """Seconds of a duration such as ``90s``, ``30m``, ``24h``, ``7d``; ``0`` needs no unit.

    Raises:
        InvalidInput: the text has another form.
    """
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*([smhd])", text.strip())
    if found is None and text.strip() != "0":
        raise InvalidInput(f"{text[:40]!r} is not a duration: expected a number with s, m, h or d, such as 30m or 24h.")
    return 0.0 if found is None else float(found[1]) * _SECONDS[found[2]]


def read_steps(text: str, source: str) -> tuple[Step, ...]:
    """The steps that a YAML text describes; ``source`` is how messages name it.

    Each has ``share`` in (0, 1], not smaller than that before, ``at_least_requests`` that the candidate must answer,
    and ``at_least``, the time that it must last.

    Raises:
        InvalidInput: a value is wrong; the message names it, what was expected, and where it stands.
    """
    value = read_mapping(text, source, holds="list 'steps'", example=_EXAMPLE)
    return checked_steps(value, source)


def checked_steps(value: dict[str, Any], source: str) -> tuple[Step, ...]:
    """As ``read_steps``, of what a YAML or JSON text held."""
    try:
        plan = _Plan.model_validate(value)
    except ValidationError as error:
        raise InvalidInput(f"{source}: {'; '.join(_fault(one) for one in error.errors())}.") from None
    except InvalidInput as error:
        raise InvalidInput(f"{source}: {error}") from None
    for number, (before, after) in enumerate(zip(plan.steps, plan.steps[1:], strict=False), start=2):
        if after.share < before.share:
            raise InvalidInput(
                f"{source}: steps, number {number}: share {after.share:g} is below {before.share:g} of the step before;"
                " expected shares that grow, since a smaller share takes the candidate from those who have it."
            )
    return tuple(Step(one.share, one.at_least_requests, one.at_least) for one in plan.steps)


def _seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    share: float = Field(gt=0, le=1)
    at_least_requests: int = Field(ge=1, le=10**12)
    at_least: Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=366 * 86_400)]


class _Plan(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: list[_Step] = Field(min_length=1, max_length=MAX_STEPS)


def _fault(fault: Any) -> str:
    """One of pydantic's faults: where it stands, which value it is, and what was expected."""
    place = ", ".join(f"number {part + 1}" if isinstance(part, int) else str(part) for part in fault["loc"])
    shown = "" if fault["type"] == "missing" else f" {str(fault['input'])[:40]!r}"
    return f"{place}{shown}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
