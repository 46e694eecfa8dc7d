"""The shapes of requests and answers about tenants and keys."""

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.scalars import NO_TEXT, Flag, Moment
from indexing.catalogue.api_keys import MAX_BOUND, Key
from indexing.catalogue.tenants import MOST, Limits, Tenant

Limit = Annotated[int, Field(ge=0, le=MOST), NO_TEXT]
Name = Field(min_length=1, max_length=128, description="1 to 128 printable characters in NFKC form, no '/'.")


class LimitsBody(BaseModel):
    """Limits of a tenant. One that is not named stays as it is; ``null`` takes it away."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"requests_per_minute": 600}]})

    max_documents: Limit | None = Field(None, description="Documents it may hold; null for no limit.")
    max_passages: Limit | None = Field(
        None, description="Passages it may hold, as counted by builds; null for no limit."
    )
    requests_per_minute: Annotated[int, Field(ge=1, le=MOST), NO_TEXT] | None = Field(
        None, description="Requests it may send in a minute; null for no limit."
    )
    log_queries: Flag = Field(
        False, description="Whether its queries' texts may stand in the log, where logs hold any."
    )

    def changes(self) -> dict[str, int | None]:
        """The limits that were named."""
        return {name: getattr(self, name) for name in self.model_fields_set & set(LimitsBody.model_fields)}


class TenantBody(LimitsBody):
    """A tenant to be made."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "acme", "max_documents": 10_000}]}
    )

    name: str = Name

    def limits(self) -> Limits:
        """Its limits."""
        return Limits(self.max_documents, self.max_passages, self.requests_per_minute, self.log_queries)


class TenantAnswer(BaseModel):
    """A tenant with its limits and what it holds."""

    name: str
    created_at: str
    revoked_at: str | None
    collections: int
    documents: int
    passages: int = Field(description="As counted by the newest build.")
    max_documents: int | None
    max_passages: int | None
    requests_per_minute: int | None
    log_queries: bool


class TenantsAnswer(BaseModel):
    """A page of tenants."""

    tenants: list[TenantAnswer]
    next: str | None = Field(description="Give it as `after` for the next page; null at the end.")


class KeyBody(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "website", "scopes": ["search"], "expires_at": "2030-01-01T00:00Z"}]},
    )

    name: str = Field("", max_length=128, description="What it is for.")
    scopes: list[Literal["search", "write", "admin"]] = Field(
        ["search"],
        min_length=1,
        description="What it may do; no more than the key that makes it.",
    )
    expires_at: Moment | None = Field(None, description="When it stops opening anything; null for never.")
    collections: list[str] | None = Field(
        None,
        min_length=1,
        max_length=MAX_BOUND,
        description="The collections that it opens, there already or not; null for all. Not with `admin`.",
    )
    principals: list[str] | None = Field(
        None,
        min_length=1,
        max_length=MAX_BOUND,
        description="Whom it asks for: its searches see what these may see, and never more; null for whom each request"
        " names. Only with `search` alone.",
    )


class KeyAnswer(BaseModel):
    """A key without its secret."""

    id: str = Field(description="Public: how lists and logs name the key.")
    tenant: str
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    collections: list[str] | None = Field(description="Those that it opens; null for all.")
    principals: list[str] | None = Field(description="Whom it asks for; null for whom each request names.")


class NewKeyAnswer(KeyAnswer):
    """A key that was just made, with its secret."""

    key: str = Field(description="The secret, shown this once.")


class KeysAnswer(BaseModel):
    """A page of keys."""

    keys: list[KeyAnswer]
    next: str | None = Field(description="Give it as `after` for the next page; null at the end.")


def tenant_answer(tenant: Tenant) -> TenantAnswer:
    """A tenant as it goes over the wire."""
    return TenantAnswer(
        name=tenant.name,
        created_at=tenant.created_at,
        revoked_at=tenant.revoked_at,
        collections=tenant.collections,
        documents=tenant.documents,
        passages=tenant.passages,
        **asdict(tenant.limits),
    )


def key_answer(key: Key) -> KeyAnswer:
    """A key as it goes over the wire."""
    return KeyAnswer.model_validate(asdict(key))
