"""Files over HTTP: kept before they are answered, read in the background, found, and taken away."""

import json
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.upload_limit import MOST_OF_TENANT
from app.main import create_app, refresh
from app.web.multipart import MultipartRoute
from indexing.catalogue.api_keys import create_key
from indexing.settings import Settings
from indexing.storage import reserve
from indexing.uploads.filenames import safe_filename
from indexing.uploads.stored_files import FILES, sweep_files
from tests.app.conftest import copied
from tests.support.api_client import TestClient
from tests.support.full_disk import fill_disk
from tests.support.listening import listening
from tests.support.made_files import docx_of, paragraph, pdf_of

LOOKS, PAUSE = 3_000, threading.Event()
KEY = {"Authorization": "Bearer test-key-0123456789"}
BASE = "/v1/collections/helpdesk/uploads"
PAGE = b"<html><head><title>Zeppelins</title></head><body><article><p>A zeppelin is moored to a mast.</p></article>"


@pytest.fixture(scope="module")
def client(tmp_path_factory, built_home):
    """One for all tests, whose parser process waits for the next file."""
    home = copied(built_home, tmp_path_factory.mktemp("uploads"))
    with TestClient(create_app(home.settings), raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        yield client
    home.close()


@pytest.fixture
def home(client):
    return client.app.state.services.home


def send(client, *files, headers=KEY, base=BASE, **fields):
    parts = [("file", (name, content)) for name, content in files]
    return client.post(base, files=parts, data=fields, headers=headers)


def wait(client, place, headers=KEY):
    """The upload once it is over, in so many looks at most; the process reads it meanwhile."""
    for _ in range(LOOKS):
        upload = client.get(place, headers=headers).json()
        if upload["state"] != "in_progress":
            return upload
        PAUSE.wait(0.02)
    raise AssertionError(upload)


def ask(client, query, **body):
    answer = client.post("/v1/search", json={"query": query, "collection": "helpdesk"} | body, headers=KEY)
    return {hit["document_id"]: hit for hit in answer.json()["hits"]}


def test_a_file_is_kept_read_and_found_and_goes_with_its_document(client, home):
    answer = send(client, ("mast.html", PAGE), url="https://x.example/m", metadata=json.dumps({"year": 1929}))
    assert answer.status_code == 202
    place = answer.headers["location"]
    upload = wait(client, place)
    assert (upload["state"], upload["documents"], upload["error"]) == ("completed", ["mast.html"], None)
    hit = ask(client, "zeppelin moored to a mast", filters={"type": "eq", "key": "year", "value": 1929})["mast.html"]
    assert (hit["title"], hit["metadata"], hit["url"]) == ("Zeppelins", {"year": 1929}, "https://x.example/m")
    assert [one["id"] for one in client.get(BASE, headers=KEY).json()["uploads"]] == [upload["id"]]
    assert home.storage.exists(FILES, upload["id"])
    assert client.delete(place, headers=KEY).json()["documents"] == ["mast.html"]
    assert "mast.html" not in ask(client, "zeppelin moored to a mast")
    assert client.get(place, headers=KEY).status_code == 404
    assert not home.storage.exists(FILES, upload["id"])


def test_several_files_are_read_each_under_its_name_with_what_is_said_of_all(client):
    files = ("a.docx", docx_of(paragraph("A zeppelin."))), ("b.pdf", pdf_of([[(72, 700, 12, "A balloon.")]]))
    answer = send(client, *files, metadata='{"lot": 7}', allow='["crew"]')
    assert (answer.status_code, answer.headers["location"]) == (202, BASE)
    ids = [one["id"] for one in answer.json()["uploads"]]
    assert [wait(client, f"{BASE}/{one}")["state"] for one in ids] == ["completed"] * 2
    assert not {"a.docx", "b.pdf"} & ask(client, "zeppelin balloon").keys()
    found = ask(client, "zeppelin balloon", principals=["crew"], filters={"type": "eq", "key": "lot", "value": 7})
    assert found.keys() == {"a.docx", "b.pdf"}
    listed = client.get(f"{BASE}?limit=1", headers=KEY).json()
    assert ([one["id"] for one in listed["uploads"]], listed["next"]) == ([ids[1]], ids[1])
    following = client.get(f"{BASE}?after={listed['next']}&state=completed", headers=KEY).json()
    assert [one["id"] for one in following["uploads"]] == [ids[0]]


def test_a_file_that_is_brought_again_replaces_its_document(client):
    for text in (b"The first mast.", b"The second mast."):
        upload = wait(client, send(client, ("note.txt", text)).headers["location"])
    assert upload["documents"] == ["note.txt"]
    document = client.get("/v1/collections/helpdesk/documents/note.txt", headers=KEY).json()
    assert document["text"] == "The second mast."


def test_lines_that_are_no_documents_are_named_and_the_others_found(client):
    lines = b'{"id": "one", "text": "A zeppelin."}\nnonsense\n'
    upload = wait(client, send(client, ("lines.jsonl", lines)).headers["location"])
    assert (upload["state"], upload["documents"]) == ("completed", ["one"])
    assert upload["rejects"][0].startswith("line 2: ")
    assert "one" in ask(client, "zeppelin")


def test_a_bomb_is_a_file_that_has_failed_and_no_more(client):
    bomb = docx_of(paragraph("x" * 70_000_000))
    assert len(bomb) < 200_000
    upload = wait(client, send(client, ("bomb.docx", bomb)).headers["location"])
    assert (upload["state"], upload["error"]["code"]) == ("failed", "invalid_file")
    assert "bomb.docx" in upload["error"]["message"]
    assert wait(client, send(client, ("a.txt", b"After it.")).headers["location"])["state"] == "completed"


@pytest.mark.parametrize(
    ("files", "fields", "status", "named"),
    [
        ([], {"title": "x"}, 415, "multipart/form-data"),
        ([("a.exe", b"MZ")], {}, 400, "a.exe"),
        ([("a.txt", b"x"), ("b.png", b"x")], {}, 400, "b.png"),
        ([("a.txt", b"x"), ("b.txt", b"x")], {"id": "one"}, 400, "id is given for 2 files"),
        ([("a.txt", b"x")], {"metadata": "["}, 400, "metadata is not JSON"),
        ([("a.txt", b"x")], {"metadata": "[]"}, 400, "no JSON object"),
        ([("a.txt", b"x")], {"metadata": '{"a": NaN}'}, 400, "NaN"),
        ([("a.txt", b"x")], {"metadata": '{"allow": ["ann"]}'}, 400, "looks like a permission"),
        ([("a.txt", b"x")], {"allow": "ann"}, 400, "allow is not JSON"),
        ([("a.txt", b"x")], {"allow": "null"}, 400, "allow is null"),
        ([("a.txt", b"x")], {"allow": '"ann"'}, 400, "not a list of names"),
        ([("a.txt", b"x")], {"id": "a\x07"}, 400, "control"),
        ([("a.txt", b"x")], {"title": "x" * 2001}, 400, "title has 2001"),
        ([("a.txt", b"x")], {"headline": "x"}, 400, "headline"),
        ([("a.txt", b"x")], {"title": "x" * 200_000}, 400, ""),
        ([(f"{n}.txt", b"x") for n in range(101)], {}, 400, "100"),
    ],
)
def test_a_form_that_cannot_be_taken_is_refused_by_name_and_nothing_is_kept(client, home, files, fields, status, named):
    before = home.storage.list(FILES)
    answer = send(client, *files, **fields)
    assert (answer.status_code, named in answer.json()["message"]) == (status, True), answer.text
    assert home.storage.list(FILES) == before


def test_a_form_without_a_file_or_with_a_compressed_body_is_refused(client):
    assert "file" in client.post(BASE, files={"file": (None, "text")}, headers=KEY).json()["message"]
    assert client.post(BASE, files={"other": ("a.txt", b"x")}, headers=KEY).status_code == 422
    squeezed = KEY | {"Content-Encoding": "gzip"}
    assert client.post(BASE, files={"file": ("a.txt", b"x")}, headers=squeezed).status_code == 415


def test_a_file_that_is_too_large_is_refused_and_so_is_one_that_is_more_than_the_tenant_may_hold(served_home):
    settings = served_home.settings.model_copy(update={"max_upload_mb": 1, "max_files_mb": 1})
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        large = send(client, ("a.txt", b"x" * 2_100_000))
        assert (large.status_code, large.json()["error"]) == (413, "PayloadTooLarge")
        assert send(client, ("a.txt", b"x" * 600_000)).status_code == 202
        more = send(client, ("b.txt", b"x" * 600_000))
        assert (more.status_code, more.json()["error"]) == (429, "QuotaExceeded")
        other = send(client, ("a.txt", b"x"), ("b.txt", b"x" * 600_000))
        assert other.status_code == 429
        assert len(served_home.storage.list(FILES)) == 1
        part = {"bytes": 1_000_001, "filename": "a.md", "mime_type": "", "purpose": "assistants"}
        assert client.post("/v1/uploads", json=part, headers=KEY).status_code == 413


def test_a_key_that_may_only_search_brings_and_sees_no_files(client, home):
    headers = {"Authorization": f"Bearer {create_key(home.catalogue, 'default', scopes=('search',))[1]}"}
    assert send(client, ("a.txt", b"x"), headers=headers).status_code == 403
    assert client.get(BASE, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("a\r\nX-Evil: 1.txt", "a X-Evil: 1.txt"),
        ("\u202etxt.exe\u202c.txt", "txt.exe.txt"),
        ("x" * 400 + ".txt", "x" * 251 + ".txt"),
        ("\u00fc\u4e2d\U0001f600 ;\"'.txt", "\u00fc\u4e2d\U0001f600 ;\"'.txt"),
    ],
)
def test_a_hostile_name_is_kept_as_a_name_and_no_more(client, home, name, kept):
    places = {path.name for path in home.path.iterdir()}
    assert safe_filename(name) == kept
    answer = send(client, (name, b"A zeppelin."))
    assert answer.status_code == 202, answer.text
    upload = wait(client, answer.headers["location"])
    assert upload["state"] == "completed"
    assert "/" not in upload["filename"]
    assert upload["filename"].isprintable()
    assert upload["documents"] == [upload["filename"]]
    content = client.get(f"/v1/files/{upload['id']}/content", headers=KEY)
    assert content.headers["content-disposition"].isprintable()
    assert "x-evil" not in content.headers
    assert upload["id"] in {path.name for path in (home.path / "uploads").iterdir()}
    assert {path.name for path in home.path.iterdir()} == places | {"uploads"}


@pytest.mark.parametrize("name", ["..", ".", "", "\x00", "/", "\u202e", "..\\.."])
def test_a_name_of_which_nothing_is_left_is_a_file(name):
    assert safe_filename(name) == "file"


def test_a_collection_is_made_and_its_odd_name_stands_in_the_location(client):
    answer = send(client, ("a.txt", b"A zeppelin."), base="/v1/collections/new%20%C3%BC%23/uploads")
    assert answer.headers["location"].startswith("/v1/collections/new%20%C3%BC%23/uploads/file-")
    assert wait(client, answer.headers["location"])["state"] == "completed"
    assert client.get("/v1/collections/none/uploads", headers=KEY).status_code == 404
    assert send(client, ("a.txt", b"x"), base="/v1/collections/%07/uploads").status_code == 400


def test_deleting_a_collection_takes_its_files(client, home):
    place = send(client, ("a.txt", b"A zeppelin."), base="/v1/collections/short/uploads").headers["location"]
    upload = wait(client, place)
    assert client.delete("/v1/collections/short", headers=KEY).status_code == 200
    assert client.get(f"/v1/files/{upload['id']}", headers=KEY).status_code == 404
    sweep_files(home)
    assert not home.storage.exists(FILES, upload["id"])


@pytest.mark.parametrize("small_disk", ["40m"], indirect=True)
def test_on_a_full_disk_no_file_is_kept_and_files_are_deleted(small_disk, monkeypatch):
    monkeypatch.setattr(reserve, "RESERVE_BYTES", 8 << 20)
    settings = Settings(home=small_disk / "home", api_key="test-key-0123456789", sessions=1)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        kept = send(client, ("a.txt", b"A zeppelin.")).headers["location"]
        fill_disk(small_disk)
        full = send(client, ("b.txt", b"A balloon."))
        assert (full.status_code, full.json()["error"]) == (507, "StorageFull")
        assert client.delete(kept, headers=KEY).status_code == 200
        home = client.app.state.services.home
        assert home.storage.list(FILES) == []


PIECES = (
    b"--x\r\n",
    b"--x--\r\n",
    b"\r\n",
    b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n',
    b'Content-Disposition: form-data; name="metadata"\r\n\r\n',
    b"Content-Disposition: form-data\r\n\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''%FF\r\n\r\n",
    b"\x00\xff",
    b"{",
)


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=12))
def test_no_form_however_broken_is_more_than_refused(client, pieces):
    headers = KEY | {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/collections/fuzzed/uploads", content=b"".join(pieces), headers=headers)
    assert answer.status_code in (202, 400, 422), answer.text


def test_a_form_that_does_not_come_in_time_is_given_up_and_leaves_its_place_to_others(served_home, monkeypatch):
    monkeypatch.setattr(MultipartRoute, "form_seconds", 0.05)
    app = create_app(served_home.settings)
    head = f"POST {BASE} HTTP/1.1\r\nHost: here\r\nAuthorization: {KEY['Authorization']}\r\nContent-Length: 500\r\n"
    with listening(app) as url:
        for _ in range(MOST_OF_TENANT + 1):
            with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=60) as slow:
                slow.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disp".encode())
                answer = b""
                while b"RequestTimeout" not in answer and (some := slow.recv(4096)):
                    answer += some
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"did not come within 0.05 s" in answer
