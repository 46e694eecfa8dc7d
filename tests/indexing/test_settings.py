"""Settings come from ``GROUNDWORK_*`` alone, refuse nonsense, and cannot be changed afterwards."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from indexing.settings import (
    METRICS_VARIABLE,
    Settings,
    environment_of,
    forbid_hub_downloads,
    limit_native_threads,
    metrics_folder,
)

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def test_the_defaults_need_neither_a_key_nor_another_program() -> None:
    settings = Settings()
    assert settings.home == Path(".groundwork")
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.api_key is None
    assert settings.sessions == (os.cpu_count() or 1)
    assert settings.log_queries is False


def test_the_environment_decides_and_arguments_decide_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWORK_HOME", "/srv/groundwork")
    monkeypatch.setenv("GROUNDWORK_PORT", "9000")
    monkeypatch.setenv("GROUNDWORK_LOG_QUERIES", "true")
    monkeypatch.setenv("GROUNDWORK_UNHEARD_OF", "1")
    monkeypatch.setenv("PORT", "1")
    settings = Settings()
    assert (settings.home, settings.port, settings.log_queries) == (Path("/srv/groundwork"), 9000, True)
    assert Settings(port=1234).port == 1234


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "http"),
        ("API_KEY", "short"),
        ("SESSIONS", "0"),
        ("MAX_CONCURRENCY", "0"),
        ("POLL_SECONDS", "0"),
        ("BUSY_TIMEOUT_SECONDS", "-1"),
        ("LOG_QUERIES", "perhaps"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_LEVEL", "info"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"GROUNDWORK_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str) -> None:
    assert (Settings.model_fields[name].description or "").endswith(".")


def test_native_libraries_get_one_thread_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS[0], "3")
    for name in THREADS[1:]:
        monkeypatch.setenv(name, "to be restored")
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    limit_native_threads()
    assert [os.environ[name] for name in THREADS] == ["3", "1", "1"]
    assert os.environ["TOKENIZERS_PARALLELISM"] == "true"


def test_hub_downloads_are_forbidden_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    forbid_hub_downloads()
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_a_child_process_reads_the_settings_of_its_parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GROUNDWORK_PORT", "9000")
    given = Settings(home=tmp_path, port=1234, log_queries=True, api_key="a key of 16 or more", sessions=3)
    for name, value in environment_of(given, OTHER="x").items():
        monkeypatch.setenv(name, value)
    assert Settings() == given
    assert os.environ["OTHER"] == "x"


def test_processes_that_are_scraped_as_one_are_told_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert metrics_folder() is None
    monkeypatch.setenv(METRICS_VARIABLE, str(tmp_path))
    assert metrics_folder() == tmp_path


@pytest.mark.parametrize(
    "url",
    [
        "http://h:secret",
        "redis://u:secret@h:abc/0",
        "redis://:secret@h:99999",
        "redis://:secret@h/x",
        "redis:///0",
        "secret",
    ],
)
def test_an_address_that_is_no_redis_is_refused_without_telling_it(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(redis_url=url)
    (fault,) = caught.value.errors()
    assert "expected redis://HOST:PORT/DB" in fault["msg"]
    assert "secret" not in fault["msg"]


def test_an_empty_address_of_redis_is_none() -> None:
    assert Settings(redis_url="").redis_url is None


def test_the_place_of_redis_and_the_settings_hold_no_password() -> None:
    settings = Settings(redis_url="rediss://name:secret@cache.example/3")
    assert settings.redis_place == "cache.example:6379/3"
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:8000", "expected http://HOST:PORT/v1"),
        ("ftp://127.0.0.1/v1", "expected http://HOST:PORT/v1"),
        ("http://127.0.0.1:0/v1", "expected http://HOST:PORT/v1"),
        ("http://127.0.0.1:9/v1?key=1", "expected http://HOST:PORT/v1"),
        ("http://:secret@127.0.0.1:9/v1", "GROUNDWORK_JUDGE_KEY"),
    ],
)
def test_an_address_of_a_judge_that_is_none_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Settings(judge_url=url)
