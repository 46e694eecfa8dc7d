"""What judges said and what came of it is erased with the document, the user or the tenant that it is about."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from eval.datasets.chat_client import Endpoint
from eval.judging.judgement import list_judgements, save_judgement
from eval.judging.judging import Asking, judge_samples
from eval.judging.metrics import metrics_named
from eval.judging.samples import Sample
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.judge_replies import count_replies_of_tenant, forget_replies_before
from indexing.commands.root import cli
from indexing.records import Document, Partition
from tests.indexing.retention.test_erasure import files_with
from tests.support.judge_server import judge_server, judging

pytestmark = pytest.mark.usefixtures("waited")
OURS, THEIRS = Partition("default", "manual"), Partition("other", "manual")
ABOUT_PUMP = Sample(
    "pump", "Does it leak?", OURS, answer="Quibblezwick leaks", contexts=("Quibblezwick leaks.",), context_ids=("pump",)
)
SAMPLES = [
    ABOUT_PUMP,
    replace(ABOUT_PUMP, id="valve", answer="Valvezwack sticks", context_ids=("valve",), user="ana"),
    replace(ABOUT_PUMP, id="nameless", answer="Namelesszwuck hums", context_ids=None),
    replace(ABOUT_PUMP, id="theirs", answer="Theirszwonk hums", partition=THEIRS),
]
MARKERS = {"pump": "Quibblezwick", "valve": "Valvezwack", "nameless": "Namelesszwuck", "theirs": "Theirszwonk"}


@pytest.fixture
def judged(tiny_home):
    """A home in which four samples were judged; each reply quotes its answer."""
    put_documents(
        tiny_home.catalogue, OURS, [Document("pump", "Pumps", "A text."), Document("valve", "Valves", "Text.")]
    )
    with judge_server(judging) as server:
        asking = Asking(Endpoint(server.url, "judge-1"))
        judgement = judge_samples(tiny_home, SAMPLES, metrics_named(("faithfulness",)), asking=asking)
    save_judgement(judgement, tiny_home.path / "evaluations")
    assert all(files_with(tiny_home, marker.encode()) for marker in MARKERS.values())
    return tiny_home


def erase(home, *arguments):
    told = CliRunner().invoke(cli, ["--home", str(home.path), "erase", *arguments, "--yes", "--json"])
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def kept(home):
    """The samples whose words some file of the home still holds, and those that the judgements still tell of."""
    held = {name for name, marker in MARKERS.items() if files_with(home, marker.encode())}
    return held, {sample.id for one in list_judgements(home.path / "evaluations") for sample in one.samples}


def test_with_a_document_goes_what_was_said_of_it_and_what_may_have_been(judged):
    told = erase(judged, "--collection", "manual", "pump")
    assert kept(judged) == ({"valve", "theirs"}, {"valve", "theirs"})
    assert (told["erasures"][0]["quality_rows"], told["erasures"][0]["judged_samples"]) == (4, 2)
    (file,) = (judged.path / "evaluations" / "judgements").iterdir()
    assert json.loads(file.read_text())["erased"] == 2


def test_a_document_that_only_a_judge_heard_of_can_be_erased(judged):
    sample = replace(ABOUT_PUMP, id="gone", context_ids=("long-gone",))
    judgement = judge_samples(judged, [sample], metrics_named(("id_context_recall",)))
    save_judgement(judgement, judged.path / "evaluations")
    erase(judged, "--collection", "manual", "long-gone")
    assert "gone" not in kept(judged)[1]


def test_with_a_collection_goes_everything_that_was_said_of_it(judged):
    erase(judged, "--collection", "manual", "--whole-collection")
    assert kept(judged) == ({"theirs"}, {"theirs"})


def test_a_reply_that_served_a_second_sample_goes_with_the_documents_of_either(judged):
    with judge_server(judging) as server:
        asking = Asking(Endpoint(server.url, "judge-1"))
        again = replace(ABOUT_PUMP, id="again", context_ids=("pump-2",))
        judge_samples(judged, [again], metrics_named(("faithfulness",)), asking=asking)
    assert server.bodies == []
    erase(judged, "--collection", "manual", "pump-2")
    assert "pump" not in kept(judged)[0]


def test_with_a_user_goes_what_the_user_asked(judged):
    told = erase(judged, "--tenant", "default", "--user", "ana")
    assert kept(judged) == ({"pump", "nameless", "theirs"}, {"pump", "nameless", "theirs"})
    assert told["quality_rows"] == 3  # two replies and a sample


def test_with_a_tenant_goes_all_of_it_and_the_file_with_the_last_sample(judged):
    erase(judged, "--tenant", "default", "--whole-tenant")
    assert kept(judged) == ({"theirs"}, {"theirs"})
    erase(judged, "--tenant", "other", "--whole-tenant")
    assert kept(judged) == (set(), set())
    assert list((judged.path / "evaluations" / "judgements").iterdir()) == []


def test_replies_are_a_cache_of_which_old_ones_may_be_forgotten(judged):
    assert forget_replies_before(judged.catalogue, "2000") == 0
    assert forget_replies_before(judged.catalogue, "9999") == 8
    assert count_replies_of_tenant(judged.catalogue, "default") == 0
