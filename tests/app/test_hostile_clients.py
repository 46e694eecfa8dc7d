"""Clients that mean harm: guessed keys, names that are paths, forged lines, bombs, endless bodies, urls to fetch."""

import json
import logging
import re
import socket
import threading
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import app
import indexing
from app.main import create_app, refresh
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.collections import collection_sizes
from indexing.telemetry import JsonFormatter
from indexing.uploads.stored_files import FILES
from tests.app.conftest import copied
from tests.app.routes.test_admin import NEEDED
from tests.app.test_leaks import BODIES, FORMS, filled
from tests.support.api_client import TestClient
from tests.support.made_files import docx_of, paragraph, pdf_of
from tests.support.mutations import damaged, examples

KEY = {"Authorization": "Bearer test-key-0123456789"}
BASE = "/v1/collections/helpdesk/uploads"
LOOKS, PAUSE = 3_000, threading.Event()
HOSTILE = {
    "a path upwards": "../../../evil",
    "the same, encoded": "%2e%2e%2f%2e%2e%2fevil",
    "encoded twice": "%252e%252e%252fevil",
    "dots": "..",
    "a path from the root": "%2fetc%2fpasswd",
    "backslashes": "..%5c..%5cevil",
    "NUL": "evil%00.md",
    "ends of lines": "evil%0d%0aX-Evil:%201",
    "look-alikes of dots and slashes": "%e2%80%a4%e2%80%a4%e2%88%95evil%ef%bc%8e%ef%bc%8f",
    "a turn of direction": "%e2%80%aelive",
    "overlong UTF-8": "%c0%ae%c0%ae%c0%afevil",
    "very long": "evil" * 3_000,
    "a quote": "evil'%20OR%201=1--",
}
NAMES = ("collection", "vector_store_id", "document_id", "file_id", "upload_id", "part_id", "batch_id", "query_id")
NAMES += ("tenant", "key_id", "request_id", "model", "release", "rollout", "alert", "other_upload", "whole_upload")
SECRETS = r"\b\w*(?:secret|(?<!html_)tag|mac|signature|password)\b(?! IS)"
"""What the names of secrets, and of what is made with them, end in."""


def source_files():
    """Every module of the service and of what it stands on, with its text; where HTML is read a tag is no secret."""
    for folder in (Path(app.__path__[0]), Path(indexing.__path__[0])):
        for path in folder.rglob("*.py"):
            if path.parent.name != "sources":
                yield path.name, path.read_text()


@pytest.fixture(scope="module")
def client(tmp_path_factory, built_home):
    """One for all tests, whose files may have a megabyte."""
    home = copied(built_home, tmp_path_factory.mktemp("hostile"))
    settings = home.settings.model_copy(update={"max_upload_mb": 1})
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        yield client
    home.close()


@pytest.fixture
def home(client):
    return client.app.state.services.home


@pytest.fixture
def lines(caplog):
    """What stands in the log, as it is written."""
    caplog.set_level(logging.INFO)
    return lambda: [JsonFormatter().format(record) for record in caplog.records]


def sent(client, name, content, **fields):
    """A file that was brought and read; how it stands then."""
    answer = client.post(BASE, files={"file": (name, content)}, data=fields, headers=KEY)
    assert answer.status_code == 202, answer.text
    for _ in range(LOOKS):
        upload = client.get(answer.headers["location"], headers=KEY).json()
        if upload["state"] != "in_progress":
            return upload
        PAUSE.wait(0.02)
    raise AssertionError(upload)


# Keys


def test_guessing_keys_locks_no_one_out_and_is_counted_and_logged_with_where_it_came_from(client, lines):
    counted = re.compile(r'groundwork_refusals_total\{reason="key"\} (\S+)')

    def count():
        return float((counted.findall(client.get("/metrics").text) or ["0"])[0])

    before, kept = count(), client.app.state.services.reads.kept_keys
    for number in range(50):
        guess = {"Authorization": f"Bearer gw_{number:043d}"}
        answer = client.get("/v1/collections", headers=guess)
        assert (answer.status_code, answer.json()["message"]) == (401, "This API key is unknown, expired or revoked.")
        assert client.get("/v1/collections", headers=KEY).status_code == 200
    assert count() == before + 50
    assert client.app.state.services.reads.kept_keys <= kept + 1
    refused = [json.loads(line) for line in lines() if '"request.refused"' in line]
    assert {(one["reason"], one["client"]) for one in refused} == {("key", "testclient")}
    assert not [line for line in lines() if "gw_0" in line]


def test_a_key_is_found_by_its_hash_alone_and_no_secret_is_compared_byte_by_byte(home):
    _, secret = create_key(home.catalogue, "default")
    stored = b"".join(path.read_bytes() for path in home.path.glob("catalogue.db*"))
    assert secret.encode() not in stored
    compared = re.compile(rf"{SECRETS}\s*[!=]=|[!=]=\s*{SECRETS}")
    assert {name: found for name, text in source_files() if (found := compared.search(text))} == {}


# Names


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_no_name_in_a_path_leaves_the_home_or_fails_the_server(client, home, name):
    outside = {path.name for path in home.path.parent.iterdir()}
    for (method, path), scope in NEEDED.items():
        if scope is None or "{" not in path or path == "/v1/collections/{collection}/recall":
            continue
        target = filled(path, dict.fromkeys(NAMES, name))
        if (method, path) in FORMS:
            files, fields = FORMS[method, path]
            answer = client.request(method, target, files=files, data=fields, headers=KEY)
        else:
            body = json.dumps(BODIES.get((method, path), {}))
            answer = client.request(method, target, content=body, headers=KEY | {"Content-Type": "application/json"})
        assert answer.status_code < 500, (method, path, answer.text)
        assert "x-evil" not in answer.headers
        assert answer.is_success <= (scope in ("search", "write")), (method, path, answer.text)
    assert {path.name for path in home.path.parent.iterdir()} == outside
    assert not [path for path in home.path.rglob("*") if "evil" in path.name or "passwd" in path.name]


@pytest.mark.parametrize(
    "name",
    ["../../evil", "..\\evil", "evil\x00", "evil\r\nX-Evil: 1", "\u202elive", "\u2024\u2024\u2215evil", "\ud800evil"],
)
def test_no_name_in_a_body_leaves_the_home_or_fails_the_server(client, home, name):
    for route, body in BODIES.items():
        text = filled(json.dumps(body), dict.fromkeys(NAMES, json.dumps(name)[1:-1]))
        target = filled(route[1], dict.fromkeys(NAMES, "helpdesk"))
        if NEEDED[route] == "operator" or route[1].endswith("/recall"):
            continue
        answer = client.request(route[0], target, content=text, headers=KEY | {"Content-Type": "application/json"})
        assert answer.status_code < 500, (route, answer.text)
        assert "x-evil" not in answer.headers
    assert not [path for path in home.path.parent.rglob("*") if "evil" in path.name]


def test_every_name_and_query_lands_in_one_line_of_json_with_its_controls_escaped(client, lines):
    forged = 'a\r\n{"level": "error", "event": "forged"}\x1b[2J\x9b1m\u2028\u2029\u202e\x85'
    encoded = "".join(f"%{byte:02x}" for byte in forged.encode())
    client.get(f"/v1/collections/{encoded}/documents", headers=KEY)
    client.get(f"/{encoded}", headers=KEY)
    client.get(f"/v1/collections/{encoded}/documents", headers={"Authorization": "Bearer wrong"})
    client.post("/v1/search", json={"query": forged, "collection": forged, "user": forged}, headers=KEY)
    client.put(f"/v1/collections/helpdesk/documents/{encoded}", json={"text": "x"}, headers=KEY)
    client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": forged}, headers=KEY)
    client.post("/v1/keys", json={"name": forged}, headers=KEY)
    client.post(BASE, files={"file": (f"{forged}.txt", b"x")}, headers=KEY)
    written = lines()
    assert len(written) > 8
    for line in written:
        assert len(line.splitlines()) == 1
        assert not set(line) & set("\x1b\x9b\x85\u2028\u2029\u202e\x7f")
        assert json.loads(line)["event"] != "forged"


# Bodies


@pytest.mark.parametrize("path", ["/v1/search", BASE, "/v1/files", "/v1/embeddings", "/mcp", "/v1/search:batch"])
def test_a_body_without_a_length_and_without_an_end_is_refused_where_it_grows_too_large(client, home, path):
    drawn = []

    def endless():
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        yield head if path in (BASE, "/v1/files") else b'{"query": "'
        for _ in range(400):
            drawn.append(65_536)
            yield b"x" * 65_536

    media = "multipart/form-data; boundary=b" if path in (BASE, "/v1/files") else "application/json"
    before = home.storage.list(FILES)
    answer = client.post(path, content=endless(), headers=KEY | {"Content-Type": media})
    assert answer.status_code == 413, answer.text
    assert home.storage.list(FILES) == before


def bombs():
    """Each unpacks to more than it may: 192 MiB of memory for all that is read, 64 MiB for the parts of a package."""
    packed = zlib.compress(zlib.compress(bytes(250_000_000), 1), 9)
    entities = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%s;" % (b"" if n == 1 else b"%d" % (n - 1)) * 10) for n in range(1, 10)
    )
    laughs = entities + b"]><a>&a9;</a>"
    return {
        "a PDF page": (
            "bomb.pdf",
            pdf_of([packed], stream_fields=b"/Filter [/FlateDecode /FlateDecode]"),
            "holds no text",  # pdfium reads nothing of such a page
        ),
        "a package": ("bomb.docx", docx_of("", parts={"word/document.xml": bytes(100_000_000)}), "unpack"),
        "entities": ("laughs.docx", docx_of("", parts={"word/document.xml": laughs}), "has a DOCTYPE"),
    }


def test_a_bomb_fails_by_its_name_while_the_service_answers(client):
    for name, (filename, content, said) in bombs().items():
        assert len(content) < 1_000_000, name
        answer = client.post(BASE, files={"file": (filename, content)}, headers=KEY)
        assert answer.status_code == 202, (name, answer.text)
        place = answer.headers["location"]
        found = client.post("/v1/search", json={"query": "invoice", "collection": "helpdesk"}, headers=KEY)
        assert (found.status_code, client.get("/livez").status_code) == (200, 200), name
        for _ in range(LOOKS):
            upload = client.get(place, headers=KEY).json()
            if upload["state"] != "in_progress":
                break
            PAUSE.wait(0.02)
        assert (upload["state"], upload["error"]["code"]) == ("failed", "invalid_file"), (name, upload)
        assert filename in upload["error"]["message"], name
        assert said in upload["error"]["message"], (name, upload)


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nA text.'
    b'\r\n--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{"a": 1}\r\n--b--\r\n'
)


@examples(60)
@given(form=damaged(FORM), media=st.sampled_from(["multipart/form-data; boundary=b"]) | st.text(max_size=30))
def test_any_form_is_answered(client, form, media):
    kind = media if media.isascii() and media.isprintable() else f"multipart/form-data; boundary={media!a}"
    for path in (BASE, "/v1/files"):
        answer = client.post(path, content=form, headers=KEY | {"Content-Type": kind})
        assert answer.status_code in (200, 202, 400, 413, 415, 422, 429), answer.text


def part(disposition, content=b"A text.", headers=b""):
    return b"--b\r\nContent-Disposition: form-data; " + disposition + b"\r\n" + headers + b"\r\n" + content + b"\r\n"


FILE, END = b'name="file"; filename="a.txt"', b"--b--\r\n"
MALFORMED = {
    "a header without end": part(FILE, headers=b"X-A: " + b"a" * 900_000 + b"\r\n") + END,
    "a name without end": part(b'name="file"; filename="' + b"a" * 900_000 + b'"') + END,
    "headers without end": part(FILE, headers=b"X-A: b\r\n" * 100_000) + END,
    "something before the first boundary": b"x" * 900_000 + part(FILE) + END,
    "parts without end": part(b'name="x"', b"y") * 10_000 + END,
    "files without end": part(FILE) * 5_000 + END,
    "a filename that is not UTF-8": part(b'name="file"; filename="\xff.txt"') + END,
    "a field that is not UTF-8": part(b'name="id"', b"\xff") + part(FILE) + END,
    "half a surrogate pair": part(b'name="metadata"', b'{"a": "\\ud800"}') + part(FILE) + END,
    "a last part that is cut off": part(FILE) + part(b'name="file"; filename="b.txt"')[:-4],
    "no last boundary": part(FILE),
}


@pytest.mark.parametrize("form", MALFORMED.values(), ids=MALFORMED)
def test_a_form_that_is_endless_cut_off_or_not_in_utf8_is_refused_whole(client, home, form):
    before = home.storage.list(FILES)
    for path in (BASE, "/v1/files"):
        answer = client.post(path, content=form, headers=KEY | {"Content-Type": "multipart/form-data; boundary=b"})
        assert answer.status_code == 400, answer.text
    assert home.storage.list(FILES) == before


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "undefined", "unicode_escape", "idna", "foo"])
def test_a_form_in_another_charset_is_refused_since_its_names_would_be_others(client, home, charset):
    before, form = home.storage.list(FILES), part('name="file"; filename="\xe9.txt"'.encode()) + END
    for path in (BASE, "/v1/files"):
        kind = f"multipart/form-data; boundary=b; charset={charset}"
        answer = client.post(path, content=form, headers=KEY | {"Content-Type": kind})
        assert (answer.status_code, "UTF-8" in answer.text) == (400, True), answer.text
    assert home.storage.list(FILES) == before


@pytest.mark.parametrize("name", ["\uff48\uff45\uff4c\uff50", " help", "help ", "..", "."])
def test_no_door_makes_a_collection_whose_name_is_a_twin_or_a_path(client, home, name):
    before = collection_sizes(home.catalogue, "default")
    base, files = f"/v1/collections/{quote(name).replace('.', '%2e')}", {"file": ("a.txt", b"A text.")}
    answers = [
        client.put(base, headers=KEY),
        client.put(f"{base}/documents/a", json={"text": "A text."}, headers=KEY),
        client.post(f"{base}/documents:batch", json={"documents": [{"id": "a", "text": "A text."}]}, headers=KEY),
        client.post(f"{base}/uploads", files=files, headers=KEY),
    ]
    assert all(answer.status_code in (400, 404, 405) for answer in answers), [answer.text for answer in answers]
    assert collection_sizes(home.catalogue, "default") == before


# Addresses


def test_no_address_that_a_caller_names_is_fetched(client):
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.setblocking(False)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/latest/meta-data"
        page = (
            f'<html><head><base href="{url}"><link rel=stylesheet href="{url}"><meta http-equiv=refresh'
            f' content="0;url={url}"><script src="{url}"></script><body><article><img src="{url}"><iframe src="{url}">'
            f'</iframe><a href="{url}">A zeppelin.</a></article>'
        )
        outer = f'<?xml version="1.0"?><!DOCTYPE a SYSTEM "{url}" [<!ENTITY x SYSTEM "{url}">]><a>&x; text</a>'
        files = {
            "a.html": page.encode(),
            "a.xhtml": outer.encode(),
            "a.md": f"---\nurl: {url}\n---\n![a]({url}) text\n".encode(),
            "a.rst": f".. image:: {url}\n\n.. include:: {url}\n\n.. raw:: html\n   :url: {url}\n\nText.\n".encode(),
            "a.docx": docx_of(paragraph(f"A text. {url}")),
        }
        for name, content in files.items():
            assert sent(client, name, content, url=url)["state"] in ("completed", "failed"), name
        for body in ({"text": "x", "url": url}, {"text": f"![x]({url})"}, {"text": page}):
            put = client.put("/v1/collections/helpdesk/documents/ssrf", json=body, headers=KEY)
            assert put.is_success, put.text
        for path, body in (
            ("/v1/files", {"file_url": url}),
            ("/v1/vector_stores", {"name": url, "metadata": {"url": url}}),
            ("/v1/search", {"query": url, "collection": "helpdesk"}),
            ("/v1/embeddings", {"model": "tiny@1", "input": url}),
        ):
            assert client.post(path, json=body, headers=KEY).status_code < 500
        with pytest.raises(BlockingIOError):
            trap.accept()


def test_neither_the_service_nor_the_indexing_can_ask_another_server():
    modules = r"httpx|requests|aiohttp|urllib3|urllib\.request|http\.client|ftplib|smtplib"
    client = re.compile(rf"^\s*(?:import|from) (?:{modules})\b", re.MULTILINE)
    assert {name: found for name, text in source_files() if (found := client.search(text))} == {}
