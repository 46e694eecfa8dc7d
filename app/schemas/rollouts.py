"""The shapes of requests and answers about rollouts, promotion, roll-back and pins."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.scalars import NO_TEXT, Flag, Moment, Number
from indexing.records import MAX_INTEGER
from indexing.releases.rollouts import Mode, PinKind, State, Unit
from indexing.releases.steps import MAX_STEPS

ReleaseText = Annotated[str, Field(min_length=1, max_length=20, description="`13.2`, or `13` for its newest build.")]
TenantName = Annotated[str, Field(min_length=1, max_length=128)]
Whole = Annotated[int, Field(ge=1, le=MAX_INTEGER), NO_TEXT]
AnywayFlag = Annotated[
    Flag, Field(description="Also a recipe that lacks documents which the one in service answers with.")
]


OverrideText = Annotated[
    str | None,
    Field(min_length=1, max_length=512, description="Why it answers without the verdict it needs; kept for ever."),
]


class ReasonBody(BaseModel):
    """Why something is decided; kept for ever, with the id of the key."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "p99 doubled"}]})

    reason: str = Field("over HTTP", min_length=1, max_length=512)


class DecisionBody(ReasonBody):
    """A decision about a rollout."""

    version: Whole | None = Field(
        None, description="The rollout's `version` that was decided on: 409 if it was changed since."
    )


class ProposalBody(ReasonBody):
    """A recipe to be tried."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"release": "13.1"}]})

    release: ReleaseText
    tenants: list[TenantName] | None = Field(
        None, min_length=1, max_length=10_000, description="Whose requests it concerns; null for all."
    )
    first: list[TenantName] = Field([], max_length=10_000, description="Who gets it whatever the share.")


class _EndingBody(DecisionBody):
    ends_at: Moment | None = Field(None, description="When it is over.")
    max_queries: Whole | None = Field(None, description="After how many queries it is over.")


class ShadowBody(_EndingBody):
    """How queries are shadowed; one of `ends_at` and `max_queries` must be given."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"max_queries": 10_000, "decides": "whether it is as fast"}]}
    )

    share: Number = Field(1.0, gt=0, le=1, description="The part of the queries that is copied.")
    decides: str = Field(min_length=1, max_length=512, description="What it is to decide.")


class StepBody(BaseModel):
    """One step of a canary."""

    model_config = ConfigDict(extra="forbid")

    share: Number = Field(gt=0, le=1)
    at_least_requests: Annotated[int, Field(ge=1, le=10**12), NO_TEXT] = Field(description="Answers of the candidate.")
    at_least_seconds: Number = Field(ge=0, le=366 * 86_400)


class CanaryBody(DecisionBody):
    """A canary: one of `share` and `steps` must be given."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"share": 0.05, "unit": "tenant"}]})

    share: Number | None = Field(None, gt=0, le=1, description="The candidate's share; stays until it is changed.")
    steps: list[StepBody] | None = Field(
        None, min_length=1, max_length=MAX_STEPS, description="What a watcher goes through; shares grow."
    )
    unit: Unit = Field("tenant", description="What gets the candidate as one.")
    anyway: AnywayFlag = False
    override: OverrideText = None


class AbBody(_EndingBody):
    """An A/B test; one of `ends_at` and `max_queries` must be given."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"measure": "latency_ms", "margin": 5, "unit": "user", "max_queries": 50_000}]},
    )

    share: Number = Field(0.5, gt=0, lt=1)
    unit: Unit = "tenant"
    measure: Literal["latency_ms", "error_rate", "empty_rate", "warning_rate"]
    margin: Number = Field(gt=0, description="The difference that does not matter, in the measure's unit.")
    level: Number = Field(0.05, gt=0, lt=0.5, description="The chance of finding a difference that is none.")
    anyway: AnywayFlag = False


class InterleavingBody(_EndingBody):
    """An interleaving; one of `ends_at` and `max_queries`, and at most one of `share` and `steps`, must be given."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"unit": "user", "max_queries": 5_000}]})

    share: Number | None = Field(None, gt=0, le=1, description="The part of the units that get hits of both; 0.5.")
    steps: list[StepBody] | None = Field(
        None, min_length=1, max_length=MAX_STEPS, description="What a watcher goes through; shares grow."
    )
    unit: Unit = Field("user", description="What votes as one.")
    margin: Number = Field(
        0.1, gt=0, lt=0.5, description="How far from one half the candidate's part of the wins does not matter."
    )
    level: Number = Field(0.05, gt=0, lt=0.5, description="The chance of finding a preference that is none.")
    anyway: AnywayFlag = False


class ShareBody(DecisionBody):
    """The candidate's new share."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"share": 0.2}]})

    share: Number = Field(gt=0, le=1)
    override: OverrideText = None


class PromotionBody(DecisionBody):
    """How the candidate of a rollout is put in service."""

    standby_seconds: Number = Field(
        86_400, ge=0, le=366 * 86_400, description="How long the recipe before stays open; 0 for not at all."
    )
    anyway: AnywayFlag = False
    override: OverrideText = None


class ReleasePromotionBody(ReasonBody):
    """Which release is put in service."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"release": "13.2"}]})

    release: ReleaseText
    standby_seconds: Number = Field(86_400, ge=0, le=366 * 86_400)
    anyway: Flag = Field(False, description="Also a recipe that was just taken back or lacks documents.")
    override: OverrideText = None


class RollbackBody(DecisionBody):
    """How a rollout is taken back."""

    anyway: Flag = Field(False, description="Also to a recipe that lacks documents.")


class ReleaseRollbackBody(ReasonBody):
    """How what was done last is taken back."""

    to: ReleaseText | None = Field(None, description="Put this release's recipe in service, however long ago it was.")
    anyway: Flag = Field(False, description="Also to a recipe that lacks documents.")


class PinBody(ReasonBody):
    """How a tenant is taken out of shares and tests."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"kind": "pinned", "release": "12"}]})

    kind: PinKind
    release: ReleaseText | None = Field(None, description="With `pinned`: by whose recipe it is answered.")
    anyway: bool = Field(False, description="Also to a recipe that lacks documents which the one in service has.")
    override: OverrideText = None


class RolloutAnswer(BaseModel):
    """A rollout as it stands."""

    id: int
    version: int = Field(description="Counts its changes; give it back to decide on this very state.")
    candidate: int = Field(description="The recipe under trial.")
    baseline: int = Field(description="The recipe that it is compared with.")
    mode: Mode
    state: State
    reads: str = Field(description="The state in words; a canary or A/B test without a watcher is paused.")
    documents_behind: int | None = Field(
        description="Documents that the candidate lacks and the recipe in service answers with; null once it is over."
    )
    share: float
    unit: Unit
    steps: list[StepBody]
    step: int = Field(description="Which step it is in, from 0; as many as there are steps once all passed.")
    tenants: list[str] | None
    first: list[str]
    ends_at: str | None
    max_queries: int | None
    decides: str
    since_at: str
    created_at: str
    created_by: str


class TransitionAnswer(BaseModel):
    """A decision about a rollout."""

    version: int
    from_state: State
    to_state: State
    share: float
    step: int
    actor: str
    reason: str
    at: str
    evidence: dict[str, Any]


class GuardAnswer(BaseModel):
    """What a guard says now."""

    guard: str
    outcome: Literal["pass", "fail", "inconclusive", "no_data"]
    reason: str


class VerdictAnswer(BaseModel):
    """What a gate (`offline`) or a judge of the trial said about the candidate."""

    id: int
    kind: str
    verdict: str = Field(
        description="PROMOTE, HOLD or REJECT of a gate; pass, fail, inconclusive or no_data of others."
    )
    reasons: list[str]
    at: str
    baseline: int | None = Field(description="The recipe that it was held against.")
    release: str | None = Field(description="The build that was judged.")
    policy: str | None = Field(description="The fingerprint of the policy.")
    level: float | None
    is_synthetic: bool = Field(description="Whether its queries were made from documents.")
    evidence: dict[str, Any]


class RolloutPageAnswer(RolloutAnswer):
    """A rollout with what its guards say now, every decision about it and every verdict, oldest first."""

    guards: list[GuardAnswer]
    guards_since: str | None = Field(
        description="From when on answers count here, ten minutes ago at most. A watcher, which decides, counts all"
        " since the step began. Null without guards."
    )
    transitions: list[TransitionAnswer]
    verdicts: list[VerdictAnswer]


class RolloutsAnswer(BaseModel):
    """All rollouts, the newest first."""

    rollouts: list[RolloutAnswer]


class ReleaseAnswer(BaseModel):
    """A release and what it does now."""

    number: str
    recipe: int
    snapshot: str
    created_at: str
    created_by: str
    is_in_service: bool
    state: str = Field(description="Why it is open, in words; empty where it is not.")
    arm: str = Field(description="What its answers are recorded under; empty where it is not open.")
    documents_behind: int | None = Field(description="Documents that it lacks until it is built; null unless open.")


class ReleasesAnswer(BaseModel):
    """All releases, oldest first."""

    releases: list[ReleaseAnswer]


class PromotedAnswer(BaseModel):
    """What answers from now on."""

    release: str


class RolledBackAnswer(PromotedAnswer):
    """What a roll-back did."""

    from_recipe: int = Field(description="Gets nothing from now on.")
    rollout: int | None
    documents_behind: int = Field(description="Documents that the release lacks until it is built again.")


class PinAnswer(BaseModel):
    """A tenant that is outside shares and tests."""

    tenant: str
    kind: PinKind
    recipe: int | None
    actor: str
    reason: str
    created_at: str


class PinsAnswer(BaseModel):
    """All of them by tenant."""

    pins: list[PinAnswer]
