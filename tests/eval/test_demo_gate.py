"""The demo's end: a recipe that is worse is refused, stays out of service, and a report says why."""

import json
from io import StringIO

from rich.console import Console

from eval.demo_gate import play_gate
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.records import Document, Partition
from indexing.releases.deployments import stable_release
from indexing.releases.recipe_choices import recipe_in_service
from tests.support.letter_words import in_letters

PLACE = Partition("default", "topics")
TOPICS = [in_letters(f"topic{number:03d}x{number * 7919 % 1000}") for number in range(110)]


def test_a_damaged_candidate_is_refused_and_told_in_a_report(tiny_home, tmp_path):
    put_documents(tiny_home.catalogue, PLACE, [Document(name, "", f"What to do about {name}.") for name in TOPICS])
    build(prepare_build(tiny_home, recipe_in_service(tiny_home)))
    (tmp_path / "qrels").mkdir()
    lines = [json.dumps({"_id": name, "text": f"{name} again"}) for name in TOPICS]
    (tmp_path / "queries.jsonl").write_text("\n".join(lines) + "\n")
    judged = "".join(f"{name}\t{name}\t1\n" for name in TOPICS)
    (tmp_path / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    said = StringIO()
    path = play_gate(Console(file=said, width=200), tiny_home, tmp_path, PLACE)
    out = said.getvalue()
    assert "gate: REJECT" in out or "gate: HOLD" in out, out
    assert "it is worse" in out
    assert "promote: refused. The last verdict about recipe 2 against recipe 1 is" in out
    assert stable_release(tiny_home.catalogue).number == "1.1"
    assert str(path) in out
    report = json.loads(path.with_suffix(".json").read_text())
    assert (report["title"], report["release"]) == ("Release 2.1 against 1.1", "1.1")
    sections = {section["id"]: section for section in report["sections"]}
    assert sections["comparison"]["is_present"]
    assert sections["rollouts"]["headlines"][0]["tone"] in ("bad", "caution")
    assert "<svg" in path.read_text()
