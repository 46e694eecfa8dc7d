"""Keys bound to collections and principals, walked over every route and body that names one: nothing opens more."""

import json
from contextlib import closing

import pytest
from click.testing import CliRunner

from indexing.catalogue.api_keys import Bounds, create_key, list_keys
from indexing.catalogue.collections import collection_sizes
from indexing.catalogue.document_writes import put_documents
from indexing.commands.root import cli
from indexing.records import Document, Partition
from tests.app.conftest import copied, release
from tests.app.routes.test_admin import NEEDED, bearer
from tests.app.test_leaks import (
    BODIES,
    QUESTION,
    WALK,
    WORDS,
    brought,
    call,
    client,
    fill,
    fill_tenants,
    filled,
    keys,
    query_id,
    served_home,
)
from tests.support.api_document import api_document

__all__ = ["brought", "client", "keys", "served_home"]  # fixtures

OWN = ("shared-name", "acme-collection")
"""What the key is bound to. Of its tenant there is also ``THERE``; there is no ``GHOST``."""
THERE, GHOST = "acme-vault", "acme-ghost"
NAMES = {"collection", "collections", "knowledge_id", "vector_store_id"}
"""What the name of a collection is called in paths and bodies."""
OF_THE_TENANT = {
    route for route, scope in NEEDED.items() if scope == "write" and route[1].startswith(("/v1/files", "/v1/uploads"))
} | {
    ("post", "/v1/vector_stores"),
    ("post", "/v1/vector_stores/{vector_store_id}/files"),
    ("post", "/v1/vector_stores/{vector_store_id}/file_batches"),
}
"""What takes or makes something that belongs to no collection yet."""
SALARIES = Document("salaries", "Fianchetto salaries", "The fianchetto of salaries.", allow=("staff", "board"))
DOORS = {
    "search": ("/v1/search", QUESTION | {"principals": [], "collection": "shared-name"}),
    "several": (
        "/v1/search",
        {"query": QUESTION["query"], "collections": ["shared-name", "acme-collection"]},
    ),
    "batch": ("/v1/search:batch", {"searches": [{"query": QUESTION["query"], "collection": "shared-name"}]}),
    "context": ("/v1/context", {"query": QUESTION["query"], "collection": "shared-name", "max_tokens": 500}),
    "list": ("/v1/collections/shared-name/documents:list", {}),
    "mcp": ("/mcp", BODIES["post", "/mcp/{collection}"]),
    "mcp of one": ("/mcp/shared-name", BODIES["post", "/mcp/{collection}"]),
    "openai": ("/v1/vector_stores/shared-name/search", {"query": QUESTION["query"], "max_num_results": 50}),
    "dify": (
        "/v1/dify/retrieval",
        {"knowledge_id": "shared-name", "query": QUESTION["query"], "retrieval_setting": {"top_k": 9}},
    ),
}
"""Every door that finds documents."""


@pytest.fixture(scope="module")
def built(built_home, tmp_path_factory):
    """As that of ``test_leaks``, and ``acme`` has more."""
    with closing(copied(built_home, tmp_path_factory.mktemp("bound"))) as home:
        given = fill_tenants(home)
        fill(home, "acme", THERE)
        put_documents(home.catalogue, Partition("acme", "shared-name"), [SALARIES])
        release(home)
    return home.path, *given


@pytest.fixture
def bound(served_home):
    """Makes a key of ``acme`` that is bound; gives the headers that carry it."""

    def make(*scopes, **bounds):
        return bearer(create_key(served_home.catalogue, "acme", scopes=scopes, bounds=Bounds(**bounds))[1])

    return make


@pytest.fixture
def names(served_home, brought):
    """What stands in the places of ``test_leaks``'s routes."""
    own = {"tenant": "acme", "document_id": "open", "model": "tiny@1", "query_id": query_id(served_home, "acme")}
    return own | brought["acme"]


def naming(collection, names):
    return names | {"collection": collection, "vector_store_id": collection, "own_collection": collection}


def names_one(route):
    text = route[1] + json.dumps(BODIES.get(route))
    return "{collection}" in text or "{vector_store_id}" in text


def properties(document, schema, seen=()):
    """The names of all fields that a schema allows, wherever they stand."""
    if isinstance(schema, list):
        return set().union(*(properties(document, one, seen) for one in schema))
    if not isinstance(schema, dict):
        return set()
    found = set(schema.get("properties", ()))
    reference = schema.get("$ref")
    if reference is not None and reference not in seen:
        target = document["components"]["schemas"][reference.rpartition("/")[2]]
        found |= properties(document, target, (*seen, reference))
    return found.union(*(properties(document, one, seen) for one in schema.values()))


def test_every_route_and_body_that_names_a_collection_is_walked():
    document = api_document()
    found = set()
    for route in WALK:
        operation = document["paths"][route[1]][route[0]]
        allowed = properties(document, operation.get("requestBody", {}))
        allowed |= {one["name"] for one in operation.get("parameters", ())}
        if allowed & NAMES and NEEDED[route] in ("search", "write"):
            found.add(route)
    walked = {route for route in WALK if NEEDED[route] in ("search", "write") and names_one(route)}
    assert found - walked == set()
    assert walked - found == {("post", "/mcp")}  # which names one in the arguments of a tool


def test_a_bound_key_is_refused_every_other_collection_in_the_same_words(client, bound, names):
    headers = bound("search", "write", collections=OWN)
    for route in WALK:
        if not names_one(route):
            continue
        said = []
        for collection in (THERE, GHOST):
            answer = call(client, route, naming(collection, names), headers)
            is_inside = route[1] in ("/mcp", "/mcp/{collection}", "/v1/search:batch")
            assert answer.status_code == (200 if is_inside else 403), (route, answer.text)
            refusal = answer.text.replace(collection, "NAME")
            assert "is not one of them" in refusal or NEEDED[route] == "admin" or route in OF_THE_TENANT, route
            told = json.loads(
                refusal, object_hook=lambda one: {k: v for k, v in one.items() if k not in ("request_id", "query_id")}
            )
            said.append(answer_without_hits(told))
            assert WORDS["acme"] not in json.dumps(said), route
        assert said[0] == said[1], route


def answer_without_hits(told):
    """Of a batch what was refused: its other search is within what the key opens."""
    return told["answers"][0] if "answers" in told else told


def test_no_list_of_collections_gets_a_bound_key_beyond_its_own(client, bound):
    headers = bound("search", collections=OWN)
    for others in ([OWN[0], THERE], [OWN[0], GHOST]):
        answer = client.post("/v1/search", json={"query": "a", "collections": others}, headers=headers)
        assert answer.status_code == 403, answer.text
        assert "is not one of them" in answer.json()["message"]


def test_what_belongs_to_the_whole_tenant_is_refused_to_a_bound_key_and_the_rest_of_its_own_is_not(
    client, bound, names, served_home
):
    headers, untouched = bound("search", "write", collections=OWN), list_keys(served_home.catalogue, "acme")
    own = naming("shared-name", names) | {"own_collection": "acme-collection"}
    for route in WALK:
        answer = call(client, route, own, headers)
        is_open = NEEDED[route] in ("search", "write") and route not in OF_THE_TENANT
        assert answer.is_success == is_open, (route, answer.text)
        if not is_open:
            assert answer.status_code == 403, route
    assert set(collection_sizes(served_home.catalogue, "acme")) == {THERE}
    assert list_keys(served_home.catalogue, "acme") == untouched


def test_lists_show_a_bound_key_its_own_collections_alone_page_by_page(client, bound):
    headers = bound("search", collections=(OWN[0], GHOST, "acme-collection"))
    pages, after = [], ""
    while after is not None:
        page = client.get("/v1/collections", params={"limit": 1, "after": after}, headers=headers).json()
        pages += [one["name"] for one in page["collections"]]
        after = page["next"]
    assert pages == sorted(OWN)
    stores = client.get("/v1/vector_stores", headers=headers).json()
    assert {one["id"] for one in stores["data"]} == set(OWN)
    answer = client.post("/mcp", json=BODIES["post", "/mcp/{collection}"] | {"id": 7}, headers=headers).json()
    assert {one["id"].partition("/")[0] for one in answer["result"]["structuredContent"]["results"]} == set(OWN)


def test_a_key_that_asks_for_a_principal_sees_what_it_may_see_at_every_door(client, bound):
    may_see = {"all": {"closed"}, "staff": {"salaries"}, "other": set()}
    for principal, own in may_see.items():
        headers = bound("search", principals=(principal,))
        for door, (path, body) in DOORS.items():
            answer = client.post(path, json=body, headers=headers)
            assert answer.status_code == 200, (door, answer.text)
            seen = {name for name in ("closed", "salaries", "acme-document") if name in answer.text}
            assert seen == {"acme-document"} | own, door


def test_a_key_that_asks_for_principals_may_name_fewer_and_never_one_beyond(client, bound):
    headers = bound("search", principals=("all", "staff"))
    for door in ("search", "several", "batch", "context", "list"):
        path, body = DOORS[door]
        for principals, status in ((["all"], 200), (["all", "board"], 403), (["board"], 403)):
            if door == "batch":
                asked = {"searches": [body["searches"][0] | {"principals": principals}]}
                first = client.post(path, json=asked, headers=headers).json()["answers"][0]
                assert first["status"] == status, first
                text = json.dumps(first)
            else:
                answer = client.post(path, json=body | {"principals": principals}, headers=headers)
                assert answer.status_code == status, (door, answer.text)
                text = answer.text
            assert "The fianchetto of salaries" not in text or principals == ["staff"], door
            assert status == 200 or "does not ask for the principal 'board'" in text, door
    for door in ("mcp", "mcp of one", "openai"):
        path, body = DOORS[door]
        answer = client.post(path, json=body, headers=headers | {"x-groundwork-principals": "all,board"})
        assert "does not ask for the principal 'board'" in answer.text, door
        assert "acme-document" not in answer.text, door
        fewer = client.post(path, json=body, headers=headers | {"x-groundwork-principals": "all"}).text
        assert ("closed" in fewer, "salaries" in fewer) == (True, False), door


def test_a_document_that_its_principals_may_not_see_is_not_there(client, bound, names):
    headers = bound("search", principals=("all",))
    place = "/v1/collections/shared-name/documents"
    told = [
        client.get(f"{place}/{name}", params=asked, headers=headers)
        for name in ("salaries", "nothing")
        for asked in ({}, {"principals": "all"})
    ]
    assert {answer.status_code for answer in told} == {404}
    assert client.get(f"{place}/closed", headers=headers).status_code == 200
    assert client.get(f"{place}/salaries", params={"principals": "staff"}, headers=headers).status_code == 403
    listed = client.get(place, headers=headers).json()["documents"]
    assert {one["id"] for one in listed} == {"open", "closed", "acme-document"}
    counts = client.post(f"{place}:count", json={}, headers=headers).json()
    assert counts["documents"] == 3
    fetch = json.loads(filled(json.dumps(BODIES["post", "/mcp"]), {"collection": "shared-name", "document_id": "x"}))
    for name, is_error in (("closed", False), ("salaries", True)):
        fetch["params"]["arguments"]["id"] = f"shared-name/{name}"
        result = client.post("/mcp", json=fetch, headers=headers).json()["result"]
        assert bool(result.get("isError")) == is_error, result


@pytest.mark.parametrize(
    ("scopes", "bounds", "named"),
    [
        (["admin"], {"collections": ["a"]}, "scopes admin cannot be bound to collections"),
        (["search", "admin"], {"collections": ["a"]}, "scopes search, admin cannot be bound to collections"),
        (["search", "write"], {"principals": ["ann"]}, "scopes search, write cannot be bound to principals"),
        (["admin"], {"principals": ["ann"]}, "scopes admin cannot be bound to principals"),
        (["search"], {"collections": ["a\nb"]}, "is not a collection"),
        (["search"], {"principals": ["\u202eann"]}, "is not a principal"),
        (["search"], {"principals": [""]}, "is not a principal"),
    ],
)
def test_a_key_that_could_leave_its_bounds_is_not_made(client, keys, served_home, scopes, bounds, named):
    before = list_keys(served_home.catalogue, "acme")
    answer = client.post("/v1/keys", json={"scopes": scopes} | bounds, headers=keys["acme"])
    assert (answer.status_code, named in answer.json()["message"]) == (400, True), answer.text
    assert list_keys(served_home.catalogue, "acme") == before


def test_both_the_api_and_the_command_bind_keys_and_say_so(client, keys, served_home):
    bounds = {"collections": ["shared-name"], "principals": ["all"]}
    made = client.post("/v1/keys", json={"scopes": ["search"]} | bounds, headers=keys["acme"])
    assert (made.status_code, made.json()["collections"], made.json()["principals"]) == (201, *bounds.values())
    listed = {one["id"]: one for one in client.get("/v1/keys", headers=keys["acme"]).json()["keys"]}
    assert listed[made.json()["id"]]["collections"] == ["shared-name"]
    options = "--tenant acme --collection shared-name --collection acme-collection --principal all --json"
    ran = CliRunner().invoke(cli, ["--home", str(served_home.path), "keys", "create", *options.split()])
    told = json.loads(ran.stdout)
    assert (told["collections"], told["principals"]) == (["acme-collection", "shared-name"], ["all"])
    for secret, count in ((made.json()["key"], 1), (told["key"], 2)):
        shown = client.get("/v1/collections", headers=bearer(secret)).json()["collections"]
        assert len(shown) == count
