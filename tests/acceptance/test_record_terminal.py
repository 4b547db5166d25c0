# SPDX-License-Identifier: Apache-2.0
"""Nobody stands between a recorded command and its terminal, and what it showed is recorded to the byte."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys

import pexpect
import psutil
import pytest

from tests.cli.conftest import CommandLine, shown

ANSIBLE = ("ansible-playbook", "-i", "h1,h2,", "-c", "local", "--forks", "1")
# With one fork, hosts report in one order.
COLOURFUL = """\
- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: "é \\u2028 \\e[35mmagenta\\e[0m"}
    - command: "true"
      loop: [1, 2]
    - copy: {content: "new\\n", dest: "{{ target }}/{{ inventory_hostname }}"}
      diff: true
      notify: restart
    - {fail: {msg: ignored}, ignore_errors: true}
    - {debug: {}, when: false}
    - {meta: flush_handlers}
    - {fail: {msg: at last}, when: inventory_hostname == "h2"}
  handlers:
    - {name: restart, debug: {}}
"""


@pytest.fixture
def cli(tmp_path):
    (tmp_path / "home").mkdir()
    return CommandLine(tmp_path / "home", settings={"FORGE_EVENTS_SAY_WHY": "false"})


def plain(cli, *command, cwd):
    """Run a command on a terminal without recording."""
    terminal = terminal_for(cli, *command, cwd=cwd)
    return shown(terminal), terminal.exitstatus


def terminal_for(cli, *command, cwd=None):
    return pexpect.spawn(command[0], list(command[1:]), env=cli.environment(), dimensions=(24, 80), timeout=60, cwd=cwd)


def recorded(cli, *command, cwd):
    terminal = cli.on_terminal("record", "--", *command, cwd=cwd)
    return shown(terminal), terminal.exitstatus


@pytest.mark.parametrize("verbosity", [[], pytest.param(["-v"], marks=pytest.mark.full), ["-vv"]])
def test_the_terminal_shows_the_same_bytes_and_all_of_them_are_recorded(cli, tmp_path, verbosity):
    (tmp_path / "site.yml").write_text(COLOURFUL)
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    outputs = []
    for run, folder in ((plain, "folder-1"), (recorded, "folder-2")):
        (tmp_path / folder).mkdir()
        command = [*ANSIBLE, "site.yml", *verbosity, "-e", f"target={tmp_path / folder}"]
        output, rc = run(cli, *command, cwd=str(tmp_path))
        outputs.append((without_the_passing(output, folder), rc))
    assert outputs[0] == outputs[1]
    assert outputs[1][1] == 2
    assert b"\x1b[0;3" in output
    assert (b"Using %s/ansible.cfg as config file" % bytes(tmp_path) in output) == bool(verbosity)
    kept = shown(cli.on_terminal("stdout", "latest", "--format", "ansi")).splitlines(keepends=True)
    printed = output.splitlines(keepends=True)
    assert len(kept) == len(printed)
    # Beside an error Ansible shows lines of source; those of tasks that nobody has heard of yet may hold secrets.
    changed = [(was, now) for was, now in zip(printed, kept, strict=True) if was != now]
    assert len(changed) <= 4
    assert all(is_hidden_source(was, now) for was, now in changed)


def test_why_a_playbook_failed_is_told_below_all_that_it_showed(cli, tmp_path):
    (tmp_path / "site.yml").write_text(
        "- {hosts: all, gather_facts: false, tasks: [{name: stop, fail: {msg: at last}}]}"
    )
    expected, rc = plain(cli, *ANSIBLE, "site.yml", cwd=str(tmp_path))
    cli.settings = {}
    output, recorded_rc = recorded(cli, *ANSIBLE, "site.yml", cwd=str(tmp_path))
    assert output.startswith(expected)
    assert rc == recorded_rc == 2
    headline, cause, more = output.removeprefix(expected).decode().splitlines()
    assert headline.startswith("forge-events: job 1 site.yml failed after ")
    assert headline.endswith(": 2 of 2 hosts, 1 cause")
    assert re.fullmatch(r"  stop \(site\.yml:\d\): h1, h2: at last", cause)
    assert more == "  in full: forge-events why 1"


def is_hidden_source(printed, kept):
    """Return whether a line of source is kept as its number alone."""
    number = re.match(rb"(?:\x1b\[[0-9;]*m)?( *\d+ )", printed)
    return number is not None and number[1] + b"*" * 8 in kept


def without_the_passing(output, folder):
    """Leave out what is another at each run: times, and names of temporary files."""
    text = output.replace(folder.encode(), b"FOLDER")
    for passing in (rb"\d\d:\d\d:\d\d\.\d+", rb"0:00:00\.\d+", rb"ansible-[\w./-]*tmp[\w./-]*", rb"\d{9,}[\d.-]*\w*"):
        text = re.sub(passing, b"X", text)
    return text.splitlines()


@pytest.mark.parametrize("text", ["- hosts: [", "- hosts: all\n  tasks: [{nonsense: 1}]\n", "- hosts: nobody\n"])
def test_what_is_printed_before_ansible_loads_callbacks_is_recorded(cli, tmp_path, text):
    (tmp_path / "site.yml").write_text(text)
    expected = plain(cli, *ANSIBLE, "site.yml", "-v", cwd=str(tmp_path))
    assert recorded(cli, *ANSIBLE, "site.yml", "-v", cwd=str(tmp_path)) == expected
    assert b"No config file found" in expected[0]
    assert shown(cli.on_terminal("stdout", "latest")) == expected[0]


def test_questions_reach_the_terminal_and_answers_the_command(cli, tmp_path):
    (tmp_path / "site.yml").write_text(
        "- hosts: localhost\n  gather_facts: false\n"
        "  vars_prompt: [{name: colour, prompt: Which colour, private: false}]\n"
        "  tasks: [debug: {var: colour}]\n"
    )
    terminal = cli.on_terminal("record", "--", *ANSIBLE, "site.yml", cwd=str(tmp_path))
    terminal.expect(b"Which colour")
    terminal.sendline("crimson")
    terminal.expect(b'"colour": "crimson"')
    shown(terminal)
    assert terminal.exitstatus == 0


def test_the_command_has_the_terminal_and_is_in_its_foreground(cli):
    look = "import os, sys; print([os.isatty(n) for n in (0, 1, 2)], os.tcgetpgrp(0) == os.getpgrp())"
    assert recorded(cli, sys.executable, "-c", look, cwd=None) == (b"[True, True, True] True\r\n", 0)


def test_files_that_the_shell_opened_for_the_command_are_open(cli):
    read, write = os.pipe()
    os.write(write, b"handed over")
    os.close(write)
    os.set_inheritable(read, True)  # noqa: FBT003 - its own way
    result = cli("record", "--", "cat", f"/dev/fd/{read}", close_fds=False)
    os.close(read)
    assert result.out == b"handed over"


@pytest.mark.parametrize(("number", "name"), [(1, "stdout"), (2, "stderr")])
def test_a_closed_stream_stays_closed_for_the_command(cli, number, name):
    look = f"import os, sys; os.write({3 - number}, str(sys.{name}).encode())"
    with cli.start("record", "--", sys.executable, "-c", look, preexec_fn=lambda: os.close(number)) as process:
        out, err = process.communicate(timeout=60)
    assert (out + err).startswith(b"None")


SLOW = """\
- hosts: localhost
  gather_facts: false
  tasks: [{debug: {}}, {shell: "echo > {{ reached }}; read _ < {{ released }}; true"}, {debug: {}}]
"""


class Slow:
    """A playbook that tells when it is in the middle of its second task, and stays there until it is released."""

    def __init__(self, folder):
        self._reached, self._released = folder / "reached", folder / "released"
        for path in (self._reached, self._released):
            path.unlink(missing_ok=True)
            os.mkfifo(path)
        (folder / "slow.yml").write_text(SLOW)
        variables = ["-e", f"reached={self._reached}", "-e", f"released={self._released}"]
        self.command = [*ANSIBLE, str(folder / "slow.yml"), *variables]
        self._file = os.open(self._reached, os.O_RDONLY | os.O_NONBLOCK)

    def wait(self):
        ready, _, _ = select.select([self._file], [], [], 60)
        assert ready, "the playbook does not reach its second task"

    def release(self):
        """Let it go on, or let what is left of it end; a second call does nothing."""
        if self._file < 0:
            return
        os.close(self._file)
        self._file = -1
        with contextlib.suppress(OSError):
            os.close(os.open(self._released, os.O_WRONLY | os.O_NONBLOCK))

    def reap(self):
        """Kill what a killed Ansible has left; its workers have sessions of their own."""
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self._reached) in word for word in process.info["cmdline"] or ()):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
                    process.wait(10)


@pytest.fixture
def slow(tmp_path):
    playbook = Slow(tmp_path)
    yield playbook
    playbook.release()
    playbook.reap()


def test_ctrl_c_reaches_the_command_and_the_job_is_told_as_interrupted(cli, tmp_path, slow):
    ends = []
    for start in (lambda *command: terminal_for(cli, *command), lambda *c: cli.on_terminal("record", "--", *c)):
        playbook = Slow(tmp_path)
        terminal = start(*playbook.command)
        playbook.wait()
        terminal.sendintr()
        output = shown(terminal)
        playbook.release()
        ends.append((terminal.exitstatus, b"User interrupted execution" in output))
    assert ends == [(99, True)] * 2
    job = cli.good("show", "latest", "--json").json
    assert (job["status"], job["rc"]) == ("error", 99)
    assert "interrupted" in job["job_explanation"]
    assert len(cli.good("events", "latest", "--event", "runner_on_ok", "--jsonl").lines) == 1
    # The ^C is the terminal's own.
    assert shown(cli.on_terminal("stdout", "latest")) == output.replace(b"^C", b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_recorder_is_handed_on(cli, slow, number):
    with cli.start("record", "--", *slow.command) as process:
        slow.wait()
        process.send_signal(number)
        slow.release()
        process.communicate(timeout=60)
    job = cli.good("show", "latest", "--json").json
    assert process.returncode == 128 + number
    assert (job["status"], job["rc"]) == ("error", 128 + number)
    assert number.name in job["job_explanation"]


def test_a_command_that_is_killed_ends_as_in_a_shell(cli, slow):
    with cli.start("record", "--", *slow.command, stdout=subprocess.DEVNULL) as process:
        slow.wait()
        (ansible,) = psutil.Process(process.pid).children()
        ansible.kill()
        process.wait(60)
        slow.release()
    job = cli.good("show", "latest", "--json").json
    assert (process.returncode, job["status"], job["rc"]) == (137, "error", 137)
    assert "SIGKILL" in job["job_explanation"]
    assert len(cli.good("events", "latest", "--event", "runner_on_ok", "--jsonl").lines) == 1


def test_where_the_recorder_is_killed_the_command_goes_on_and_is_a_job(cli, slow):
    with cli.start("record", "--", *slow.command) as process:
        slow.wait()
        process.kill()
        process.wait(60)
        assert cli.good("show", "latest", "--json").json["status"] == "running"
        slow.release()
        assert b"PLAY RECAP" in process.stdout.read()
    job = cli.good("show", "latest", "--json").json
    assert (job["status"], job["rc"]) == ("successful", None)


def test_another_terminal_can_watch_it_to_its_end(cli, slow):
    terminal = cli.on_terminal("record", "--", *slow.command)
    slow.wait()
    watching = cli.on_terminal("stdout", "latest", "--follow", preexec_fn=lambda: os.dup2(os.open(os.devnull, 1), 2))
    watching.expect(rb"TASK \[shell\]")
    assert cli.good("show", "latest", "--json").json["status"] == "running"
    seen = watching.before + watching.after
    slow.release()
    assert seen + shown(watching) == shown(terminal)
    assert watching.exitstatus == 0
    assert cli.good("show", "latest", "--json").json["status"] == "successful"


def test_signals_are_for_the_command_as_they_would_be_without_recording(cli):
    look = "import signal; print([signal.getsignal(n) for n in (1, 2, 3, 13, 15)])"
    bare = subprocess.run([sys.executable, "-c", look], capture_output=True, check=True, env=cli.environment())
    assert cli("record", "--", sys.executable, "-c", look).out == bare.stdout


def test_what_nohup_ignores_stays_ignored(cli):
    look = "import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    assert cli("record", "--", sys.executable, "-c", look, **ignore).out == b"True\n"
