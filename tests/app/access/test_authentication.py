import pytest

from app.access.authentication import Caller, authenticate
from indexing.catalogue.api_keys import create_key, revoke_key
from indexing.catalogue.cached_reads import CachedReads
from indexing.catalogue.tenants import change_limits, create_tenant, revoke_tenant
from indexing.errors import Forbidden, Unauthorized

ALL = {"search", "write", "admin", "operator"}


@pytest.fixture
def acme(home):
    create_tenant(home.catalogue, "acme")
    return create_key(home.catalogue, "acme", scopes=["search"])


def caller(*scopes, expires_at=None):
    return Caller("acme", frozenset(scopes), "k_1", expires_at)


def test_a_valid_key_names_its_tenant_its_scopes_and_its_rate(home, acme):
    key, secret = acme
    expected = Caller("acme", frozenset({"search"}), key.id)
    assert authenticate(CachedReads(home.catalogue), f"Bearer {secret}") == expected
    assert authenticate(CachedReads(home.catalogue), f"bearer  {secret} ") == expected
    change_limits(home.catalogue, "acme", {"requests_per_minute": 7})
    assert authenticate(CachedReads(home.catalogue), f"Bearer {secret}").requests_per_minute == 7


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer unknown-key"])
def test_anything_else_is_refused(home, acme, header):
    with pytest.raises(Unauthorized):
        authenticate(CachedReads(home.catalogue), header)


def test_a_revoked_key_is_refused(home, acme):
    key, secret = acme
    revoke_key(home.catalogue, key.id)
    with pytest.raises(Unauthorized):
        authenticate(CachedReads(home.catalogue), f"Bearer {secret}")


def test_a_revoked_tenants_key_is_refused(home, acme):
    revoke_tenant(home.catalogue, "acme")
    with pytest.raises(Unauthorized):
        authenticate(CachedReads(home.catalogue), f"Bearer {acme[1]}")


@pytest.mark.parametrize("scope", sorted(ALL))
def test_a_scope_lets_do_its_own_and_only_the_operator_more(scope):
    for needed in ALL:
        if needed == scope or (scope, needed) == ("operator", "admin"):
            caller(scope).require(needed)
        else:
            with pytest.raises(Forbidden, match=f"the scope '{needed}'; key k_1 has {scope}"):
                caller(scope).require(needed)


@pytest.mark.parametrize(
    ("own", "given"),
    [
        ({"admin"}, {"search"}),
        ({"admin", "search"}, {"search", "write"}),
        ({"admin", "search", "write"}, {"operator"}),
        ({"operator"}, {"operator"}),
        ({"operator", "search", "write", "admin"}, {"search", "operator"}),
    ],
)
def test_nobody_gives_a_scope_that_is_not_theirs_to_give(own, given):
    with pytest.raises(Forbidden):
        caller(*own).require_may_give(frozenset(given), None)


def test_what_one_has_one_may_give_and_an_operator_each_public_scope():
    caller("admin", "search").require_may_give(frozenset({"search", "admin"}), None)
    caller("operator").require_may_give(frozenset({"search", "write", "admin"}), None)


def test_a_key_that_expires_makes_none_that_outlives_it():
    expiring = caller("admin", expires_at="2030-01-01T00:00:00.000+00:00")
    expiring.require_may_give(frozenset({"admin"}), "2030-01-01T00:00:00.000+00:00")
    for later in (None, "2030-01-01T00:00:00.001+00:00"):
        with pytest.raises(Forbidden, match="expires at 2030"):
            expiring.require_may_give(frozenset({"admin"}), later)
