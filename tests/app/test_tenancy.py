import pytest

from app.tenancy import tenant_of
from indexing.errors import Unauthorized


def test_a_valid_key_names_its_tenant(home):
    home.catalogue.ensure_tenant("acme")
    key = home.catalogue.create_key("acme")
    assert tenant_of(home.catalogue, f"Bearer {key}") == "acme"
    assert tenant_of(home.catalogue, f"bearer  {key} ") == "acme"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer unknown-key"])
def test_anything_else_is_refused(home, header):
    with pytest.raises(Unauthorized):
        tenant_of(home.catalogue, header)


def test_a_revoked_key_is_refused(home):
    key = home.catalogue.create_key("default")
    with home.catalogue.write() as db:
        db.execute("UPDATE api_keys SET revoked_at = '2020-01-01'")
    with pytest.raises(Unauthorized):
        tenant_of(home.catalogue, f"Bearer {key}")
