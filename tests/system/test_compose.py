"""The compose file and the Dockerfile held against the code, and the very commands of the services run as processes.

No Docker engine runs where these tests do.
"""

import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import click
import httpx
import pytest
import yaml

from indexing.commands.root import whole_command
from indexing.settings import Settings
from tests.support.api_document import api_document
from tests.support.processes import PROGRAM, ROOT, free_port, run
from tests.support.redis_server import redis_program

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
STAGES = dict(re.findall(r"^FROM \S+ AS (\w+)\n(.*?)(?=^FROM|\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL))
(MODELS,) = re.findall(r"^ARG MODELS=(\S+)$", DOCKERFILE, re.MULTILINE)
"""The extra that the images take for models unless told otherwise."""


def parse(argv):
    """Let click parse a command without running it; raises where it does not exist or an option is unknown."""
    assert argv[0] == "groundwork"
    root = whole_command()
    parent = click.Context(root, obj=Settings(), **root.context_settings)  # a command keeps the help that it saw first
    return root.commands[argv[1]].make_context(argv[1], list(argv[2:]), parent)


@pytest.mark.parametrize("name", OURS)
def test_every_service_runs_a_command_that_exists(name):
    assert isinstance(parse(OURS[name]["command"]), click.Context)


@pytest.mark.parametrize("stage", ["api", "worker"])
def test_every_image_runs_a_command_that_exists(stage):
    (command,) = re.findall(r"^CMD (.*)$", STAGES[stage], re.MULTILINE)
    assert isinstance(parse(yaml.safe_load(command)), click.Context)


def test_the_commands_in_the_comments_exist():
    head = (ROOT / "docker-compose.yml").read_text().split("services:")[0]
    found = re.findall(r"run --rm worker (groundwork .*)", head)
    assert len(found) == 2
    for line in found:
        assert isinstance(parse(shlex.split(line)), click.Context)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name):
    for variable in OURS[name]["environment"]:
        assert variable.removeprefix("GROUNDWORK_").lower() in Settings.model_fields


def test_every_variable_of_the_image_is_a_setting():
    for variable in re.findall(r"^ENV (\w+)=", DOCKERFILE, re.MULTILINE):
        assert variable.removeprefix("GROUNDWORK_").lower() in Settings.model_fields


@pytest.mark.parametrize("name", OURS)
def test_the_home_is_on_a_volume_that_the_compose_file_declares(name):
    mounts = dict(mount.split(":")[:2][::-1] for mount in OURS[name]["volumes"])
    assert mounts[OURS[name]["environment"]["GROUNDWORK_HOME"]] in COMPOSE["volumes"]


def test_the_published_port_is_the_one_that_is_served_and_loopback_only():
    (published,) = OURS["api"]["ports"]
    address, _, inside = published.rsplit(":", 2)
    assert address == "127.0.0.1"
    assert inside == OURS["api"]["environment"]["GROUNDWORK_PORT"]
    assert f"EXPOSE {inside}" in STAGES["api"]


def test_the_health_check_asks_a_route_that_exists():
    (path,) = re.findall(r"http://127\.0\.0\.1:8080(/\w+)", " ".join(OURS["api"]["healthcheck"]["test"]))
    assert path in api_document()["paths"]


def test_redis_keeps_what_it_has_and_its_url_names_its_service():
    service = COMPOSE["services"]["redis"]
    assert service["command"][1:] == ["--appendonly", "yes"]
    assert service["volumes"] == ["redis:/data"]
    assert OURS["worker"]["environment"]["GROUNDWORK_REDIS_URL"] == "redis://redis:6379/0"


def test_every_target_exists_and_copies_what_exists():
    assert {service["build"]["target"] for service in OURS.values()} <= set(STAGES)
    for sources in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists()


def test_every_image_installs_extras_that_exist_and_the_api_none_with_torch():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for stage in ("api", "worker"):
        (names,) = re.findall(r'"\.\[(.*)\]"', STAGES[stage])
        assert set(names.replace("${MODELS}", MODELS).split(",")) <= set(extras)
    assert ".[serve,otel]" in STAGES["api"]
    assert not [one for one in extras["serve"] if re.match(r"torch|sentence|ragas|onnx\b", one)]
    assert not [one for one in extras[MODELS] if re.match("torch|sentence|gt-all", one)]


def test_the_commands_of_all_services_work_together_as_processes(make_home, tmp_path):
    home, port, redis_port = make_home("compose"), free_port(), free_port()
    values = {
        "GROUNDWORK_HOME": str(home),
        "GROUNDWORK_HOST": "127.0.0.1",
        "GROUNDWORK_PORT": str(port),
        "GROUNDWORK_API_KEY": "a key for the test",
        "GROUNDWORK_REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
    }
    redis_command = [redis_program(), *COMPOSE["services"]["redis"]["command"][1:], "--port", str(redis_port)]
    processes = [subprocess.Popen(redis_command, cwd=tmp_path, stdout=subprocess.DEVNULL)]
    try:
        for service in OURS.values():
            chosen = {name: values[name] for name in service["environment"]}
            processes.append(
                subprocess.Popen(
                    [PROGRAM, *service["command"][1:]],
                    env=os.environ | {"PYTHONPATH": str(ROOT)} | chosen,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=tmp_path,
                )
            )
        run(home, "ingest", ROOT / "corpora" / "helpdesk" / "articles" / "billing", "--collection", "manual")
        run(home, "build", redis_url=values["GROUNDWORK_REDIS_URL"])
        url, headers = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {values['GROUNDWORK_API_KEY']}"}
        for _ in range(400):
            try:
                if httpx.get(f"{url}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        body = {"query": "my card was declined", "collection": "manual", "k": 1}
        answer = httpx.post(f"{url}/v1/search", json=body, headers=headers)
        assert answer.status_code == 200
        assert answer.json()["hits"]
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(timeout=30)


def test_the_program_under_test_is_this_environments():
    assert Path(PROGRAM).parent == Path(sys.executable).parent
