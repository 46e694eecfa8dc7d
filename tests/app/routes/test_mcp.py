"""MCP as agents use it: the official SDK's client over a socket, by the current version and by the one before it."""

import asyncio
import json
import re
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from app.main import create_app
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import DEFAULT_TENANT, create_tenant
from indexing.ledger.readers import requests_of
from indexing.records import Document, Partition
from tests.app.conftest import copied, fill, release
from tests.support.listening import listening
from tests.support.processes import ROOT

MODES = ("auto", "legacy")
"""The SDK's client by 2026-07-28, and by 2025-11-25 with its handshake."""
SALARIES = Document("team/salaries 2026", "", "Salaries are paid on the first.", "", {"level": 2}, allow=("ann", "a,b"))


@pytest.fixture(scope="module")
def served(built_home, tmp_path_factory):
    """A home with two tenants: one has one collection, the other has two."""
    home = copied(built_home, tmp_path_factory.mktemp("mcp"))
    put_documents(home.catalogue, Partition(DEFAULT_TENANT, "helpdesk"), [SALARIES])
    create_tenant(home.catalogue, "rival")
    fill(home, "helpdesk", {"chess": ("Zugzwang", "Zugzwang in the endgame.")}, tenant="rival")
    fill(home, "other", {"go": ("Tenuki", "Tenuki is to play elsewhere.")}, tenant="rival")
    release(home)
    keys = {
        "reader": create_key(home.catalogue, DEFAULT_TENANT, scopes=("search",))[1],
        "writer": create_key(home.catalogue, DEFAULT_TENANT, scopes=("search", "write"))[1],
        "rival": create_key(home.catalogue, "rival", scopes=("search",))[1],
    }
    app = create_app(home.settings)
    with listening(app) as url:
        yield home, url, keys, app.state.services
    home.close()


@pytest.fixture
def connect(served):
    """Connects the official client; the path, the key and more headers may be given."""
    _, url, keys, _ = served

    @asynccontextmanager
    async def connected(mode="auto", path="/mcp", key="reader", **headers):
        headers = {"Authorization": f"Bearer {keys[key]}"} | headers
        async with (
            httpx2.AsyncClient(headers=headers, verify=False) as http,  # no TLS here: certificates take 0.1 s to load
            Client(streamable_http_client(f"{url}{path}", http_client=http), mode=mode) as client,
        ):
            yield client

    return connected


def run(coroutine):
    return asyncio.run(coroutine)


@pytest.mark.parametrize("mode", MODES)
def test_the_official_client_finds_and_fetches_a_document_with_its_citation(connect, mode):
    async def use():
        async with connect(mode) as client:
            tools = (await client.list_tools()).tools
            found = await client.call_tool("search", {"query": "forgot my password"})
            whole = await client.call_tool("fetch", {"id": found.structured_content["results"][0]["id"]})
            return client.protocol_version, tools, found, whole

    version, tools, found, whole = run(use())
    assert version == {"auto": "2026-07-28", "legacy": "2025-11-25"}[mode]
    assert [tool.name for tool in tools] == ["search", "fetch"]
    assert all(tool.annotations.read_only_hint and not tool.annotations.open_world_hint for tool in tools)
    first = found.structured_content["results"][0]
    assert first["id"] == "helpdesk/password"
    assert (first["title"], first["url"]) == ("Reset a forgotten password", "https://help.example/password")
    assert "Forgot password" in first["text"]
    assert whole.structured_content == {
        "id": "helpdesk/password",
        "title": "Reset a forgotten password",
        "text": "Open the sign-in page and choose Forgot password. A link arrives by e-mail.",
        "url": "https://help.example/password",
        "metadata": {"category": "p"},
    }
    for result in (found, whole):
        assert not result.is_error
        assert [json.loads(item.text) for item in result.content] == [result.structured_content]


def test_a_document_without_title_and_address_is_told_by_its_id_and_has_no_invented_address(connect):
    async def use():
        async with connect(**{"x-groundwork-principals": "bob, a%2Cb"}) as client:
            found = await client.call_tool("search", {"query": "salaries are paid"})
            return found, await client.call_tool("fetch", {"id": "helpdesk/team/salaries 2026"})

    found, whole = run(use())
    hits = {hit["id"]: hit for hit in found.structured_content["results"]}
    assert hits["helpdesk/team/salaries 2026"]["title"] == "team/salaries 2026"
    assert hits["helpdesk/team/salaries 2026"]["url"] == "" == whole.structured_content["url"]
    assert whole.structured_content["metadata"] == {"level": 2}


@pytest.mark.parametrize(
    ("key", "principals", "may_find", "may_read"),
    [
        ("reader", None, False, False),
        ("reader", "bob", False, False),
        ("reader", "", False, False),
        ("reader", "ann", True, True),
        ("writer", None, False, True),
        ("writer", "bob", False, False),
    ],
)
def test_permissions_are_those_of_a_search_and_of_the_reading_of_a_document(
    connect, served, key, principals, may_find, may_read
):
    headers = {} if principals is None else {"x-groundwork-principals": principals}

    async def use():
        async with connect(key=key, **headers) as client:
            found = await client.call_tool("search", {"query": "salaries are paid"})
            return found, await client.call_tool("fetch", {"id": "helpdesk/team/salaries 2026"})

    found, whole = run(use())
    assert ("helpdesk/team/salaries 2026" in {one["id"] for one in found.structured_content["results"]}) is may_find
    assert whole.is_error is not may_read
    _, url, keys, _ = served
    asked = httpx2.get(
        f"{url}/v1/collections/helpdesk/documents/team%2Fsalaries%202026",
        params={} if principals is None else {"principals": principals},
        headers={"Authorization": f"Bearer {keys[key]}"},
    )
    assert (asked.status_code == 200) is may_read


def test_what_another_tenant_has_is_answered_as_what_is_not_there(connect):
    async def use():
        async with connect() as client:
            ids = ("helpdesk/chess", "helpdesk/ghost", "other/go", "ghost/go", "nothing", "/", "other/", "\u0000/x")
            return [await client.call_tool("fetch", {"id": one}) for one in ids], ids

    answers, ids = run(use())
    assert all(one.is_error for one in answers)
    said = {answer.content[0].text.replace(repr(one), "ID") for answer, one in zip(answers, ids, strict=True)}
    assert said == {"No document ID: use an id that search gave."}


def test_an_endpoint_of_one_collection_sees_no_other(connect):
    async def use():
        async with connect(path="/mcp/other", key="rival") as client:
            found = await client.call_tool("search", {"query": "zugzwang"})
            return found, [await client.call_tool("fetch", {"id": one}) for one in ("other/go", "helpdesk/chess")]

    found, (own, other) = run(use())
    assert [one["id"] for one in found.structured_content["results"]] == ["other/go"]
    assert not own.is_error
    assert other.content[0].text == "No document 'helpdesk/chess': use an id that search gave."


def test_all_collections_are_one_ranking_and_feedback_goes_by_the_id_of_the_hits_own(connect, served):
    async def use():
        async with connect(key="rival") as client:
            found = await client.call_tool("search", {"query": "tenuki is to play elsewhere"})
            return found, await client.call_tool("fetch", {"id": "other/go"})

    found, whole = run(use())
    assert [one["id"] for one in found.structured_content["results"]] == ["other/go", "helpdesk/chess"]
    assert set(found.meta["groundwork/query_ids"]) == {"helpdesk", "other"}
    assert not whole.is_error
    home, _, _, services = served
    assert services.records.recorder.flush()
    assert {row.collection for row in requests_of(home.ledger, "rival")} >= {"helpdesk", "other"}


def test_more_collections_than_one_search_takes_are_told_to_the_model_with_what_to_do(connect, monkeypatch):
    monkeypatch.setattr("app.services.mcp_tools.MAX_COLLECTIONS", 1)

    async def use():
        async with connect(key="rival") as client:
            return await client.call_tool("search", {"query": "tenuki"})

    answer = run(use())
    assert answer.is_error
    assert "connect to /mcp/COLLECTION" in answer.content[0].text


@pytest.mark.parametrize("path", ["/mcp/ghost", f"/mcp/{'g' * 128}"])
def test_an_endpoint_of_a_collection_that_is_not_there_says_so_to_the_model(connect, path):
    async def use():
        async with connect(path=path) as client:
            return await client.call_tool("search", {"query": "password"})

    answer = run(use())
    assert answer.is_error
    assert answer.content[0].text.startswith("No collection 'g")


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("search", {}, "query: Field required"),
        ("search", {"query": "  "}, "query: String should have at least 1 character"),
        ("search", {"query": "q" * 20_001}, "query: String should have at most 20000 characters"),
        ("search", {"query": 7}, "query: Input should be a valid string"),
        ("search", {"query": "x", "tenant": "rival"}, "tenant: Extra inputs are not permitted"),
        ("fetch", {"id": ""}, "id: String should have at least 1 character"),
        ("fetch", {"id": "x" * 642}, "id: String should have at most 641 characters"),
    ],
)
def test_arguments_that_a_model_got_wrong_are_told_to_the_model(connect, tool, arguments, said):
    async def use():
        async with connect() as client:
            return await client.call_tool(tool, arguments)

    answer = run(use())
    assert answer.is_error
    assert said in answer.content[0].text


@pytest.mark.parametrize("mode", MODES)
def test_an_unknown_tool_is_an_error_of_the_protocol(connect, mode):
    async def use():
        async with connect(mode) as client:
            with pytest.raises(MCPError, match="Unknown tool: 'write'") as raised:
                await client.call_tool("write", {})
            return raised.value.error.code

    assert run(use()) == -32602


def test_a_search_is_in_the_ledger_and_takes_feedback_by_the_id_that_it_gave(connect, served):
    home, url, keys, services = served

    async def use():
        async with connect(**{"x-groundwork-user": "ann%40example.com"}) as client:
            return await client.call_tool("search", {"query": "verify webhook signatures"})

    meta = run(use()).meta
    event = {
        "action_name": "click",
        "query_id": meta["groundwork/query_id"],
        "timestamp": "2026-11-29T09:30:00Z",
        "event_attributes": {"object": {"object_id": "webhook"}},
    }
    headers = {"Authorization": f"Bearer {keys['reader']}"}
    assert httpx2.post(f"{url}/v1/feedback", json=event, headers=headers).status_code == 202
    metrics = httpx2.get(f"{url}/metrics").text
    recipe = meta["groundwork/release"].partition(".")[0]
    assert f'groundwork_search_requests_total{{recipe="{recipe}",status="200"}}' in metrics
    assert meta["groundwork/snapshot"]
    assert services.records.recorder.flush()
    rows = [row for row in requests_of(home.ledger, DEFAULT_TENANT) if row.user is not None]
    assert [(row.kind, row.collection, row.status) for row in rows] == [("search", "helpdesk", 200)]


def test_the_example_of_the_documentation_runs_as_written(served, monkeypatch, capsys):
    _, url, keys, _ = served
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "mcp.md").read_text(), re.DOTALL)
    monkeypatch.setenv("GROUNDWORK_URL", url)
    monkeypatch.setenv("GROUNDWORK_API_KEY", keys["reader"])
    exec(compile(example, "docs/mcp.md", "exec"), {"__name__": "example"})
    said = capsys.readouterr().out
    assert "helpdesk/password Reset a forgotten password https://help.example/password" in said
    assert said.rstrip().endswith(".")
