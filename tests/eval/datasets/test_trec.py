"""The formats of TREC and BEIR: what is read is what was written, and what is refused is named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.datasets.trec import Qrels, Run, read_qrels, read_queries, read_run, write_run
from indexing.errors import InvalidInput, SourceInvalid

HEADER = "query-id\tcorpus-id\tscore\n"
words = st.text(min_size=1, max_size=8).filter(lambda text: text.isprintable() and " " not in text)
scores = st.floats(allow_nan=False, allow_infinity=False)


def written(folder: Path, content: str | bytes, name: str = "file.txt") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_beir_and_trec_judgments_of_the_same_pairs_read_the_same(tmp_path: Path) -> None:
    beir = written(tmp_path, HEADER + "q1\td1\t1\nq1\td2\t0\nq2\td1\t2\n", "beir.tsv")
    trec = written(tmp_path, "q1 0 d1 1\nq1 0 d2 0\nq2 0 d1 2\n", "trec.txt")
    assert read_qrels(beir) == read_qrels(trec) == {"q1": {"d1": 1, "d2": 0}, "q2": {"d1": 2}}


def test_judgments_with_byte_order_mark_windows_line_ends_and_blank_lines_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeff" + HEADER.strip() + "\r\n\r\nq1\td1\t1\r\n")
    assert read_qrels(path) == {"q1": {"d1": 1}}


def test_ids_of_a_beir_file_may_hold_spaces(tmp_path: Path) -> None:
    assert read_qrels(written(tmp_path, HEADER + "q 1\td 1\t1\n")) == {"q 1": {"d 1": 1}}


def test_negative_grades_are_read(tmp_path: Path) -> None:
    assert read_qrels(written(tmp_path, "q1 0 d1 -2\n")) == {"q1": {"d1": -2}}


def test_a_pair_judged_twice_alike_counts_once(tmp_path: Path) -> None:
    assert read_qrels(written(tmp_path, HEADER + "q\td\t1\nq\td\t1\n")) == {"q": {"d": 1}}


@pytest.mark.parametrize("grade", ["1.0", "high", "1_0", "", "1001", "9" * 5000, "٣"])
def test_a_grade_that_is_no_whole_number_is_refused_by_file_line_and_value(tmp_path: Path, grade: str) -> None:
    path = written(tmp_path, HEADER + f"q\td\t1\nq\te\t{grade}\n")
    with pytest.raises(SourceInvalid) as caught:
        read_qrels(path)
    assert f"{path}:3: grade {grade!r}; expected a whole number" in str(caught.value)


def test_a_pair_with_two_grades_is_refused_with_both(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + "q\td\t1\nq\td\t2\n")
    with pytest.raises(SourceInvalid, match=r":3: query 'q' and document 'd' are graded 2 here and 1 above"):
        read_qrels(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("q d 1\n", ":1: 3 columns in 'q d 1'; expected 4"),
        (HEADER + "q d 1\n", ":2: 1 columns in 'q d 1'; expected 3 separated by tabs"),
        (HEADER + "q\t\t1\n", ":2: an id is empty"),
        (HEADER, ": the file holds no judgment"),
        ("\n \n", ": the file holds no judgment"),
        (b"q 0 d 1\nq 0 \xff 1\n", ":2: b'q 0 \\xff 1\\n' is not UTF-8"),
    ],
)
def test_malformed_judgments_are_refused_by_file_and_line(tmp_path: Path, content: str | bytes, complaint: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(SourceInvalid) as caught:
        read_qrels(path)
    assert f"{path}{complaint}" in str(caught.value)


@given(st.dictionaries(words, st.dictionaries(words, st.integers(-1000, 1000), min_size=1), min_size=1))
def test_judgments_survive_both_formats(tmp_path_factory: pytest.TempPathFactory, qrels: Qrels) -> None:
    folder = tmp_path_factory.mktemp("qrels")
    rows = [(query, document, grade) for query, judged in qrels.items() for document, grade in judged.items()]
    beir = written(folder, HEADER + "".join(f"{query}\t{document}\t{grade}\n" for query, document, grade in rows), "b")
    trec = written(folder, "".join(f"{query} 0 {document} {grade}\n" for query, document, grade in rows), "t")
    assert read_qrels(beir) == read_qrels(trec) == qrels


def test_queries_are_read_in_order_and_other_keys_ignored(tmp_path: Path) -> None:
    path = written(tmp_path, '{"_id": "2", "text": "two", "metadata": {}}\n\n{"_id": "1", "text": "one"}\n')
    assert list(read_queries(path).items()) == [("2", "two"), ("1", "one")]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{}\n", ":1: '_id' is None; expected a string"),
        ('{"_id": 1, "text": "x"}\n', ":1: '_id' is 1; expected a string"),
        ('{"_id": "1", "text": " "}\n', ":1: 'text' is ' '; expected a string that is not blank"),
        ('{"_id": "1", "text": "x"}\n{"_id": "1", "text": "y"}\n', ":2: query id '1' has another text above"),
        ("[]\n", ":1: '[]'; expected an object"),
        ("{\n", ":1: '{' is not JSON"),
        ("", ": the file holds no query"),
    ],
)
def test_malformed_queries_are_refused_by_file_and_line(tmp_path: Path, content: str, complaint: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(SourceInvalid) as caught:
        read_queries(path)
    assert f"{path}{complaint}" in str(caught.value)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    for read in (read_qrels, read_queries, read_run):
        with pytest.raises(SourceInvalid, match=r"absent: cannot be read \(No such file or directory\)"):
            read(tmp_path / "absent")


def test_a_run_is_written_best_first_with_ties_as_trec_eval_orders_them(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    write_run(path, {"q": {"a": 1.0, "b": 2.5, "c": 1.0}}, "groundwork")
    assert path.read_text() == "q Q0 b 1 2.5 groundwork\nq Q0 c 2 1.0 groundwork\nq Q0 a 3 1.0 groundwork\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.txt"]


@given(st.dictionaries(words, st.dictionaries(words, scores), min_size=1).filter(lambda run: any(run.values())))
def test_a_run_survives_writing_and_reading(tmp_path_factory: pytest.TempPathFactory, run: Run) -> None:
    path = tmp_path_factory.mktemp("run") / "run.txt"
    write_run(path, run, "tag")
    assert read_run(path) == {query_id: results for query_id, results in run.items() if results}


@pytest.mark.parametrize(
    ("run", "tag"),
    [
        ({"q": {"d": 1.0}}, "two words"),
        ({"q 1": {"d": 1.0}}, "tag"),
        ({"q": {"d\u00a01": 1.0}}, "tag"),
        ({"q": {"": 1.0}}, "tag"),
        ({"q": {"d": float("nan")}}, "tag"),
        ({"q": {}}, "tag"),
        ({}, "tag"),
    ],
)
def test_a_run_that_the_format_cannot_hold_is_not_written(tmp_path: Path, run: Run, tag: str) -> None:
    with pytest.raises(InvalidInput, match="expected"):
        write_run(tmp_path / "run.txt", run, tag)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("q Q0 d 1 2.0\n", ":1: 5 columns"),
        ("q Q0 d 1 nan t\n", ":1: score 'nan'; expected a finite number"),
        ("q Q0 d 1 high t\n", ":1: score 'high'; expected a finite number"),
        ("q Q0 d 1 2 t\nq Q0 d 2 1 t\n", ":2: document 'd' is in the results of query 'q' a second time"),
        ("", ": the file holds no result"),
    ],
)
def test_malformed_runs_are_refused_by_file_and_line(tmp_path: Path, content: str, complaint: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(SourceInvalid) as caught:
        read_run(path)
    assert f"{path}{complaint}" in str(caught.value)
