# SPDX-License-Identifier: Apache-2.0
"""Each way by which a secret could get into a record, with several versions of ansible-core: none is found there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pexpect
import pytest

from tests.conftest import BIN
from tests.secrets.conftest import PLAYBOOKS

MARKS = set(re.findall(r"HUSH-[\w-]+", (PLAYBOOKS / "ways.yml").read_text(encoding="utf-8")))
SECRET = ("-e", "db_password=HUSH-told-extra")

COMMANDS = {
    "clustered": ("ansible-playbook", "-i", "hosts", "nothing.yml", "-vve", "pw=HUSH-clustered"),
    "attached": ("ansible-playbook", "-i", "hosts", "nothing.yml", "-Cepw=HUSH-attached"),
    "abbreviated": ("ansible-playbook", "-i", "hosts", "nothing.yml", "--extra-v", "x=HUSH-abbreviated"),
    "echoed": (
        "ansible-playbook",
        "-i",
        "hosts",
        "typed.yml",
        "-vvvv",
        "-e",
        "x=HUSH-echoed asked=HUSH-asked",
        "-l",
        "lost",
    ),
    "json": ("ansible-playbook", "-i", "hosts", "nothing.yml", "-De", '{"x": "HUSH-json"}'),
    "broken": ("ansible-playbook", "-i", "hosts", "nothing.yml", "-e", '{"x": "HUSH-broken"'),
    "usage": ("ansible-playbook", "-i", "hosts", "nothing.yml", "--extra-vara", "pw=HUSH-usage"),
    "inventory": ("ansible-playbook", "-i", "h1 ansible_password=HUSH-inventory,", "-vvvv", "nothing.yml"),
    "ssh": (
        "ansible-playbook",
        "-i",
        "hosts",
        "nothing.yml",
        "--ssh-common-args",
        "-o ProxyCommand='sshpass -p HUSH-ssh x'",
    ),
    "environment": ("env", "DB_PASSWORD=HUSH-environment", "ansible-playbook", "-i", "hosts", "nothing.yml"),
    "shell": ("sh", "-c", "ansible-playbook -e pw=HUSH-shell --nosuch"),
    "pull": ("ansible-pull", "-U", "https://u:HUSH-url@127.0.0.1:1/x.git", "-d", "{target}", "-e", "pw=HUSH-pull"),
    "adhoc": ("ansible", "h1", "-i", "hosts", "-m", "uri", "-a", "url=http://127.0.0.1:1 url_password=HUSH-adhoc"),
    "adhoc json": (
        "ansible",
        "h1",
        "-i",
        "hosts",
        "-m",
        "uri",
        "-a",
        '{"url": "http://127.0.0.1:1", "url_password": "HUSH-j"}',
    ),
    "adhoc template": ("ansible", "h1", "-i", "hosts", "-m", "debug", "-a", "msg={{nowhere}}-x password=HUSH-template"),
    "adhoc bad": ("ansible", "h1", "-i", "hosts", "-m", "nosuch", "-vvvv", "-oa", "token=HUSH-bad"),
    "parse": ("ansible-playbook", "-i", "hosts", "{target}/broken.yml"),
}


def is_told_again(mark):
    """Return whether a mark is of a value that is told again; a page of SQLite may end in the middle of one."""
    return mark.startswith("HUSH-told") or "HUSH-told".startswith(mark)


def test_there_are_more_than_thirty_ways():
    assert len(MARKS) + len(COMMANDS) > 30


@pytest.mark.parametrize("more", [("-vvv",), ()], ids=["verbose", "quiet"])
def test_no_secret_of_a_playbook_is_recorded(place, more):
    command = ("ansible-playbook", "-i", "hosts", "ways.yml", "-e", f"target={place.target}", *SECRET, *more)
    done = place.forge_events("record", "--", *command)
    assert set(re.findall(r"HUSH-[\w-]+", done.stdout.decode())) & MARKS, "the terminal shows none"
    found = place.found()
    if "core2.21" in str(place.programs) or not more:
        # From 2.21 on a module says which arguments it hides only where the user wants to see all of them.
        found = [mark for mark in found if mark != "HUSH-told-argument"]
    assert found == []
    assert place.export().count(b'"event"') > 100


def test_no_secret_of_a_launched_playbook_is_recorded(place):
    # What is shown again later is known by the callback alone.
    extra = ("-e", f"target={place.target}", *SECRET, "-vvv")
    place.forge_events("run", "ways.yml", "-i", "hosts", *extra)
    assert [mark for mark in place.found() if not is_told_again(mark)] == []
    assert place.export().count(b'"event"') > 100


def test_no_secret_of_an_artifact_is_ingested(place, tmp_path):
    private = tmp_path / "private"
    program = (
        "import ansible_runner, sys, json; ansible_runner.run(private_data_dir=sys.argv[1], quiet=True, verbosity=3,"
        " **json.loads(sys.argv[2]))"
    )
    wanted = {
        "playbook": str(PLAYBOOKS / "ways.yml"),
        "inventory": str(PLAYBOOKS / "hosts"),
        "extravars": {"target": str(place.target)},
        "cmdline": "-e db_password=HUSH-told-extra",
    }
    private.mkdir()
    command = [sys.executable, "-c", program, str(private), json.dumps(wanted)]
    subprocess.run(command, env=place.environ, check=True, capture_output=True, timeout=280)
    assert place.forge_events("ingest", str(private)).returncode == 0
    assert [mark for mark in place.found() if not is_told_again(mark)] == []
    assert place.export().count(b'"event"') > 100


@pytest.mark.parametrize("way", COMMANDS)
def test_no_secret_of_a_command_line_is_recorded(place, way):
    # Of a playbook that cannot be loaded nobody knows what is secret; that it hides something, it says.
    broken = "- hosts: all\n  no_log: true\n  vars: {x: HUSH-parse}\n  tasks: [\n  - HUSH-parse: {\n"
    (place.target / "broken.yml").write_text(broken)
    command = [word.replace("{target}", str(place.target)) for word in COMMANDS[way]]
    if shutil.which(command[0], path=place.environ["PATH"]) is None:
        pytest.skip(f"there is no {command[0]}")
    place.forge_events("record", "--", *command)
    assert place.found() == []
    assert b'"event"' in place.export()


def test_what_is_typed_and_not_shown_is_not_recorded(place):
    command = ["record", "--", "ansible-playbook", "-i", "hosts", "typed.yml", "-v"]
    child = pexpect.spawn(str(BIN / "forge-events"), command, cwd=str(PLAYBOOKS), env=place.environ, timeout=120)
    child.expect("What")
    child.sendline("HUSH-asked")
    child.expect("hidden")
    time.sleep(1)  # the prompt is there before the terminal is ready, and throws away what is typed till then
    child.send("HUSH-typed\r")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0
    assert place.found() == []
    assert place.forge_events("show", "latest", "--json").stdout.count(b"successful")


def test_a_killed_recorder_leaves_no_secret_and_the_next_one_takes_its_folder_away(place):
    command = [str(BIN / "forge-events"), "record", "--", "ansible-playbook", "-i", "hosts", "-e", "pw=HUSH-killed"]
    waits = place.target / "waits.yml"
    waits.write_text("- hosts: h1\n  gather_facts: false\n  tasks: [{command: sleep 60}]\n")
    process = subprocess.Popen(
        [*command, str(waits)],
        cwd=PLAYBOOKS,
        env=place.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    folders = []
    for _ in range(600):
        folders = list(place.temporary.glob("forge-events-record-*/early"))
        if folders and list(place.home.rglob("*.jsonl")):
            break
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert folders
    assert place.found() == []
    place.forge_events("record", "--", "ansible-playbook", "--version")
    assert list(place.temporary.glob("forge-events-record-*")) == []
