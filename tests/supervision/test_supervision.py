# SPDX-License-Identifier: Apache-2.0
"""The programs of a server run under a real supervisord, and what is written for others can be read by them."""

from __future__ import annotations

import configparser
import contextlib
import shutil
import socket
import subprocess
import sys
import time

import pytest
import yaml

from forge_events.store import open_store
from forge_events.supervision.programs import Wanted, programs
from forge_events.supervision.supervisord import configuration
from tests.cli.conftest import ROOT, cli
from tests.conftest import BIN

__all__ = ["cli"]

SHARED = "secret-that-both-sides-know-4711-0815"
AWKWARD = {"FORGE_EVENTS_NODE": 'a "b" %s', "FORGE_EVENTS_HOME": "/srv/it's", "FORGE_EVENTS_WORK_DIR": "'\""}
PLAY = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.wait_for: {path: "{{ playbook_dir }}/go", timeout: 100, sleep: 1}
"""


def until(condition, within=60.0):
    end = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < end, "it has not come to that in time"
        time.sleep(0.1)
    return found


class Supervised:
    """A supervisord with a configuration of ours."""

    def __init__(self, cli, folder):
        self.cli, self.file = cli, folder / "supervisord.conf"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        # A socket's path may be no longer than 107 bytes.
        options = ["--logs", str(folder), "--socket", f"{folder}/s", "--port", port]
        self.file.write_text(cli.good("supervisord", *options).text)

    @contextlib.contextmanager
    def running(self):
        command = [str(BIN / "supervisord"), "--nodaemon", "--configuration", str(self.file)]
        environment = self.cli.environment(FORGE_EVENTS_DATABASE_URL=f"sqlite:///{self.cli.home}/events.db")
        with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            try:
                yield
            finally:
                process.terminate()

    def ctl(self, *words):
        command = [str(BIN / "supervisorctl"), "-c", str(self.file), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=self.cli.environment())

    def states(self):
        return {line.split()[0]: line.split()[1] for line in self.ctl("status").stdout.splitlines() if line.split()[1:]}


def test_the_programs_run_and_a_dispatcher_adopts_what_the_one_before_began(cli, tmp_path):
    cli.settings.update(FORGE_BROADCAST_WEBSOCKET_SECRET=SHARED, FORGE_EVENTS_HEARTBEAT="1")
    cli.settings["FORGE_EVENTS_DATABASE_URL"] = f"sqlite:///{cli.home}/events.db"
    cli.good("jobs")
    (cli.home / "site.yml").write_text(PLAY)
    supervised = Supervised(cli, tmp_path)
    assert SHARED not in supervised.file.read_text()
    expected = dict.fromkeys(["dispatcher", "callback_receiver", "wsrelay", "web"], "RUNNING")
    if shutil.which("receptor"):
        expected["receptor"] = "RUNNING"
    with supervised.running():
        until(lambda: supervised.states() == expected)
        assert supervised.ctl("status").returncode == 0
        with open_store(cli.settings["FORGE_EVENTS_DATABASE_URL"]) as store:
            until(lambda: {one.role for one in store.processes.all()} == {"dispatcher", "receiver", "web", "relay"})
            assert cli("doctor").rc == 0
            cli.good("launch", "site.yml", cwd=cli.home)
            until(lambda: store.job("1").status == "running")
            runner = store.job("1").runner_pid
            assert supervised.ctl("restart", "dispatcher").returncode == 0
            (cli.home / "go").touch()
            until(lambda: store.job("1").status.is_final)
            assert (store.job("1").status, store.job("1").runner_pid) == ("successful", runner)
            supervised.ctl("signal", "KILL", "callback_receiver")
            until(lambda: supervised.states() == expected)


def test_variables_of_any_kind_reach_the_programs_and_secrets_do_not_reach_the_file():
    secret = {"FORGE_EVENTS_DATABASE_URL": "postgresql://me:geheim@db/x"}
    wanted = Wanted(names=["dispatcher", "wsrelay"])
    text = configuration(programs(wanted, secret), wanted, {**AWKWARD, **secret})
    assert "geheim" not in text
    assert "; FORGE_EVENTS_WORK_DIR cannot be written here" in text
    assert "; wsrelay is left out: FORGE_BROADCAST_WEBSOCKET_SECRET is not set" in text
    read = configparser.RawConfigParser(comment_prefixes=(";",), delimiters=("=",))
    read.read_string(text)
    assert [name for name in read.sections() if name.startswith("program:")] == ["program:dispatcher"]
    from supervisor.datatypes import dict_of_key_value_pairs  # as supervisord reads it

    found = dict_of_key_value_pairs(read["supervisord"]["environment"].replace("%%", "%"))
    assert found["FORGE_EVENTS_NODE"] == AWKWARD["FORGE_EVENTS_NODE"]
    assert found["FORGE_EVENTS_HOME"] == AWKWARD["FORGE_EVENTS_HOME"]
    assert found["FORGE_EVENTS_DATABASE_URL"] == "%(ENV_FORGE_EVENTS_DATABASE_URL)s"


def test_units_of_systemd_let_playbooks_live(cli):
    cli.settings["FORGE_EVENTS_NODE"] = 'a "b" 100%'
    text = cli.good("supervisord", "--systemd", "--programs", "dispatcher").text
    read = configparser.RawConfigParser(strict=False, delimiters=("=",))
    read.optionxform = str  # type: ignore[assignment, method-assign]
    read.read_string(text)
    service = read["Service"]
    assert service["KillMode"] == "process"
    assert service["ExecStart"] == f'"{sys.executable}" "-m" "forge_events" "dispatcher"'
    assert 'Environment="FORGE_EVENTS_NODE=a \\"b\\" 100%%"' in text
    if shutil.which("systemd-analyze"):
        unit = cli.home / "forge-events-dispatcher.service"
        unit.write_text(text)
        subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], check=True)


def test_the_compose_file_is_the_one_of_this_repository(cli):
    text = cli.good("supervisord", "--compose").text
    assert (ROOT / "compose.yaml").read_text().partition("\n")[2] == text
    services = yaml.safe_load(text)["services"]
    assert list(services) == ["postgres", "redis", "forge-task", "forge-web"]
    assert services["forge-task"]["environment"]["FORGE_EVENTS_BROKER_URL"] == "redis://redis:6379/0"
    copied = [line for line in (ROOT / "Containerfile").read_text().splitlines() if line.startswith("COPY")]
    assert copied == ["COPY . /src", "COPY tools/supervised /usr/local/bin/supervised"]


@pytest.mark.parametrize("words", [("--programs", "daphne"), ("--programs", ""), ("--logs", "a\nb"), ("--port", "0")])
def test_what_cannot_be_is_refused(cli, words):
    assert cli("supervisord", *words).rc == 2
