# SPDX-License-Identifier: Apache-2.0
"""What a run asks is in its output; what is answered is nowhere."""

from __future__ import annotations

import time

import pytest

from tests.cli.conftest import CommandLine, shown

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
    assert [
        secret for secret in (b"typedsecret", b"typedtoken", b"inthedefault", b"typedpause") if secret in kept
    ] == []


def test_a_question_without_a_terminal_is_there_once(cli, tmp_path):
    asks = "import sys; sys.argv[0] = 'ansible-playbook'; import forge_events.terminal as t\n"
    code = asks + "t.Terminal.of_process(); input('Name? '); print([p.text for p in t.Terminal.of_process().kept])"
    import subprocess
    import sys

    found = subprocess.run([sys.executable, "-c", code], input="x\n", capture_output=True, text=True, check=True)
    assert found.stdout == "Name? ['Name? ']\n"
