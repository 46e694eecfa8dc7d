"""The shapes of requests and answers about alerts."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class AlertAnswer(BaseModel):
    """Something about quality that a person should know."""

    id: int
    key: str = Field(description="What it is about: while it is open, the same is said of no other alert.")
    tenant: str | None = Field(description="Whose traffic it is about; null: everyone's.")
    severity: Literal["warning", "critical"]
    source: str = Field(description="What said it, such as `drift`.")
    message: str
    evidence: dict[str, Any] = Field(description="The figures behind it.")
    times: int = Field(description="How often it was raised.")
    first_at: str
    last_at: str
    acknowledged_at: str | None
    acknowledged_by: str | None
    note: str | None


class AlertsAnswer(BaseModel):
    """Alerts, the last raised first."""

    alerts: list[AlertAnswer]


class AcknowledgeBody(BaseModel):
    """That a person knows of an alert."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field("", max_length=1000, description="What is known of it, or done about it.")
