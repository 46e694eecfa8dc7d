"""Files and vector stores through OpenAI's own client: brought, read, found, listed, changed and taken away."""

import hashlib
from datetime import UTC, datetime, timedelta

import openai
import pytest

from app.main import create_app, refresh
from app.services.file_reader import FileReader
from app.services.waiting_writes import NO_BUILDER
from app.web.headers import WARNINGS_HEADER
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.builder_heartbeat import record_beat
from indexing.catalogue.file_readings import list_readings
from indexing.catalogue.files import file_of_document
from indexing.catalogue.pages import Page
from indexing.catalogue.tenants import ensure_tenant
from indexing.records import Partition, moment_text
from indexing.uploads.stored_files import FILES, PARTS
from tests.app.conftest import copied
from tests.support.api_client import TestClient

KEY = "test-key-0123456789"
NATIVE = {"Authorization": f"Bearer {KEY}"}
MAST = b"# Zeppelins\n\nA zeppelin is moored to a mast.\n"
POLL_MS = 20
HOSTILE = "../../etc/pass\r\nX-Evil: 1\x00\u202ewd\u2066 \u00e9\U0001f600.md"


@pytest.fixture(scope="module")
def http(tmp_path_factory, built_home):
    home = copied(built_home, tmp_path_factory.mktemp("openai-files"))
    with TestClient(create_app(home.settings), raise_server_exceptions=False) as http:
        refresh(http.app.state.services)
        yield http
    home.close()


@pytest.fixture
def home(http):
    return http.app.state.services.home


def client_of(http, key=KEY):
    return openai.OpenAI(base_url="http://testserver/v1", api_key=key, http_client=http, max_retries=0)


@pytest.fixture
def client(http):
    return client_of(http)


@pytest.fixture
def rival(http, home):
    ensure_tenant(home.catalogue, "rival")
    return client_of(http, create_key(home.catalogue, "rival", scopes=("search", "write"))[1])


@pytest.fixture
def store(client):
    return client.vector_stores.create(name="Airships")


def bring(client, store, name="mast.md", content=MAST, **options):
    file = client.files.create(file=(name, content), purpose="assistants")
    return client.vector_stores.files.create_and_poll(
        file.id, vector_store_id=store.id, poll_interval_ms=POLL_MS, **options
    )


def ask(http, store, query="zeppelin moored to a mast", **body):
    answer = http.post("/v1/search", json={"query": query, "collection": store.id} | body, headers=NATIVE)
    return {hit["document_id"]: hit for hit in answer.json()["hits"]}


def put(http, store, name, text):
    return http.put(f"/v1/collections/{store.id}/documents/{name}", json={"text": text}, headers=NATIVE)


def partition(store):
    return Partition("default", store.id)


def test_a_file_is_uploaded_polled_found_and_deleted_unchanged(client, http, home, store):
    assert (store.id[:3], store.name, store.status, store.file_counts.total) == ("vs_", "Airships", "completed", 0)
    file = client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("mast.md", MAST), attributes={"year": 1929, "is_new": True, "by": "ann"}
    )
    assert (file.status, file.last_error, file.vector_store_id) == ("completed", None, store.id)
    assert file.attributes == {"year": 1929, "is_new": True, "by": "ann"}
    assert file.chunking_strategy.type == "static"
    hit = ask(http, store, filters={"type": "eq", "key": "year", "value": 1929})[file.id]
    assert (hit["title"], hit["metadata"]) == ("Zeppelins", {"year": 1929, "is_new": True, "by": "ann"})
    assert file_of_document(home.catalogue, Partition("default", store.id), file.id) == (file.id, "mast.md")
    found = client.vector_stores.search(store.id, query="zeppelin mast").data[0]
    assert found.content[0].text == MAST.decode().strip()
    assert client.files.content(file.id).content == MAST
    assert "zeppelin" in client.vector_stores.files.content(file.id, vector_store_id=store.id).data[0].text
    told = client.vector_stores.retrieve(store.id)
    assert (told.file_counts.completed, told.usage_bytes, told.status) == (1, file.usage_bytes, "completed")
    assert client.vector_stores.files.delete(file.id, vector_store_id=store.id).deleted
    assert ask(http, store) == {}
    assert client.files.retrieve(file.id).bytes == len(MAST)
    assert client.files.delete(file.id).deleted
    assert client.vector_stores.delete(store.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.retrieve(store.id)
    assert not home.storage.exists(FILES, file.id)


def test_deleting_a_file_takes_its_documents_out_of_every_store(client, http, store):
    other = client.vector_stores.create(name="Other")
    file = bring(client, store)
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=other.id, poll_interval_ms=POLL_MS)
    assert file.id in ask(http, store)
    assert file.id in ask(http, other)
    client.files.delete(file.id)
    assert ask(http, store) == ask(http, other) == {}
    assert client.vector_stores.files.list(other.id).data == []


def test_attributes_are_changed_in_place_and_filters_see_the_new_ones(client, http, store):
    file = bring(client, store, attributes={"year": 1929, "by": "ann"})
    changed = client.vector_stores.files.update(file.id, vector_store_id=store.id, attributes={"year": 1931})
    assert changed.attributes == {"year": 1931}
    seq = http.get(f"/v1/collections/{store.id}/documents/{file.id}", headers=NATIVE).json()["seq"]
    assert file.id in ask(http, store, filters={"type": "eq", "key": "year", "value": 1931}, min_seq=seq)
    assert ask(http, store, filters={"type": "eq", "key": "by", "value": "ann"}, min_seq=seq) == {}


def test_a_batch_reads_what_it_can_and_names_what_it_cannot(client, http, store):
    names = {"good.md": MAST, "bad.pdf": b"%PDF-1.4 broken", "picture.png": b"\x89PNG", "empty.txt": b"  \n"}
    files = [client.files.create(file=one, purpose="assistants") for one in names.items()]
    batch = client.vector_stores.file_batches.create_and_poll(
        store.id, file_ids=[one.id for one in files], attributes={"lot": 7}, poll_interval_ms=POLL_MS
    )
    assert batch.status == "completed"
    assert (batch.file_counts.completed, batch.file_counts.failed, batch.file_counts.total) == (1, 3, 4)
    listed = {one.id: one for one in client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id)}
    errors = [listed[one.id].last_error for one in files]
    assert [one and one.code for one in errors] == [None, "invalid_file", "unsupported_file", "invalid_file"]
    assert "bad.pdf" in errors[1].message
    assert ".docx" in errors[2].message
    assert ask(http, store)[files[0].id]["metadata"] == {"lot": 7}
    failed = client.vector_stores.files.list(store.id, filter="failed").data
    assert {one.id for one in failed} == {one.id for one in files[1:]}


def test_a_batch_may_say_of_each_file_what_it_is(client, store):
    files = [client.files.create(file=(f"{n}.md", MAST), purpose="assistants") for n in range(2)]
    batch = client.vector_stores.file_batches.create_and_poll(
        store.id,
        files=[{"file_id": one.id, "attributes": {"n": n}} for n, one in enumerate(files)],
        poll_interval_ms=POLL_MS,
    )
    assert batch.file_counts.completed == 2
    found = [client.vector_stores.files.retrieve(one.id, vector_store_id=store.id).attributes for one in files]
    assert found == [{"n": 0}, {"n": 1}]


def test_a_batch_that_is_over_can_be_cancelled_and_changes_nothing(client, store):
    file = bring(client, store)
    batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[file.id], poll_interval_ms=POLL_MS)
    again = client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id)
    assert (again.file_counts.cancelled, again.file_counts.completed) == (0, 1)


def test_a_file_in_parts_becomes_one_file(client, home):
    upload = client.uploads.upload_file_chunked(
        file=MAST,
        filename="mast.md",
        bytes=len(MAST),
        mime_type="text/markdown",
        purpose="assistants",
        part_size=20,
        md5=hashlib.md5(MAST).hexdigest(),
    )
    assert upload.status == "completed"
    assert client.files.content(upload.file.id).content == MAST
    assert home.storage.list(PARTS) == []


def test_parts_that_are_no_whole_file_are_refused_and_a_cancelled_upload_leaves_nothing(client, home):
    upload = client.uploads.create(bytes=10, filename="a.md", mime_type="text/markdown", purpose="assistants")
    part = client.uploads.parts.create(upload.id, data=b"12345")
    with pytest.raises(openai.BadRequestError, match="have 5 bytes, and 'bytes' said 10"):
        client.uploads.complete(upload.id, part_ids=[part.id])
    with pytest.raises(openai.BadRequestError, match="would have 11"):
        client.uploads.parts.create(upload.id, data=b"123456")
    with pytest.raises(openai.BadRequestError, match="not a part of upload"):
        client.uploads.complete(upload.id, part_ids=["part_other"])
    last = client.uploads.parts.create(upload.id, data=b"67890")
    with pytest.raises(openai.BadRequestError, match="md5"):
        client.uploads.complete(upload.id, part_ids=[part.id, last.id], md5="0" * 32)
    assert client.uploads.cancel(upload.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="is cancelled, not pending"):
        client.uploads.parts.create(upload.id, data=b"1")
    assert home.storage.list(PARTS) == []


def test_lists_page_as_the_client_pages_them(client, store):
    files = [client.files.create(file=(f"{n}.md", MAST), purpose="user_data").id for n in range(5)]
    assert [one.id for one in client.files.list(limit=2, order="asc", purpose="user_data")] == files
    client.vector_stores.file_batches.create_and_poll(store.id, file_ids=files, poll_interval_ms=POLL_MS)
    assert [one.id for one in client.vector_stores.files.list(store.id, limit=2)] == files[::-1]
    back = client.vector_stores.files.list(store.id, limit=2, order="asc", before=files[3])
    assert [one.id for one in back.data] == files[1:3]
    assert back.has_more
    ids = [one.id for one in client.vector_stores.list(limit=2)]
    assert len(ids) == len(set(ids))
    assert {store.id, "helpdesk"} <= set(ids)
    with pytest.raises(openai.NotFoundError):
        client.files.list(after="file-unknown")


def test_a_collection_that_was_there_is_a_store_by_its_own_name(client, http):
    told = client.vector_stores.retrieve("helpdesk")
    assert (told.id, told.name, told.metadata, told.expires_at) == ("helpdesk", "helpdesk", {}, None)
    changed = client.vector_stores.update(
        "helpdesk", name="Support", metadata={"team": "a"}, expires_after={"anchor": "last_active_at", "days": 7}
    )
    assert (changed.name, changed.metadata, changed.expires_after.days) == ("Support", {"team": "a"}, 7)
    kept = client.vector_stores.update("helpdesk", expires_after=None)
    assert (kept.name, kept.metadata, kept.expires_after) == ("Support", {"team": "a"}, None)
    assert "password" in ask(http, kept, "reset my password")


def test_a_store_is_made_with_files_and_is_completed_when_they_are(client, http):
    files = [client.files.create(file=(f"{n}.md", MAST), purpose="assistants").id for n in range(2)]
    store = client.vector_stores.create(name="Both", file_ids=files, chunking_strategy={"type": "auto"})
    assert (store.status, store.file_counts.in_progress) == ("in_progress", 2)
    for file in files:
        client.vector_stores.files.poll(file, vector_store_id=store.id, poll_interval_ms=POLL_MS)
    told = client.vector_stores.retrieve(store.id)
    assert (told.status, told.file_counts.completed) == ("completed", 2)
    assert ask(http, store).keys() == set(files)


def test_an_expired_store_takes_no_files(client, http, monkeypatch):
    file = client.files.create(file=("a.md", MAST), purpose="assistants")
    store = client.vector_stores.create(name="Short", expires_after={"anchor": "last_active_at", "days": 1})
    assert store.expires_at == store.last_active_at + 86_400
    monkeypatch.setattr(http.app.state.services, "now", lambda: "2999-01-01T00:00:00.000+00:00")
    assert client.vector_stores.retrieve(store.id).status == "expired"
    with pytest.raises(openai.BadRequestError, match="has expired"):
        client.vector_stores.files.create(store.id, file_id=file.id)
    with pytest.raises(openai.BadRequestError, match="has expired"):
        client.vector_stores.file_batches.create(store.id, file_ids=[file.id])
    ours = http.post(f"/v1/collections/{store.id}/uploads", files={"file": ("b.md", MAST)}, headers=NATIVE)
    assert (ours.status_code, "has expired" in ours.json()["message"]) == (400, True)
    assert client.vector_stores.retrieve(store.id).status == "expired"


def test_files_of_an_expired_store_are_taken_out_and_stay_files(client, http, home, monkeypatch):
    services = http.app.state.services
    store = client.vector_stores.create(name="Short", expires_after={"anchor": "last_active_at", "days": 1})
    file, kept = bring(client, store), bring(client, client.vector_stores.create(name="Long"))
    assert put(http, store, "note", "A note that came by our own door.").status_code in (200, 202)
    ours = http.post(f"/v1/collections/{store.id}/uploads", files={"file": ("ours.md", MAST)}, headers=NATIVE)
    ours = ours.json()["uploads"][0]["id"]
    client.vector_stores.files.poll(ours, vector_store_id=store.id, poll_interval_ms=POLL_MS)
    FileReader(services).clean()
    assert client.vector_stores.retrieve(store.id).file_counts.completed == 2
    with monkeypatch.context() as later:
        later.setattr(services, "now", lambda: "2999-01-01T00:00:00.000+00:00")
        body = {"query": "mast", "collection": store.id}
        refused = http.post("/v1/search", json=body, headers=NATIVE)
        assert (refused.status_code, "has expired" in refused.json()["message"]) == (400, True)
        late = put(http, store, "late", "Came when it had expired.")
        assert (late.status_code, "has expired" in late.json()["message"]) == (400, True)
        batch = {"documents": [{"id": "late", "text": "Came when it had expired."}]}
        late = http.post(f"/v1/collections/{store.id}/documents:batch", json=batch, headers=NATIVE)
        assert (late.status_code, "has expired" in late.json()["message"]) == (400, True)
        FileReader(services).clean()
        told = client.vector_stores.retrieve(store.id)
        assert (told.status, told.file_counts.total) == ("expired", 1)
        FileReader(services).clean()
    upload = http.get(f"/v1/collections/{store.id}/uploads/{ours}", headers=NATIVE)
    assert (upload.status_code, upload.json()["state"]) == (200, "completed")  # it was brought to no other
    assert client.files.retrieve(file.id).id == file.id
    assert client.vector_stores.files.list(kept.vector_store_id).data[0].status == "completed"
    client.vector_stores.update(store.id, expires_after={"anchor": "last_active_at", "days": 1})
    assert file.id not in ask(http, store)
    assert bring(client, store).status == "completed"


def test_a_search_by_our_own_door_is_a_use_of_a_store_that_may_expire(client, http, monkeypatch):
    store = client.vector_stores.create(name="Used", expires_after={"anchor": "last_active_at", "days": 1})
    bring(client, store)
    later = datetime.fromtimestamp(store.created_at, UTC) + timedelta(hours=23)
    monkeypatch.setattr(http.app.state.services, "now", lambda: moment_text(later))
    monkeypatch.setattr("indexing.catalogue.vector_stores.utc_now", lambda: moment_text(later))
    for body in ({"collection": store.id}, {"collections": ["helpdesk", store.id]}):
        assert http.post("/v1/search", json={"query": "mast"} | body, headers=NATIVE).status_code == 200
    assert client.vector_stores.retrieve(store.id).last_active_at == int(later.timestamp())


def test_a_file_that_waits_for_a_build_says_when_no_builder_runs(client, http, home, store, monkeypatch):
    monkeypatch.setattr("app.services.file_reader.LIVE_PASSAGES", 0)
    monkeypatch.setattr("app.services.file_reader.LINGER_SECONDS", 0)  # no further file comes
    files = [client.files.create(file=(name, MAST), purpose="assistants").id for name in ("a.md", "b.md")]
    batch = client.vector_stores.file_batches.create(store.id, file_ids=files)
    services, reader = http.app.state.services, FileReader(http.app.state.services)
    while {one.step for one in list_readings(home.catalogue, partition(store), Page(9)).rows} & {"waiting", "reading"}:
        reader.read_waiting("a test")

    def told():
        listed = client.vector_stores.files.list(store.id).data
        raw = client.vector_stores.file_batches.with_raw_response.retrieve(batch.id, vector_store_id=store.id)
        one = client.vector_stores.files.retrieve(files[0], vector_store_id=store.id)
        assert {file.status for file in [*listed, one]} == {"in_progress"}
        said = {file.last_error and file.last_error.message for file in [*listed, one]}
        return said, raw.headers.get(WARNINGS_HEADER)

    assert told() == ({NO_BUILDER}, NO_BUILDER)
    record_beat(home.catalogue, "host:1", services.now())
    assert told() == ({None}, None)


def test_chunking_is_the_recipes_and_another_is_refused_by_name(client, store):
    ours = client.vector_stores.files.retrieve(bring(client, store).id, vector_store_id=store.id).chunking_strategy
    file = bring(client, store, chunking_strategy=ours.model_dump())
    assert file.chunking_strategy == ours
    bring(client, store, chunking_strategy={"type": "auto"})
    other = {"type": "static", "static": {"max_chunk_size_tokens": 801, "chunk_overlap_tokens": 400}}
    with pytest.raises(openai.BadRequestError, match="801.*is not how this service cuts"):
        client.vector_stores.files.create(store.id, file_id=file.id, chunking_strategy=other)
    with pytest.raises(openai.BadRequestError, match="801"):
        client.vector_stores.create(name="x", file_ids=[file.id], chunking_strategy=other)


def test_the_name_of_a_file_is_never_trusted(client, store):
    file = client.files.create(file=(HOSTILE, MAST), purpose="assistants")
    assert file.filename == client.files.retrieve(file.id).filename
    assert "/" not in file.filename
    assert file.filename.isprintable()
    assert file.filename.endswith("\u00e9\U0001f600.md")
    headers = client.files.with_raw_response.content(file.id).headers
    assert "x-evil" not in headers
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"
    assert bring(client, store, name=HOSTILE).status == "completed"


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({"x" * 65: 1}, "attributes"),
        ({"a": "x" * 513}, "attributes"),
        ({f"k{n}": n for n in range(17)}, "attributes"),
        ({"a": ["list"]}, "attributes"),
        ({"allow": "ann"}, "permission"),
    ],
)
def test_attributes_beyond_openais_bounds_are_refused_by_name(client, store, attributes, named):
    file = client.files.create(file=("a.md", MAST), purpose="assistants")
    with pytest.raises(openai.BadRequestError, match=named):
        client.vector_stores.files.create(store.id, file_id=file.id, attributes=attributes)


def test_no_tenant_sees_or_touches_the_files_of_another(client, rival, store):
    file = bring(client, store)
    upload = client.uploads.create(bytes=10, filename="a.md", mime_type="text/markdown", purpose="assistants")
    theirs = rival.vector_stores.create(name="Theirs")
    for act in (
        lambda: rival.files.retrieve(file.id),
        lambda: rival.files.content(file.id),
        lambda: rival.files.delete(file.id),
        lambda: rival.files.list(after=file.id),
        lambda: rival.vector_stores.retrieve(store.id),
        lambda: rival.vector_stores.delete(store.id),
        lambda: rival.vector_stores.files.retrieve(file.id, vector_store_id=store.id),
        lambda: rival.vector_stores.files.content(file.id, vector_store_id=store.id),
        lambda: rival.vector_stores.files.create(theirs.id, file_id=file.id),
        lambda: rival.vector_stores.file_batches.create(theirs.id, file_ids=[file.id]),
        lambda: rival.uploads.parts.create(upload.id, data=b"1"),
        lambda: rival.uploads.cancel(upload.id),
        lambda: rival.vector_stores.create(name="x", file_ids=[file.id]),
    ):
        with pytest.raises(openai.NotFoundError):
            act()
    assert rival.files.list().data == []
    assert [one.id for one in rival.vector_stores.list()] == [theirs.id]
    assert client.files.retrieve(file.id).id == file.id


def test_a_key_that_may_only_search_reads_no_files(http, home, client, store):
    file = bring(client, store)
    searcher = client_of(http, create_key(home.catalogue, "default", scopes=("search",))[1])
    assert searcher.vector_stores.retrieve(store.id).id == store.id
    for act in (
        lambda: searcher.files.content(file.id),
        lambda: searcher.files.create(file=("a.md", MAST), purpose="assistants"),
        lambda: searcher.vector_stores.files.content(file.id, vector_store_id=store.id),
    ):
        with pytest.raises(openai.PermissionDeniedError):
            act()


def test_forms_that_are_no_files_are_refused_by_name(http):
    def post(**parts):
        return http.post("/v1/files", headers=NATIVE, **parts)

    assert "purpose" in post(files={"file": ("a.md", MAST)}).json()["error"]["message"]
    unknown = post(files={"file": ("a.md", MAST)}, data={"purpose": "fun"})
    assert (unknown.status_code, unknown.json()["error"]["param"]) == (400, "purpose")
    assert post(data={"purpose": "assistants"}).status_code == 415
    assert post(files={"file": (None, "text")}, data={"purpose": "assistants"}).status_code == 400
    assert post(json={}).status_code == 415
    two = [("file", ("a.md", MAST)), ("file", ("b.md", MAST))]
    assert post(files=two, data={"purpose": "assistants"}).status_code == 400
    short = {"purpose": "assistants", "expires_after[anchor]": "created_at", "expires_after[seconds]": "5"}
    assert "expires_after[seconds]" in post(files={"file": ("a.md", MAST)}, data=short).text
    broken = http.post(
        "/v1/files", content=b"--x\r\nnonsense", headers=NATIVE | {"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert broken.status_code == 400
    long = {"file": ("a.md", MAST)}
    assert post(files=long, data={"purpose": "x" * 200_000}).status_code == 400
