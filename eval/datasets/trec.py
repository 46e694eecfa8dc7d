"""Reading and writing the formats of TREC and BEIR: judgments (qrels), queries and runs."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from indexing.errors import InvalidInput, SourceInvalid
from indexing.records import Json
from indexing.storage.atomic_files import write_atomically

Qrels: TypeAlias = dict[str, dict[str, int]]
"""Query id -> document id -> grade; above 0 is relevant, 0 and below is judged not relevant."""

Run: TypeAlias = dict[str, dict[str, float]]
"""Query id -> document id -> score, higher is better."""

BEIR_HEADER = ("query-id", "corpus-id", "score")

MAX_GRADE = 1000
"""Largest grade, either sign: trec_eval takes memory in proportion to it (measured: 100 MB at ten million)."""

_GRADE = re.compile(r"[+-]?[0-9]{1,9}")
_TREC_QRELS_COLUMNS = 4
"""Query, iteration, document, grade. Source: trec_eval."""
_RUN_COLUMNS = 6
"""Query, Q0, document, rank, score, name. Source: trec_eval."""


def read_qrels(path: Path) -> Qrels:
    """The judgments of a file, in the file's order.

    Two formats are told apart by the first line: BEIR's (tab-separated, under the header ``query-id corpus-id
    score``) and TREC's (``query iteration document grade``, separated by white space, no header). Blank lines are
    skipped; a pair judged twice with the same grade counts once.

    Args:
        path: A UTF-8 text file.

    Returns:
        At least one query, each with at least one document.

    Raises:
        SourceInvalid: The file cannot be read, holds no judgment, or a line is malformed: wrong number of columns,
            an empty id, a grade that is no whole number from -1000 to 1000, a pair judged twice with different
            grades. The message starts with ``file:line``.
    """
    qrels: Qrels = {}
    is_beir = False
    header_seen = False
    for number, line in _lines(path):
        if not header_seen:
            header_seen = True
            is_beir = tuple(line.split("\t")) == BEIR_HEADER
            if is_beir:
                continue
        query_id, document_id, grade = _judgment(line, is_beir=is_beir, where=f"{path}:{number}")
        known = qrels.setdefault(query_id, {}).setdefault(document_id, grade)
        if known != grade:
            raise SourceInvalid(
                f"{path}:{number}: query {query_id!r} and document {document_id!r} are graded {grade} here and {known} "
                f"above; expected one grade for each pair; remove one of the lines"
            )
    if not qrels:
        raise SourceInvalid(f"{path}: the file holds no judgment; expected at least one")
    return qrels


def read_queries(path: Path) -> dict[str, str]:
    """The queries of a BEIR ``queries.jsonl``: id -> text, in the file's order.

    Each line is an object with ``_id`` and ``text``; other keys are ignored, blank lines skipped, and a line that
    repeats an id with the same text counts once.

    Args:
        path: A UTF-8 text file.

    Returns:
        At least one query.

    Raises:
        SourceInvalid: The file cannot be read, holds no query, or a line is malformed: no JSON object, ``_id`` or
            ``text`` missing, no string or blank, an id given two texts. The message starts with ``file:line``.
    """
    queries: dict[str, str] = {}
    for where, record in query_records(path):
        query_id = text_field(record, "_id", where)
        text = text_field(record, "text", where)
        if queries.setdefault(query_id, text) != text:
            raise SourceInvalid(
                f"{where}: query id {query_id!r} has another text above; expected one text for each id; rename one"
            )
    if not queries:
        raise SourceInvalid(f"{path}: the file holds no query; expected at least one")
    return queries


def query_records(path: Path) -> Iterator[tuple[str, dict[str, Json]]]:
    """Each line of a file of queries as ``(file:line, object)``; blank lines are skipped.

    Raises:
        SourceInvalid: The file cannot be read, or a line is no JSON object; the message starts with ``file:line``.
    """
    for number, line in _lines(path):
        where = f"{path}:{number}"
        try:
            record: Json = json.loads(line)
        except ValueError as error:
            raise SourceInvalid(f"{where}: {line[:80]!r} is not JSON ({error}); expected an object") from error
        if not isinstance(record, dict):
            raise SourceInvalid(f"{where}: {line[:80]!r}; expected an object with '_id' and 'text'")
        yield where, record


def text_field(record: dict[str, Json], key: str, where: str) -> str:
    """The text of a record's field.

    Raises:
        SourceInvalid: It is missing, no string, or blank; the message starts with ``where``.
    """
    value = record.get(key)
    if not isinstance(value, str) or not value.strip():
        raise SourceInvalid(f"{where}: {key!r} is {value!r}; expected a string that is not blank")
    return value


def read_run(path: Path) -> Run:
    """The run of a TREC file: ``query Q0 document rank score tag``, separated by white space.

    As in trec_eval the order is what the scores say: the rank, ``Q0`` and the tag are not looked at.

    Args:
        path: A UTF-8 text file.

    Returns:
        At least one query, each with at least one document; scores are finite.

    Raises:
        SourceInvalid: The file cannot be read, holds no result, or a line is malformed: wrong number of columns, a
            score that is no finite number, a document that the query already has. The message starts with
            ``file:line``.
    """
    run: Run = {}
    for number, line in _lines(path):
        columns = line.split()
        if len(columns) != _RUN_COLUMNS:
            raise SourceInvalid(
                f"{path}:{number}: {len(columns)} columns in {line[:80]!r}; "
                f"expected {_RUN_COLUMNS}: query Q0 document rank score tag"
            )
        query_id, _, document_id, _, score, _ = columns
        results = run.setdefault(query_id, {})
        if document_id in results:
            raise SourceInvalid(
                f"{path}:{number}: document {document_id!r} is in the results of query {query_id!r} a second time; "
                f"expected each document once"
            )
        results[document_id] = _score(score, f"{path}:{number}")
    if not run:
        raise SourceInvalid(f"{path}: the file holds no result; expected at least one")
    return run


def write_run(path: Path, run: Run, tag: str) -> None:
    """Write a run as TREC's six columns, best first, so that ``read_run`` gives the same scores back.

    Ranks count from 1; equal scores are ordered by document id, descending, as trec_eval orders them. A query
    without results leaves no line. The file appears whole or not at all.

    Args:
        path: Where to write; an existing file is replaced.
        run: What to write; not changed.
        tag: The run's name, the last column.

    Raises:
        InvalidInput: No query has a result, a score is not finite, or an id or the tag is not a word (empty, or
            with white space or characters that do not print), which the format cannot hold.
        StorageFull: The disk has no room.
    """
    _require_word(tag, "tag")
    lines: list[str] = []
    for query_id, results in run.items():
        _require_word(query_id, "query id")
        ranked = sorted(results.items(), key=lambda pair: (pair[1], pair[0]), reverse=True)
        for rank, (document_id, score) in enumerate(ranked, start=1):
            _require_word(document_id, "document id")
            if not math.isfinite(score):
                raise InvalidInput(f"score {score} of {document_id!r} for {query_id!r}; expected a finite number")
            lines.append(f"{query_id} Q0 {document_id} {rank} {float(score)!r} {tag}\n")
    if not lines:
        raise InvalidInput(f"run {tag!r} holds no result; expected at least one to write to {path}")
    write_atomically(path, "".join(lines).encode())


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, numbered from 1, without their ends and the file's byte order mark."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                try:
                    line = raw.decode("utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise SourceInvalid(f"{path}:{number}: {raw[:80]!r} is not UTF-8; expected UTF-8 text") from error
                if number == 1:
                    line = line.removeprefix("\ufeff")
                if line.strip():
                    yield number, line
    except OSError as error:
        raise SourceInvalid(f"{path}: cannot be read ({error.strerror}); expected a text file") from error


def _judgment(line: str, *, is_beir: bool, where: str) -> tuple[str, str, int]:
    columns = [column.strip() for column in line.split("\t")] if is_beir else line.split()
    wanted = len(BEIR_HEADER) if is_beir else _TREC_QRELS_COLUMNS
    if len(columns) != wanted:
        expected = (
            "3 separated by tabs: query-id corpus-id score"
            if is_beir
            else "4 (query iteration document grade), or the header 'query-id<TAB>corpus-id<TAB>score' in line 1"
        )
        raise SourceInvalid(f"{where}: {len(columns)} columns in {line[:80]!r}; expected {expected}")
    query_id, document_id, grade = columns[0], columns[-2], columns[-1]
    if not query_id or not document_id:
        raise SourceInvalid(f"{where}: an id is empty in {line[:80]!r}; expected a query id and a document id")
    if not _GRADE.fullmatch(grade) or abs(int(grade)) > MAX_GRADE:
        raise SourceInvalid(f"{where}: grade {grade!r}; expected a whole number from -{MAX_GRADE} to {MAX_GRADE}")
    return query_id, document_id, int(grade)


def _score(text: str, where: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise SourceInvalid(f"{where}: score {text!r}; expected a finite number")
    return score


def _require_word(value: str, what: str) -> None:
    if not value or not value.isprintable() or " " in value:
        raise InvalidInput(
            f"{what} {value!r} cannot be written to a TREC run; expected printable characters without white space"
        )
