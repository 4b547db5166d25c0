# SPDX-License-Identifier: Apache-2.0
"""What a run asks is in its output; what is answered is nowhere."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.cli.conftest import ROOT, CommandLine, shown

PLAYBOOK = """\
- hosts: all
  gather_facts: false
  vars_prompt:
    - {name: release, prompt: Which release, default: '1.0', private: false}
    - {name: token, prompt: Which token, default: inthedefault, private: true}
  tasks:
    - pause: {prompt: Go on}
    - fail: {msg: no}
      debugger: on_failed
"""
COMMAND = ("record", "--", "ansible-playbook", "-k", "-K", "-i", "localhost,", "-c", "local", "site.yml")
ASKED = (
    (rb"SSH password: ", "typedsecret"),
    (rb"BECOME password\[defaults to SSH password\]: ", ""),
    (rb"Which release \[1\.0\]: ", "2.0"),
    (rb"Which token \[inthedefault\]: ", "typedtoken"),
    (rb"Go on:", "typedpause"),
    (rb"\(debug\)> ", "quit"),
)


@pytest.fixture
def cli(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "site.yml").write_text(PLAYBOOK)
    return CommandLine(tmp_path / "home")


@pytest.fixture
def asked(cli, tmp_path):
    """Return the command line after a run whose questions were answered."""
    terminal = cli.on_terminal(*COMMAND, cwd=str(tmp_path), env={"ANSIBLE_NOCOLOR": "1"})
    for question, answer in ASKED:
        terminal.expect(question)
        time.sleep(0.3)  # what is typed before the terminal is set up is thrown away
        terminal.sendline(answer)
    shown(terminal)
    return cli


def test_each_question_is_in_the_output_and_no_answer(asked):
    lines = asked.good("stdout", "latest").lines
    assert lines[:4] == [
        "SSH password: ",
        "BECOME password[defaults to SSH password]: ",
        "Which release [1.0]: ",
        "Which token [********]: ",
    ]
    assert "Go on:" in lines
    assert any(line.endswith("(debug)> ") for line in lines)
    kept = b"".join(path.read_bytes() for path in asked.home.rglob("*") if path.is_file())
    assert [secret for secret in (b"typedsecret", b"typedtoken", b"inthedefault") if secret in kept] == []


ASKS = """\
import sys
from forge_events.terminal import Terminal

terminal = Terminal.of_process()
input("Name? ")
print([piece.text for piece in terminal.kept])
"""


def test_a_question_in_a_pipe_is_there_once():
    ran = subprocess.run(
        [sys.executable, "-c", ASKS], input="x\n", capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ran.stdout == "Name? ['Name? ']\n"
