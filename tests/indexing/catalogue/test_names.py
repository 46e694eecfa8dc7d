"""New names look like what they are; odd ones of before stay usable, listed and erasable."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.catalogue.api_keys import admit, create_key
from indexing.catalogue.collections import create_collection, list_collections, remove_collection
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.catalogue.documents import document_ids
from indexing.catalogue.names import require_new_name
from indexing.catalogue.tenants import create_tenant, ensure_tenant, list_tenants
from indexing.errors import AlreadyExists, InvalidInput
from indexing.records import Document, Partition
from indexing.retention.document_locations import find_documents
from indexing.retention.erasure import erase
from indexing.retention.reachability import needed_vectors

ODD = ["..", ".", " a", "a ", "\uff41", "\ufb01le", "e\u0301", "x" * 128 + " ", "\u2460"]


@pytest.mark.parametrize("name", ["a", "Größe & 東京", "x" * 128, "a.b", "...", ".hidden", "-", "é"])
def test_a_printable_normal_name_will_do(name):
    require_new_name("collection", name)


@pytest.mark.parametrize("name", [*ODD, "", "a/b", "a\nb", "\u00a0a", "\u200b", "\ud800", "\x00", "x" * 129])
def test_any_other_is_refused_with_what_is_expected(name):
    with pytest.raises(InvalidInput, match="^Collection name .* is invalid.*use 1 to 128 printable") as raised:
        require_new_name("collection", name)
    str(raised.value).encode()


def test_the_message_shows_the_name_and_its_normal_form():
    with pytest.raises(InvalidInput) as raised:
        require_new_name("tenant", "\uff41cme")
    assert str(raised.value) == (
        "Tenant name '\uff41cme' is invalid ('acme' is its NFKC form): use 1 to 128 printable characters in NFKC form"
        " without '/', with no spaces at the ends, and not '.' or '..'."
    )


@given(st.text(max_size=140))
def test_any_text_is_a_name_or_refused(name):
    try:
        require_new_name("tenant", name)
    except InvalidInput as refused:
        message = str(refused)
        assert len(message) < 600
    else:
        assert 0 < len(name.strip()) == len(name) <= 128


def insert_as_before(catalogue, tenant, collection):
    """What versions before the rule could make."""
    with catalogue.write() as db:
        db.conn.execute("INSERT OR IGNORE INTO tenants (id, created_at) VALUES (?, '')", (tenant,))
        key = (tenant, collection)
        db.conn.execute("INSERT INTO collections (tenant, name, created_at) VALUES (?, ?, '')", key)


@pytest.mark.parametrize("name", ODD[:-2])
def test_an_odd_name_of_before_stays_usable_listed_and_erasable(home, name):
    catalogue, odd = home.catalogue, Partition(name, name)
    insert_as_before(catalogue, name, name)
    assert name in [tenant.name for tenant in list_tenants(catalogue)]
    _, secret = create_key(catalogue, name)
    assert admit(catalogue, secret).key.tenant == name
    assert create_collection(catalogue, odd) == (0, False)
    put_documents(catalogue, odd, [Document(id_, "", "text") for id_ in "abc"])
    assert list_collections(catalogue, name, after="", limit=9) == [(name, 3)]
    assert remove_documents(catalogue, odd, ["a"]) == 1
    erase(home, find_documents(home, odd, frozenset({"b"})), partial(needed_vectors, home), wait=lambda seconds: None)
    assert document_ids(catalogue, odd, source="") == {"c"}
    assert remove_collection(catalogue, odd)[0] == 1
    with pytest.raises(InvalidInput, match="Collection name"):
        create_collection(catalogue, odd)
    create_collection(catalogue, Partition(name, "proper"))
    with pytest.raises(AlreadyExists):
        create_tenant(catalogue, name)
    ensure_tenant(catalogue, name)
