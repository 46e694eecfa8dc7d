"""One JSON object a log line, whatever it says, and stage times that add up."""

import json
import logging
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing import telemetry
from indexing.telemetry import JsonFormatter, StageTimings, caller_ids, configure_logging, request_id


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The root logger without handlers, put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield root
    root.handlers = handlers
    root.setLevel(level)


def line(message: str = "event", level: int = logging.INFO, **extra: Any) -> dict[str, Any]:
    record = logging.LogRecord("indexing.x", level, __file__, 1, message, None, None)
    record.created = 1_700_000_000.25
    for name, value in extra.items():
        setattr(record, name, value)
    text = JsonFormatter().format(record)
    assert len(text.splitlines()) == 1
    assert text.isprintable() or not any(unicodedata.category(one) in ("Cc", "Zl", "Zp", "Cs") for one in text)
    text.encode()
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_line_names_moment_level_logger_and_event() -> None:
    assert line(level=logging.WARNING) == {
        "at": "2023-11-14T22:13:20.250+00:00",
        "level": "warning",
        "logger": "indexing.x",
        "event": "event",
    }
    assert datetime.fromisoformat(line()["at"]).tzinfo == UTC


def test_fields_are_added_and_values_without_a_json_form_become_text() -> None:
    found = line(fields={"rows": 3, "path": Path("/x"), "name": "é"})
    assert (found["rows"], found["path"], found["name"]) == (3, "/x", "é")


def test_who_asked_is_added_inside_a_request_only() -> None:
    assert "tenant" not in line()
    token = caller_ids.set(("acme", "k_1"))
    try:
        assert (line()["tenant"], line()["key_id"]) == ("acme", "k_1")
    finally:
        caller_ids.reset(token)


def test_the_request_id_is_added_inside_a_request_only() -> None:
    assert "request_id" not in line()
    token = request_id.set("req-1")
    try:
        assert line()["request_id"] == "req-1"
    finally:
        request_id.reset(token)


def test_an_exception_is_added_as_text() -> None:
    error = ValueError("broken")
    assert "ValueError: broken" in line(exc_info=(ValueError, error, None))["exception"]


ODD = "\x1b\x7f\x85\x9b\u2028\u2029\u202e\ud800"
ANY_TEXT = st.text(st.characters(codec=None, categories=None) | st.sampled_from(ODD))


@given(message=ANY_TEXT, value=ANY_TEXT | st.integers() | st.binary())
def test_any_message_and_field_stay_on_one_line_of_json(message: str, value: object) -> None:
    found = line(message, fields={"value": value})
    assert found["event"] == message
    assert found["value"] == (str(value) if isinstance(value, bytes) else value)


def test_configured_logging_writes_json_to_standard_error_from_its_level_on(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("warning")
    logging.getLogger("indexing.x").info("quiet")
    logging.getLogger("indexing.x").warning("loud", extra={"fields": {"rows": 1}})
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [json.loads(text)["event"] for text in captured.err.splitlines()] == ["loud"]
    configure_logging("INFO")
    assert len(root_logger.handlers) == 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until ``now`` is set, in seconds."""
    fake = SimpleNamespace(now=100.0)
    monkeypatch.setattr(telemetry, "time", SimpleNamespace(perf_counter=lambda: fake.now))
    return fake


def test_stages_are_timed_in_milliseconds_and_the_same_name_adds_up(clock: SimpleNamespace) -> None:
    timings = StageTimings()
    with timings.stage("outer"):
        with timings.stage("inner"):
            clock.now += 0.5
        clock.now += 0.25
    with timings.stage("inner"):
        clock.now += 1.0
    assert timings.milliseconds == {"inner": 1500.0, "outer": 750.0}
    assert list(timings.milliseconds) == ["inner", "outer"]


def test_a_stage_that_fails_is_timed_too(clock: SimpleNamespace) -> None:
    timings = StageTimings()
    with pytest.raises(ValueError, match="stop"), timings.stage("failing"):
        clock.now += 0.125
        raise ValueError("stop")
    timings.add("given", 2.0)
    assert timings.milliseconds == {"failing": 125.0, "given": 2.0}


def test_what_comes_before_a_stage_can_end_the_work(clock: SimpleNamespace) -> None:
    begun: list[str] = []

    def before_stage() -> None:
        if len(begun) == 2:
            raise TimeoutError("late")

    timings = StageTimings(before_stage)
    with pytest.raises(TimeoutError):
        for name in ("first", "second", "third"):
            with timings.stage(name):
                begun.append(name)
    assert begun == list(timings.milliseconds) == ["first", "second"]


def test_what_is_said_outside_a_request_is_not_kept() -> None:
    telemetry.annotate(hits=3)
    assert telemetry.log_fields.get() is None
    fields: dict[str, object] = {}
    token = telemetry.log_fields.set(fields)
    telemetry.annotate(hits=3, mode="dense")
    telemetry.log_fields.reset(token)
    assert fields == {"hits": 3, "mode": "dense"}
