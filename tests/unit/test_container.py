# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest

from forge_events.dispatcher.container import Container, Engine, Mount, contained, ending

PODMAN, DOCKER = Engine("podman"), Engine("docker")


def a_container(*mounts: Mount) -> Container:
    return Container("image:1", "forge_events_u", Path("/srv/site"), list(mounts), "node1")


def words(engine: Engine, *mounts: Mount) -> list[str]:
    return contained(["ansible-playbook", "a b.yml"], a_container(*mounts), engine, {"ONE", "ALL"})


def mounts_of(command: list[str]) -> list[list[str]]:
    return [
        next(csv.reader(io.StringIO(word.partition("=")[2], newline="")))
        for word in command
        if word.startswith("--mount=")
    ]


@pytest.mark.parametrize("engine", [PODMAN, DOCKER], ids=lambda engine: engine.program)
def test_a_command_runs_in_a_container_that_has_a_name_and_leaves_nothing(engine):
    command = words(engine)
    assert command[:3] == [engine.program, "run", "--rm"]
    assert {"--name=forge_events_u", "--hostname=node1", "--workdir=/srv/site", "--log-driver=none"} <= set(command)
    assert command[-3:] == ["image:1", "ansible-playbook", "a b.yml"]


@pytest.mark.parametrize("engine", [PODMAN, DOCKER], ids=lambda engine: engine.program)
def test_a_command_gets_no_terminal(engine):
    assert not {"-t", "--tty", "-i", "--interactive"} & set(words(engine))


def test_variables_are_named_and_their_values_are_nowhere():
    assert [word for word in words(PODMAN) if "--env" in word] == ["--env=ALL", "--env=ONE"]


@pytest.mark.parametrize("path", ["/srv/a b", "/srv/a:b", "/srv/a,b", '/srv/a"b', "/srv/a=b,readonly", "/srv/a\nb"])
def test_a_path_of_any_characters_is_mounted_where_it_is_outside(path):
    assert mounts_of(words(PODMAN, Mount(Path(path)))) == [["type=bind", f"src={path}", f"dst={path}", "readonly"]]


def test_a_path_is_mounted_once_and_is_writable_if_somebody_needs_it_so():
    mounts = [Mount(Path("/srv")), Mount(Path("/srv"), is_writable=True), Mount(Path("/srv")), Mount(Path("/a"))]
    assert mounts_of(words(DOCKER, *mounts)) == [
        ["type=bind", "src=/a", "dst=/a", "readonly"],
        ["type=bind", "src=/srv", "dst=/srv"],
    ]


@pytest.mark.parametrize("engine", [PODMAN, DOCKER], ids=lambda engine: engine.program)
@pytest.mark.parametrize(
    ("pull", "said"), [("missing", []), ("always", ["--pull=always"]), ("never", ["--pull=never"])]
)
def test_what_the_engine_does_by_itself_is_not_said(engine, pull, said):
    assert [word for word in words(engine._replace(pull=pull)) if "--pull" in word] == said


def test_credentials_go_to_the_engine_alone():
    file = Path("/etc/forge/config.json")
    assert "--authfile=/etc/forge/config.json" in words(PODMAN._replace(auth_file=file))
    assert words(DOCKER._replace(auth_file=file))[:3] == ["docker", "--config=/etc/forge", "run"]


def test_what_a_job_writes_is_its_users():
    assert "--user=root" in words(PODMAN)
    assert f"--user={os.getuid()}" in words(DOCKER)


def test_a_container_is_ended_at_once():
    assert ending("name", PODMAN) == ["podman", "rm", "--force", "--time=0", "name"]
    assert ending("name", DOCKER) == ["docker", "rm", "--force", "name"]
