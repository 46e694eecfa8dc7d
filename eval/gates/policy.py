"""The policy of a gate as a YAML file: which queries, which margins and limits, and what guards a canary."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from eval.experiments.measures import EVERY_MEASURE, JUDGED
from eval.gates.sequences import N_STAR
from indexing.errors import InvalidInput, NotFound
from indexing.home import Home
from indexing.records import fingerprint
from indexing.releases.yaml_mapping import read_mapping

LEAST_QUERIES = 100
"""Queries below which a gate says nothing, unless its policy says otherwise. Source: issue 12."""
GATED_MEASURES = tuple(name for name in EVERY_MEASURE if name != JUDGED)
"""What a set may be judged by; how far judgments reach says nothing of quality."""
POLICY_FILE = "gate.yaml"
"""The file of a home that holds its policy, if it has one."""
Level = Annotated[float, Field(gt=0, lt=0.5)]
Margin = Annotated[float, Field(ge=0, le=1)]
Action = Literal["roll_back", "pause"]
_EXAMPLE = """level: 0.05
query_sets:
  - name: support
    margin: 0.02
    guard_slices: [{slice: language, margin: 0.05}]
latency: {p95_ratio: 1.5}
"""
"""What a message shows when a file has another form altogether."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class GuardSlice(_Part):
    """A slice whose values may each lose no more than ``margin``; values with fewer queries are told, not judged.

    A slice of which no value has enough queries guards nothing, so that the verdict is HOLD at best.
    """

    slice: str = Field(min_length=1)
    margin: Margin = 0.05
    min_queries: int = Field(30, ge=10)


class SetPolicy(_Part):
    """What one query set demands: that the candidate loses less than ``margin``, or with ``superiority`` wins.

    ``looks`` are planned numbers of queries; empty is a fixed test on all queries of the split.
    """

    name: str = Field(min_length=1)
    split: Literal["train", "dev", "test", "all"] = "test"
    mode: Literal["hybrid", "dense", "lexical"] = "hybrid"
    measure: str = "nDCG@10"
    margin: float = Field(0.02, gt=0, le=1)
    superiority: bool = False
    min_queries: int = Field(LEAST_QUERIES, ge=10)
    looks: tuple[int, ...] = ()
    guard_slices: tuple[GuardSlice, ...] = ()

    @field_validator("measure")
    @classmethod
    def _is_of_quality(cls, value: str) -> str:
        if value not in GATED_MEASURES:
            raise ValueError(f"{value!r}: expected one of {', '.join(GATED_MEASURES)}")
        return value

    @model_validator(mode="after")
    def _looks_ascend(self) -> "SetPolicy":
        if list(self.looks) != sorted(set(self.looks)) or (self.looks and self.looks[0] < self.min_queries):
            raise ValueError(
                f"looks {list(self.looks)}: expected numbers of queries that ascend, from min_queries"
                f" ({self.min_queries}) on"
            )
        return self


class LatencyLimits(_Part):
    """Limits of a search's p95 on the query sets, in this process; beyond them the verdict is HOLD at best."""

    p95_ms: float | None = Field(None, gt=0)
    p95_ratio: float | None = Field(2.0, gt=0)


class CostLimits(_Part):
    """Limits of what the candidate's snapshot takes over that of the baseline; beyond them the verdict is REJECT."""

    bytes_ratio: float | None = Field(None, gt=0)
    passages_ratio: float | None = Field(None, gt=0)


class Guardrail(_Part):
    """A rate or mean of a canary's answers that may be worse than in service by ``margin`` at most."""

    margin: float = Field(ge=0)
    action: Action


class CanaryPolicy(_Part):
    """What guards a canary: at ``level`` a harmless one is ever acted on, over all looks, guardrails and steps.

    ``empty``, ``low_score`` and ``negative_feedback`` are shares of answers in 0..1; ``top_score`` is a mean in
    standard deviations of what is in service; ``None`` turns one off. ``agreement`` is the least mean overlap of
    shadowed answers with those in service.
    """

    level: Level = 0.01
    n_star: int = Field(N_STAR, ge=1)
    min_requests: int = Field(50, ge=30)
    empty: Guardrail | None = Guardrail(margin=0.02, action="roll_back")
    low_score: Guardrail | None = Guardrail(margin=0.05, action="roll_back")
    negative_feedback: Guardrail | None = Guardrail(margin=0.02, action="roll_back")
    top_score: Guardrail | None = Guardrail(margin=0.25, action="pause")
    agreement: float | None = Field(0.2, ge=0, le=1)
    drift: Literal["pause", "ignore"] = "pause"

    @property
    def guardrails(self) -> int:
        """How many guardrails share the level, whether all can be judged or not; 1 at least."""
        rails = (self.empty, self.low_score, self.negative_feedback, self.top_score)
        return max(1, sum(one is not None for one in rails))


class Policy(_Part):
    """A gate's policy. Without ``query_sets`` every stored, judged set counts, each with the defaults."""

    level: Level = 0.05
    query_sets: tuple[SetPolicy, ...] = ()
    latency: LatencyLimits = LatencyLimits()
    cost: CostLimits = CostLimits()
    canary: CanaryPolicy = CanaryPolicy()

    @property
    def id(self) -> str:
        """Its fingerprint's first 12 digits, by which verdicts name it."""
        return fingerprint(self.model_dump(mode="json"))[:12]

    @model_validator(mode="after")
    def _names_differ(self) -> "Policy":
        used = [(one.name, one.split, one.mode, one.measure) for one in self.query_sets]
        if len(set(used)) < len(used):
            raise ValueError("query_sets: one set stands there twice with the same split, mode and measure")
        return self


def read_policy(path: Path | None) -> Policy:
    """The policy of a YAML file; ``None`` gives the default one.

    Raises:
        NotFound: there is no such file.
        InvalidInput: a value is wrong; the message names it, what was expected, and where it stands.
    """
    if path is None:
        return Policy()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"{path}: cannot be read ({error.strerror}); expected a policy in YAML.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: not UTF-8 ({error.reason}); expected a policy in YAML.") from error
    return parse_policy(text, str(path))


def policy_of(home: Home) -> Policy:
    """A home's own policy, ``HOME/gate.yaml``, else the default one: for gates that name none, and for its canaries.

    Raises:
        InvalidInput: the file says something else than a policy can.
    """
    path = home.path / POLICY_FILE
    return read_policy(path if path.exists() else None)


def parse_policy(text: str, source: str) -> Policy:
    """As ``read_policy``, of a text; ``source`` is how messages name it.

    Raises:
        InvalidInput: a value is wrong.
    """
    value = read_mapping(text, source, holds="policy", example=_EXAMPLE)
    try:
        return Policy.model_validate(value)
    except ValidationError as error:
        raise InvalidInput(f"{source}: {'; '.join(_fault(one) for one in error.errors())}.") from None


def _fault(fault: Any) -> str:
    """One of pydantic's faults: where it stands, which value it is, and what was expected."""
    place = ", ".join(f"number {part + 1}" if isinstance(part, int) else str(part) for part in fault["loc"])
    if fault["type"] == "value_error":
        return ": ".join(filter(None, (place, str(fault["ctx"]["error"]))))
    shown = "" if fault["type"] == "missing" else f" {fault['input']!r:.40}"
    return f"{place}{shown}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
