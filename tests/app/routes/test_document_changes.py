"""Documents changed over HTTP: patched, written only as their writer knew them, listed and counted by filter."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.main import create_app, refresh
from app.services.document_changes import merge_patch
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.document_readings import read_account
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.documents import read_document
from indexing.records import Document, Partition, TextAccount
from tests.app.conftest import serving
from tests.support.api_client import TestClient

KEY = {"Authorization": "Bearer test-key-0123456789"}
BASE = "/v1/collections/helpdesk"
HERE = Partition("default", "helpdesk")


@pytest.fixture
def client(served_home):
    with TestClient(create_app(served_home.settings), raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        yield client


@pytest.fixture(scope="module")
def shared(built_home, tmp_path_factory):
    """A client for tests after which documents have the metadata that they had."""
    with serving(built_home, tmp_path_factory.mktemp("changes")) as client:
        yield client


@pytest.fixture
def reader(served_home):
    return {"Authorization": f"Bearer {create_key(served_home.catalogue, 'default', scopes=['search'])[1]}"}


def get(client, name="invoice"):
    return client.get(f"{BASE}/documents/{name}", headers=KEY)


def patch(client, body, name="invoice", **headers):
    return client.patch(f"{BASE}/documents/{name}", json=body, headers=KEY | headers)


def search(client, **body):
    question = {"query": "invoice seats", "collection": "helpdesk", "k": 5} | body
    return [hit["document_id"] for hit in client.post("/v1/search", json=question, headers=KEY).json()["hits"]]


# Patches


def test_a_patch_changes_what_it_names_and_is_found_by_a_search_that_must_see_it(client):
    before = get(client).json()
    answer = patch(client, {"metadata": {"status": "approved", "owner": {"team": "billing"}}})
    assert (answer.status_code, answer.json()["result"]) == (200, "updated")
    after = get(client).json()
    changed = {name for name in before if before[name] != after[name]} - {"seq", "updated_at", "searchable"}
    assert changed == {"metadata"}
    assert after["metadata"] == {"category": "i", "status": "approved", "owner": {"team": "billing"}}
    filters = {"type": "eq", "key": "status", "value": "approved"}
    assert search(client, filters=filters, min_seq=answer.json()["seq"]) == ["invoice"]


def test_null_takes_a_key_away_and_objects_are_merged_and_all_else_is_replaced(client):
    patch(client, {"metadata": {"a": {"b": 1, "c": [1, 2]}, "d": 4}})
    patch(client, {"metadata": {"a": {"b": None, "c": [3]}, "d": None, "category": {"e": None, "f": 1}}})
    assert get(client).json()["metadata"] == {"a": {"c": [3]}, "category": {"f": 1}}


def test_title_url_and_permissions_change_too_and_the_narrower_permission_holds_at_once(client):
    assert search(client)[0] == "invoice"
    answer = patch(client, {"title": "Bills", "url": "https://x.example/b", "allow": ["group:finance"]})
    found = get(client).json()
    assert (found["title"], found["url"], found["allow"]) == ("Bills", "https://x.example/b", ["group:finance"])
    assert "invoice" not in search(client, min_seq=answer.json()["seq"])
    assert "invoice" in search(client, principals=["group:finance"])
    patch(client, {"allow": None})
    assert get(client).json()["allow"] is None


def test_what_an_ingest_knows_of_a_document_stays_with_it(client, served_home):
    account = TextAccount("markdown 2", 10, 9, {"comments": 1}, ())
    document = Document("read", "Read", "Text of a file.", "", {}, account=account)
    put_documents(served_home.catalogue, HERE, [document], source="folder")
    assert patch(client, {"metadata": {"n": 1}}, "read").json()["result"] == "updated"
    assert read_document(served_home.catalogue, HERE, "read").source == "folder"
    assert read_account(served_home.catalogue, HERE, "read") == account


def test_a_patch_that_says_what_is_so_already_changes_nothing(client):
    etag, seq = get(client).headers["etag"], get(client).json()["updated_at"]
    answer = patch(client, {"metadata": {"category": "i"}})
    assert answer.json()["result"] == "unchanged"
    assert (get(client).headers["etag"], get(client).json()["updated_at"]) == (etag, seq)


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({}, 422, "nothing is to be changed"),
        ({"text": "other"}, 422, "text"),
        ({"metadata": None}, 422, "metadata"),
        ({"metadata": {"long": "x" * 70_000}}, 400, "metadata has"),
        ({"metadata": {"allow": ["ann"]}}, 400, "allow"),
        ({"title": "x" * 2_001}, 422, "title"),
        ({"allow": [""]}, 422, "allow"),
        ({"allow": []}, 200, ""),
    ],
)
def test_what_a_document_may_not_become_is_refused_by_name_and_nothing_of_it_is_stored(shared, body, status, named):
    before = get(shared).json()
    answer = patch(shared, body)
    assert answer.status_code == status
    assert named in answer.json().get("message", "")
    if status != 200:
        assert get(shared).json()["metadata"] == before["metadata"]


def test_what_is_not_there_cannot_be_patched(shared):
    assert patch(shared, {"title": "x"}, "nowhere").status_code == 404
    assert shared.patch("/v1/collections/none/documents/a", json={"title": "x"}, headers=KEY).status_code == 404


def test_patches_of_many_at_the_same_time_are_all_there_in_the_end(client):
    def add(number):
        while patch(client, {"metadata": {f"n{number}": number}}).status_code == 412:
            pass

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert get(client).json()["metadata"] == {"category": "i"} | {f"n{number}": number for number in range(6)}


_VALUES = st.sampled_from([None, 0, 1, -1.5, True, "", "é", [], [1, None], {}])
_PLAIN = _VALUES
for _ in range(3):  # objects in objects in an object
    _PLAIN = _VALUES | st.dictionaries(st.sampled_from("abc"), _PLAIN, max_size=3)


@settings(max_examples=60, deadline=None)
@given(target=_PLAIN, change=_PLAIN)
def test_a_merge_patch_is_that_of_the_standard(target, change):
    merged = merge_patch(target, change)
    assert merge_patch(merged, change) == merged
    if not isinstance(change, dict):
        assert merged == change
        return
    base = target if isinstance(target, dict) else {}
    for key in {*base, *change}:
        if key not in change:
            assert merged[key] == base[key]
        elif change[key] is None:
            assert key not in merged
        else:
            assert merged[key] == merge_patch(base.get(key), change[key])


# Conditions


def test_a_write_for_another_state_than_is_there_is_refused_and_changes_nothing(client):
    first = get(client).headers["etag"]
    assert get(client).headers["etag"] == first
    second = patch(client, {"metadata": {"n": 1}}, **{"If-Match": first})
    assert second.status_code == 200
    assert second.headers["etag"] == get(client).headers["etag"] != first
    late = patch(client, {"metadata": {"n": 2}}, **{"If-Match": first})
    assert (late.status_code, late.json()["error"]) == (412, "PreconditionFailed")
    assert second.headers["etag"] in late.json()["message"]
    body = {"title": "Other", "text": "Another text."}
    assert client.put(f"{BASE}/documents/invoice", json=body, headers=KEY | {"If-Match": first}).status_code == 412
    assert client.delete(f"{BASE}/documents/invoice", headers=KEY | {"If-Match": first}).status_code == 412
    assert get(client).json()["metadata"] == {"category": "i", "n": 1}
    several = f'"other", {second.headers["etag"]}'
    assert client.delete(f"{BASE}/documents/invoice", headers=KEY | {"If-Match": several}).status_code == 200
    assert get(client).status_code == 404


def test_a_put_may_be_for_a_new_document_alone_or_for_one_that_is_there(client):
    body, url = {"text": "A text."}, f"{BASE}/documents/new"
    assert client.put(url, json=body, headers=KEY | {"If-Match": "*"}).status_code == 412
    created = client.put(url, json=body, headers=KEY | {"If-None-Match": "*"})
    assert created.json()["result"] == "created"
    assert created.headers["etag"] == get(client, "new").headers["etag"]
    assert client.put(url, json=body, headers=KEY | {"If-None-Match": "*"}).status_code == 412
    assert client.put(url, json=body, headers=KEY | {"If-Match": "*"}).json()["result"] == "unchanged"


@pytest.mark.parametrize("given", ["6d1f", '"a" "b"', '"a",', "", '"a\x7f"', "*, *"])
def test_a_condition_that_is_malformed_is_refused_by_name(shared, given):
    answer = patch(shared, {"title": "x"}, **{"If-Match": given})
    assert answer.status_code == 400
    assert "If-Match" in answer.json()["message"]


def test_a_weak_tag_fits_nothing_and_a_put_takes_no_other_tag_than_the_star(shared):
    weak = f"W/{get(shared).headers['etag']}"
    assert patch(shared, {"title": "x"}, **{"If-Match": weak}).status_code == 412
    answer = shared.put(f"{BASE}/documents/a", json={"text": "b"}, headers=KEY | {"If-None-Match": '"a"'})
    assert answer.status_code == 400


# Lists and counts


def _filled(served_home):
    documents = [
        Document(f"d{number:04}", "", f"Number {number}.", "", {"n": number, "even": number % 2 == 0})
        for number in range(2_300)
    ]
    secret = Document("secret", "", "Hidden.", "", {"n": 1, "even": True}, allow=("ann",))
    put_documents(served_home.catalogue, Partition("default", "many"), [*documents, secret])


def test_documents_are_listed_and_counted_by_filter_over_pages(client, served_home, reader):
    _filled(served_home)
    filters = {"type": "and", "filters": [{"type": "eq", "key": "even", "value": True}]}
    base, found, after = "/v1/collections/many", [], ""
    while after is not None:
        body = {"filters": filters, "after": after, "limit": 100}
        page = client.post(f"{base}/documents:list", json=body, headers=KEY).json()
        found += [one["id"] for one in page["documents"]]
        after = page["next"]
    assert found == [f"d{number:04}" for number in range(0, 2_300, 2)] + ["secret"]

    def count(headers=KEY, **body):
        return client.post(f"{base}/documents:count", json=body, headers=headers).json()["documents"]

    assert count(filters=filters) == len(found)
    assert count() == 2_301
    assert count(headers=reader, filters=filters) == len(found) - 1
    assert count(headers=reader, filters=filters, principals=["ann"]) == len(found)
    assert count(filters=filters, principals=[]) == len(found) - 1
    assert count(filters={"type": "gte", "key": "n", "value": 2_299}) == 1


def test_a_collection_that_is_not_there_has_no_list_and_no_count(shared):
    for verb in ("list", "count"):
        assert shared.post(f"/v1/collections/none/documents:{verb}", json={}, headers=KEY).status_code == 404
        assert shared.post(f"{BASE}/documents:{verb}", json={"filters": 3}, headers=KEY).status_code == 422
