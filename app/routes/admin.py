"""The routes about tenants, for the operator, and about keys, for a tenant's administrator."""

import logging
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic.json_schema import SkipJsonSchema

from app.schemas.admin import (
    KeyAnswer,
    KeyBody,
    KeysAnswer,
    LimitsBody,
    NewKeyAnswer,
    TenantAnswer,
    TenantBody,
    TenantsAnswer,
    key_answer,
    tenant_answer,
)
from app.schemas.problems import problems
from app.services.administered_tenant import administered_tenant
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Admin, Operator, ServicesDep
from indexing.catalogue.api_keys import (
    OPERATOR,
    Bounds,
    Key,
    count_operators,
    create_key,
    list_keys,
    read_key,
    revoke_key,
    stored_moment,
)
from indexing.catalogue.database import Database
from indexing.catalogue.tenants import (
    PAGE,
    Tenant,
    change_limits,
    create_tenant,
    list_tenants,
    read_tenant,
    revoke_tenant,
)
from indexing.errors import InvalidInput

logger = logging.getLogger(__name__)
# Plain functions: each runs in a thread, since a write waits for the catalogue's lock and for the disk.
router = APIRouter(tags=["admin"], route_class=AuthenticatedRoute)
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
After = Annotated[str, Query(max_length=128, description="`next` of the page before; left out for the first.")]
TenantParam = Annotated[
    str | SkipJsonSchema[None],
    Query(max_length=128, description="For the operator: another tenant than the key's own."),
]


@router.post(
    "/v1/tenants",
    status_code=201,
    summary="Make a tenant",
    operation_id="create_tenant",
    responses=problems(409, 507, takes_body=True),
)
def post_tenant(body: TenantBody, caller: Operator, services: ServicesDep) -> TenantAnswer:
    """For the operator. The tenant has no key yet: `POST /v1/keys?tenant=NAME` makes one."""
    tenant = create_tenant(services.home.catalogue, body.name, body.limits())
    _log("tenant.created", of=tenant.name)
    return tenant_answer(tenant)


@router.get(
    "/v1/tenants",
    summary="List tenants",
    operation_id="list_tenants",
    responses=problems(),
)
def get_tenants(caller: Operator, services: ServicesDep, limit: Limit = PAGE, after: After = "") -> TenantsAnswer:
    """For the operator: tenants by name, revoked ones included."""
    found = list_tenants(services.home.catalogue, after=after, limit=limit)
    following = found[-1].name if len(found) == limit else None
    return TenantsAnswer(tenants=[tenant_answer(tenant) for tenant in found], next=following)


@router.get(
    "/v1/tenants/{tenant}",
    summary="Show a tenant",
    operation_id="get_tenant",
    responses=problems(404),
)
def get_tenant(tenant: str, caller: Admin, services: ServicesDep) -> TenantAnswer:
    """Limits and what is used of them, of the caller's own tenant; the operator sees any."""
    return tenant_answer(
        read_tenant(services.home.catalogue, administered_tenant(services.home.catalogue, caller, tenant))
    )


@router.patch(
    "/v1/tenants/{tenant}",
    summary="Change a tenant's limits",
    operation_id="change_tenant",
    responses=problems(404, 507, takes_body=True),
)
def patch_tenant(tenant: str, body: LimitsBody, caller: Operator, services: ServicesDep) -> TenantAnswer:
    """For the operator. A limit that is not named stays, `null` takes it away; what the tenant holds stays."""
    changed = change_limits(services.home.catalogue, tenant, body.changes())
    _log("tenant.limited", of=tenant, **body.changes())
    return tenant_answer(changed)


@router.delete(
    "/v1/tenants/{tenant}",
    summary="Revoke a tenant",
    operation_id="revoke_tenant",
    responses=problems(404, 507),
)
def delete_tenant(tenant: str, caller: Operator, services: ServicesDep) -> TenantAnswer:
    """For the operator: none of its keys opens anything from now on. Its documents stay until they are erased."""
    catalogue = services.home.catalogue

    def revoke() -> Tenant:
        with catalogue.write():
            revoked = revoke_tenant(catalogue, tenant)
            _require_an_operator(catalogue)
        return revoked

    revoked = services.home.reserve.run(revoke)
    _log("tenant.revoked", of=tenant)
    return tenant_answer(revoked)


@router.post(
    "/v1/keys",
    status_code=201,
    summary="Make a key",
    operation_id="create_key",
    responses=problems(404, 507, takes_body=True),
)
def post_key(
    body: KeyBody, caller: Admin, services: ServicesDep, response: Response, tenant: TenantParam = None
) -> NewKeyAnswer:
    """The secret is in this answer and nowhere else. A key can do no more than its maker, nor for longer."""
    whose = administered_tenant(services.home.catalogue, caller, tenant)
    expires_at = None if body.expires_at is None else stored_moment(body.expires_at)
    caller.require_may_give(frozenset(body.scopes), expires_at)
    key, secret = create_key(
        services.home.catalogue,
        whose,
        scopes=body.scopes,
        name=body.name,
        expires_at=body.expires_at,
        bounds=Bounds(body.collections, body.principals),
    )
    about = {"scopes": list(key.scopes), "expires_at": key.expires_at, "collections": key.collections}
    _log("key.created", of=whose, new_key_id=key.id, **about)
    response.headers["Cache-Control"] = "no-store"
    return NewKeyAnswer(**key_answer(key).model_dump(), key=secret)


@router.get(
    "/v1/keys",
    summary="List keys",
    operation_id="list_keys",
    responses=problems(404),
)
def get_keys(
    caller: Admin, services: ServicesDep, limit: Limit = PAGE, after: After = "", tenant: TenantParam = None
) -> KeysAnswer:
    """The keys of the caller's tenant, the oldest first, expired and revoked ones included; never their secrets."""
    whose = administered_tenant(services.home.catalogue, caller, tenant)
    found = list_keys(services.home.catalogue, whose, after=after, limit=limit)
    following = found[-1].id if len(found) == limit else None
    return KeysAnswer(keys=[key_answer(key) for key in found], next=following)


@router.delete(
    "/v1/keys/{key_id}",
    summary="Revoke a key",
    operation_id="revoke_key",
    responses=problems(404, 507),
)
def delete_key(key_id: str, caller: Admin, services: ServicesDep, tenant: TenantParam = None) -> KeyAnswer:
    """It opens nothing from the next request on, for ever. An operator's key needs an operator."""
    catalogue = services.home.catalogue
    whose = administered_tenant(catalogue, caller, tenant)

    def revoke() -> Key:
        with catalogue.write():
            if OPERATOR in read_key(catalogue, key_id, whose).scopes:
                caller.require(OPERATOR)
            revoked = revoke_key(catalogue, key_id, whose)
            if OPERATOR in revoked.scopes:
                _require_an_operator(catalogue)
        return revoked

    revoked = services.home.reserve.run(revoke)
    _log("key.revoked", of=whose, revoked_key_id=key_id)
    return key_answer(revoked)


def _require_an_operator(catalogue: Database) -> None:
    """To be called inside the transaction that may have revoked the last one."""
    if not count_operators(catalogue):
        raise InvalidInput(
            "No operator's key would be left, which cannot be undone over HTTP: make another first, or revoke this"
            " one with 'groundwork keys revoke' or 'groundwork tenants revoke'."
        )


def _log(event: str, **fields: object) -> None:
    logger.info(event, extra={"fields": fields})
