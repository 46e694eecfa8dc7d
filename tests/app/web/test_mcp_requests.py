"""MCP by the text of its specification: raw requests, each version's headers and codes, and what is hostile."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.main import create_app, refresh
from indexing.errors import CatalogueBusy, Overloaded
from tests.app.conftest import copied, settings_of
from tests.support.api_client import TestClient
from tests.support.mutations import examples

KEY = {"Authorization": "Bearer test-key-0123456789"}
CURRENT = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": CURRENT,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022


@pytest.fixture(scope="module")
def client(built_home, tmp_path_factory):
    home = copied(built_home, tmp_path_factory.mktemp("mcp-requests"))
    app = create_app(settings_of(home.path).model_copy(update={"mcp_origins": "https://chat.example, app://desk"}))
    with TestClient(app, raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        yield client
    home.close()


def post(client, message, headers=(), path="/mcp"):
    content = message if isinstance(message, str | bytes) else json.dumps(message)
    return client.post(path, content=content, headers=KEY | {"Content-Type": "application/json"} | dict(headers))


def request(method, params=None, **fields):
    return {"jsonrpc": "2.0", "id": 1, "method": method, **({} if params is None else {"params": params}), **fields}


def current(client, method, params=None, *, meta=META, headers=None, **fields):
    """A request of 2026-07-28 with the headers that it must have, which may be replaced or (None) left out."""
    params = {**(params or {}), "_meta": meta}
    given = {"MCP-Protocol-Version": CURRENT, "Mcp-Method": method, "Mcp-Name": params.get("name")} | (headers or {})
    return post(client, request(method, params, **fields), {n: v for n, v in given.items() if v is not None})


def error_of(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_discovery_says_versions_tools_and_who_answers_and_how_long_that_may_be_kept(client):
    answer = current(client, "server/discover", id="d-1")
    result = answer.json()["result"]
    assert (answer.status_code, answer.json()["id"]) == (200, "d-1")
    assert result["supportedVersions"] == [CURRENT]
    assert result["capabilities"] == {"tools": {}}
    assert (result["resultType"], result["cacheScope"]) == ("complete", "public")
    assert result["ttlMs"] > 0
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "groundwork"
    assert "mcp-session-id" not in answer.headers


def test_the_list_of_tools_is_the_same_for_everyone_in_one_order_and_may_be_cached(client):
    results = [current(client, "tools/list").json()["result"] for _ in range(2)]
    assert results[0] == results[1]
    assert [tool["name"] for tool in results[0]["tools"]] == ["search", "fetch"]
    assert (results[0]["cacheScope"], results[0]["resultType"]) == ("public", "complete")
    assert error_of(current(client, "tools/list", {"cursor": "2"})) == (400, INVALID_PARAMS)


def test_a_search_of_the_current_version_names_what_served_it(client):
    answer = current(client, "tools/call", {"name": "search", "arguments": {"query": "invoice"}})
    result, headers = answer.json()["result"], answer.headers
    assert result["resultType"] == "complete"
    assert result["_meta"]["groundwork/query_id"] == headers["x-query-id"]
    assert result["_meta"]["groundwork/release"] == headers["x-release-id"]
    assert result["_meta"]["groundwork/snapshot"] == headers["x-snapshot-id"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"MCP-Protocol-Version": None}, HEADER_MISMATCH),
        ({"MCP-Protocol-Version": "2025-11-25"}, HEADER_MISMATCH),
        ({"Mcp-Method": None}, HEADER_MISMATCH),
        ({"Mcp-Method": "tools/list"}, HEADER_MISMATCH),
        ({"Mcp-Method": "TOOLS/CALL"}, HEADER_MISMATCH),
        ({"Mcp-Name": None}, HEADER_MISMATCH),
        ({"Mcp-Name": "fetch"}, HEADER_MISMATCH),
        ({"Mcp-Name": "=?base64?!?="}, HEADER_MISMATCH),
        ({"Mcp-Name": "=?base64?/w==?="}, HEADER_MISMATCH),
        ({"Mcp-Name": f"=?base64?{base64.b64encode(b'fetch').decode()}?="}, HEADER_MISMATCH),
    ],
)
def test_headers_that_do_not_say_what_the_body_says_are_refused(client, headers, code):
    call = {"name": "search", "arguments": {"query": "invoice"}}
    answer = current(client, "tools/call", call, headers=headers)
    assert error_of(answer) == (400, code)
    assert answer.json()["id"] == 1
    assert answer.json()["error"]["message"].startswith("Header mismatch: mcp-")


def test_a_header_that_comes_twice_is_refused_and_one_in_base64_is_read(client):
    call = request("tools/call", {"name": "search", "arguments": {"query": "invoice"}, "_meta": META})
    given = [("MCP-Protocol-Version", CURRENT), ("Mcp-Method", "tools/call"), ("Mcp-Name", "search"), *KEY.items()]
    twice = client.post("/mcp", json=call, headers=[*given, ("Mcp-Name", "fetch")])
    assert error_of(twice) == (400, HEADER_MISMATCH)
    encoded = f"=?base64?{base64.b64encode(b'search').decode()}?="
    assert current(client, "tools/call", call["params"], headers={"Mcp-Name": encoded}).status_code == 200


@pytest.mark.parametrize(
    "meta",
    [
        {},
        [],
        None,
        "x",
        {"io.modelcontextprotocol/protocolVersion": CURRENT},
        {"io.modelcontextprotocol/protocolVersion": 7, "io.modelcontextprotocol/clientCapabilities": {}},
        {"io.modelcontextprotocol/protocolVersion": CURRENT, "io.modelcontextprotocol/clientCapabilities": []},
    ],
)
def test_a_request_without_what_every_request_of_its_version_has_is_refused(client, meta):
    assert error_of(current(client, "tools/list", meta=meta)) == (400, INVALID_PARAMS)


@pytest.mark.parametrize("version", ["1900-01-01", "2025-03-26", "", "9" * 3000])
def test_a_version_that_is_not_spoken_here_is_answered_with_those_that_are(client, version):
    spoken = ["2026-07-28", "2025-11-25", "2025-06-18"]
    meta = META | {"io.modelcontextprotocol/protocolVersion": version}
    for answer in (
        current(client, "tools/list", meta=meta, headers={"MCP-Protocol-Version": version}),
        post(client, request("tools/list"), {"MCP-Protocol-Version": version}),
        post(client, {"jsonrpc": "2.0", "method": "notifications/x"}, {"MCP-Protocol-Version": version}),
    ):
        assert error_of(answer) == (400, UNSUPPORTED_VERSION)
        assert answer.json()["error"]["data"] == {"supported": spoken, "requested": version[:100]}


@pytest.mark.parametrize("method", ["initialize", "ping", "resources/list", "subscriptions/listen", "x" * 128, "é"])
def test_a_method_that_the_current_version_does_not_have_here_is_404(client, method):
    encoded = {"Mcp-Method": method.encode()} if method.isascii() else {"Mcp-Method": f"=?base64?{_b64(method)}?="}
    assert error_of(current(client, method, headers=encoded)) == (404, METHOD_NOT_FOUND)


def _b64(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18"])
def test_earlier_versions_begin_with_a_handshake_and_keep_no_session(client, version):
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    greeted = post(client, request("initialize", params))
    assert greeted.json()["result"]["protocolVersion"] == version
    assert greeted.json()["result"]["serverInfo"]["name"] == "groundwork"
    assert "mcp-session-id" not in greeted.headers
    headers = {"MCP-Protocol-Version": version, "Mcp-Session-Id": "of-another-server"}
    ready = post(client, {"jsonrpc": "2.0", "method": "notifications/initialized"}, headers)
    assert (ready.status_code, ready.content) == (202, b"")
    assert post(client, request("ping"), headers).json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    listed = post(client, request("tools/list", {}), headers).json()["result"]
    assert set(listed) == {"tools"}
    call = {"name": "search", "arguments": {"query": "forgot my password"}}
    result = post(client, request("tools/call", call), headers).json()["result"]
    assert result["structuredContent"]["results"][0]["id"] == "helpdesk/password"
    assert "resultType" not in result
    assert error_of(post(client, request("server/discover"), headers)) == (200, METHOD_NOT_FOUND)
    assert error_of(post(client, request("tools/call", {"name": "x"}), headers)) == (200, INVALID_PARAMS)
    assert error_of(post(client, request("tools/call", {"name": "search", "arguments": []}), headers))[1] == (
        INVALID_PARAMS
    )


@pytest.mark.parametrize("asked", ["2024-11-05", "2026-07-28", "2099-01-01"])
def test_a_handshake_by_another_version_is_answered_by_the_newest_that_has_one(client, asked):
    assert post(client, request("initialize", {"protocolVersion": asked})).json()["result"]["protocolVersion"] == (
        "2025-11-25"
    )
    assert error_of(post(client, request("initialize", {"protocolVersion": 1}))) == (200, INVALID_PARAMS)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", PARSE_ERROR),
        ("{", PARSE_ERROR),
        (b"\xff\xfe", PARSE_ERROR),
        ('{"jsonrpc": "2.0", "id": 1, "method": "ping"} x', PARSE_ERROR),
        ('{"jsonrpc": "2.0", "id": "\\ud800", "method": "ping"}', PARSE_ERROR),
        ('{"jsonrpc": "2.0", "id": NaN, "method": "ping"}', PARSE_ERROR),
        ('{"jsonrpc": "2.0", "id": ' + "9" * 5000 + ', "method": "ping"}', PARSE_ERROR),
        ("[" * 100_000, PARSE_ERROR),
        ('{"a":' * 30_000 + "1" + "}" * 30_000, PARSE_ERROR),
        ([], INVALID_REQUEST),
        ([request("ping"), request("ping")], INVALID_REQUEST),
        (None, INVALID_REQUEST),
        (7, INVALID_REQUEST),
        ('"ping"', INVALID_REQUEST),
        ({}, INVALID_REQUEST),
        ({"id": 1, "method": "ping"}, INVALID_REQUEST),
        (request("ping", jsonrpc="1.0"), INVALID_REQUEST),
        (request("ping", jsonrpc=2.0), INVALID_REQUEST),
        (request("ping", id=None), INVALID_REQUEST),
        (request("ping", id=True), INVALID_REQUEST),
        (request("ping", id=1.5), INVALID_REQUEST),
        (request("ping", id=[1]), INVALID_REQUEST),
        (request("ping", id=2**53), INVALID_REQUEST),
        (request("ping", id="i" * 513), INVALID_REQUEST),
        ({"jsonrpc": "2.0", "id": 1}, INVALID_REQUEST),
        (request(""), INVALID_REQUEST),
        (request(["ping"]), INVALID_REQUEST),
        (request("m" * 129), INVALID_REQUEST),
        (request("ping", params=[]), INVALID_REQUEST),
        (request("ping", params=None) | {"params": None}, INVALID_REQUEST),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, INVALID_REQUEST),
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "x"}}, INVALID_REQUEST),
    ],
)
def test_what_is_not_one_request_or_notification_is_refused_by_the_code_for_it(client, body, code):
    for version in (CURRENT, "2025-11-25"):
        answer = post(client, body, {"MCP-Protocol-Version": version})
        assert error_of(answer) == (400, code)
        assert set(answer.json()) == {"jsonrpc", "error"}


@pytest.mark.parametrize("identifier", [0, -(2**53) + 1, 2**53 - 1, "", "é", "i" * 512])
def test_an_id_comes_back_as_it_was(client, identifier):
    assert post(client, request("ping", id=identifier)).json() == {"jsonrpc": "2.0", "id": identifier, "result": {}}


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
@pytest.mark.parametrize("path", ["/mcp", "/mcp/helpdesk"])
def test_there_is_no_stream_and_no_session_to_end(client, method, path):
    answer = client.request(method, path, headers=KEY | {"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:8080", "null", "", "https://chat.example.evil"]
)
def test_a_page_of_another_site_is_refused_before_its_key_is_looked_at(client, origin):
    answer = client.post("/mcp", json=request("ping"), headers={"Origin": origin})
    assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")


@pytest.mark.parametrize("origin", ["https://chat.example", "HTTPS://CHAT.EXAMPLE", "app://desk"])
def test_a_page_that_the_settings_name_is_let_through(client, origin):
    assert post(client, request("ping"), {"Origin": origin}).status_code == 200


def test_without_a_valid_key_the_scheme_is_named(client):
    for headers in ({}, {"Authorization": "Bearer gw_unknown"}):
        answer = client.post("/mcp", json=request("ping"), headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_body_that_is_too_large_or_no_json_by_its_own_word_is_refused_unread(client):
    assert post(client, b" " * (256 * 1024 + 1)).status_code == 413
    assert post(client, request("ping"), {"Content-Type": "text/plain"}).status_code == 415
    assert post(client, request("ping"), {"Content-Encoding": "gzip"}).status_code == 415


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Overloaded("8 searches are in progress here already."), "8 searches are in progress"),
        (CatalogueBusy("/secret/home/catalogue.db is locked"), ""),
    ],
)
def test_a_tool_that_fails_says_so_in_its_result_and_tells_nothing_of_this_machine(client, monkeypatch, error, said):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr("app.services.mcp_tools.search", fail)
    monkeypatch.setattr("app.services.mcp_tools.read_visible", fail)
    for name, arguments in (("search", {"query": "x"}), ("fetch", {"id": "helpdesk/password"})):
        answer = current(client, "tools/call", {"name": name, "arguments": arguments})
        result = answer.json()["result"]
        assert (answer.status_code, result["isError"]) == (200, True)
        assert said in result["content"][0]["text"]
        assert "structuredContent" not in result


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
METHODS = st.sampled_from(["initialize", "ping", "server/discover", "tools/list", "tools/call", "notifications/x"])
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["search", "fetch"]) | JSON,
        "arguments": st.fixed_dictionaries({}, optional={"query": JSON, "id": JSON}) | JSON,
        "cursor": JSON,
        "protocolVersion": JSON,
        "_meta": st.just(META) | st.dictionaries(st.sampled_from(sorted(META)), JSON) | JSON,
    },
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "id": st.integers(0, 9) | JSON,
        "method": METHODS | JSON,
        "params": PARAMS | JSON,
    },
)
LIKELY = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": st.integers(0, 9), "method": METHODS, "params": PARAMS}
)


@examples(100)
@given(
    body=(LIKELY | MESSAGES | JSON).map(json.dumps) | st.binary(max_size=60),
    version=st.sampled_from([None, CURRENT, "2025-11-25", "2025-06-18", "x"]),
    method=METHODS,
)
def test_whatever_is_sent_is_answered_by_the_protocol_and_never_fails(client, body, version, method):
    headers = {"Mcp-Method": method, "Mcp-Name": "search"} | (
        {} if version is None else {"MCP-Protocol-Version": version}
    )
    answer = post(client, body, headers)
    assert answer.status_code in (200, 202, 400, 404), answer.text
    if answer.status_code == 202:
        assert answer.content == b""
        return
    told = answer.json()
    assert told["jsonrpc"] == "2.0"
    assert ("result" in told) != ("error" in told)
    if "error" in told:
        assert told["error"]["code"] in (
            PARSE_ERROR,
            INVALID_REQUEST,
            METHOD_NOT_FOUND,
            INVALID_PARAMS,
            HEADER_MISMATCH,
            UNSUPPORTED_VERSION,
        )
