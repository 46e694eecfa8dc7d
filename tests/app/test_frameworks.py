"""The examples of docs/frameworks.md run as they are written, against a server that listens."""

import asyncio
import re
from pathlib import Path

import pytest

from app.main import create_app
from tests.app.conftest import copied
from tests.support.listening import listening

PAGE = Path(__file__).parents[2] / "docs" / "frameworks.md"
EXAMPLES = {
    title: code
    for title, code in re.findall(
        r"^## ([^\n]+)\n(?:(?!^## ).)*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL | re.M
    )
}


@pytest.fixture(scope="module")
def url(tmp_path_factory, built_home):
    home = copied(built_home, tmp_path_factory.mktemp("frameworks"))
    with listening(create_app(home.settings)) as url:
        yield url
    home.close()


@pytest.fixture
def run(url, monkeypatch, capsys):
    """Run an example by its heading; gives its names and what it printed."""

    def run(title):
        monkeypatch.setenv("GROUNDWORK_URL", url)
        monkeypatch.setenv("GROUNDWORK_API_KEY", "test-key-0123456789")
        names = {"__name__": "example"}
        exec(compile(EXAMPLES[title], f"{PAGE.name}: {title}", "exec"), names)
        return names, capsys.readouterr().out.splitlines()

    return run


def test_each_framework_with_code_has_its_test():
    assert set(EXAMPLES) == {"LangChain", "LlamaIndex", "Rerankers"}


def test_the_retriever_of_langchain_gives_documents_also_to_coroutines(run):
    names, said = run("LangChain")
    assert len(said) == 3
    assert said[0].endswith("Reset a forgotten password")
    retriever = names["retriever"]
    question = "How do I reset my password?"
    found = retriever.invoke(question)
    assert [one.id for one in asyncio.run(retriever.ainvoke(question))] == [one.id for one in found]
    assert found[0].metadata["source"] == "https://help.example/password"
    assert found[0].metadata["category"] == "p"
    assert 0.0 <= found[0].metadata["score"] <= 1.0


def test_the_retriever_of_llamaindex_gives_nodes_also_to_coroutines(run):
    names, said = run("LlamaIndex")
    assert len(said) == 3
    assert said[0].endswith("Reset a forgotten password")
    retriever = names["retriever"]
    question = "How do I reset my password?"
    found = retriever.retrieve(question)
    assert [one.node_id for one in asyncio.run(retriever.aretrieve(question))] == [one.node_id for one in found]
    assert "query_id" not in found[0].node.get_content("llm")
    assert found[0].metadata["query_id"]


def test_cohere_s_client_ranks_the_texts_of_the_example(run):
    _, said = run("Rerankers")
    assert said[0].endswith("Choose Forgot password on the sign-in page.")
    assert len(said) == 2
