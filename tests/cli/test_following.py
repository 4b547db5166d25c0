# SPDX-License-Identifier: Apache-2.0
"""``--follow``: a job is shown while it runs."""

from __future__ import annotations

import datetime
import os
import select
import time

import pexpect
import pytest

from tests.cli.conftest import shown
from tests.cli.story import Story


@pytest.fixture
def running(cli):
    """Return a job that has told its first lines and is being written by this process."""
    story = Story("long", datetime.datetime.now(datetime.UTC))
    story.play("install")
    story.begin_spool(cli.spool)
    return story


def read_until(stream, wanted, seconds=30):
    """Read a pipe until it has given some bytes; fail when they do not come."""
    seen, deadline = b"", time.monotonic() + seconds
    while wanted not in seen:
        ready, _, _ = select.select([stream], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"{wanted!r} did not come; what came is {seen!r}"
        data = os.read(stream.fileno(), 65536)
        assert data, f"the command ended without {wanted!r}; what came is {seen!r}"
        seen += data
    return seen


def test_stdout_comes_piece_by_piece_until_the_job_ends(cli, running):
    with cli.start("stdout", "latest", "--follow") as process:
        seen = read_until(process.stdout, b"PLAY [install]\n")
        running.message("verbose", "\x1b[32mgreen\x1b[0m \udcff no newline")
        seen += read_until(process.stdout, b"no newline")
        task = running.task("check_ram")
        seen += read_until(process.stdout, b"TASK [check_ram]\n")
        running.results(task, a="ok")
        running.end_spool(rc=0)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert seen + out == "".join(event.stdout for event in running.events).encode("utf-8", "surrogateescape")
    assert cli.good("stdout", "latest").out == seen + out


def test_stdout_follows_as_text_and_by_lines_too(cli, running):
    with cli.start("stdout", "latest", "--follow", "--format", "text", "--start", "1", "--end", "3") as process:
        running.message("verbose", "\x1b[32mtwo\x1b[0m\nthree\nfour\n")
        read_until(process.stdout, b"two\nthree\n")
        running.end_spool(rc=0)
        out, _ = process.communicate(timeout=30)
    assert out == b""


def test_a_tree_in_a_pipe_waits_for_the_end_and_is_whole(cli, running):
    with cli.start("tree", "latest", "--follow") as process:
        running.results(running.task("t"), b="ok", a="ok")
        running.end_spool(rc=0)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert out == cli.good("tree", "latest").out
    assert b"runner_on_ok_a\n            `-- runner_on_ok_b" in out


def test_a_job_that_has_ended_is_followed_to_its_end_at_once(cli):
    story = Story()
    story.message("verbose", "all\n")
    story.spool_to(cli.spool, rc=0)
    assert cli.good("stdout", "1", "--follow").out == b"all\n"
    assert cli.good("tree", "1", "--follow").text == "`-- playbook_on_start\n"


def test_a_job_whose_process_dies_is_followed_no_longer(cli):
    story = Story("dies", datetime.datetime.now(datetime.UTC))
    with cli.start("--help") as process:
        story.begin_spool(cli.spool, pid=process.pid)
        story.message("verbose", "last words\n")
        process.communicate()
    assert cli.good("stdout", "latest", "--follow").out == b"last words\n"
    assert cli.good("show", "latest", "--json").json["status"] == "error"


def test_the_progress_line_tells_hosts_tasks_and_failures_and_goes_away(cli, running):
    terminal = cli.on_terminal("stdout", "latest", "--follow")
    task = running.task("check_ram")
    for host in ("a", "b", "c"):
        running.begin(host, task)
    terminal.expect(r"play install · check_ram 0/3 hosts · 0 failures".encode())
    running.report("runner_on_failed", "a", task, res={})
    terminal.expect(r"check_ram 1/3 hosts · 1 failure".encode())
    running.end_spool(rc=2)
    rest = shown(terminal)
    assert rest.endswith(b"\r\x1b[K")
    assert terminal.exitstatus == 0


def test_the_progress_line_leaves_an_unfinished_line_alone(cli, running):
    task = running.task("t")
    running.message("verbose", "Continue? ")
    terminal = cli.on_terminal("stdout", "latest", "--follow")
    terminal.expect(rb"Continue\? ")
    running.begin("a", task)
    terminal.expect(pexpect.TIMEOUT, timeout=1.5)
    assert terminal.before == b""
    running.message("verbose", "yes\n")
    terminal.expect(rb"yes\r\n.*t 0/1 hosts")
    running.end_spool()
    shown(terminal)


def test_a_tree_grows_on_a_terminal_and_is_whole_in_the_end(cli, running):
    terminal = cli.on_terminal("tree", "latest", "--follow", env={"NO_COLOR": "1"})
    terminal.expect(rb"`-- playbook_on_play_start-install")
    task = running.task("check_ram")
    running.results(task, a="ok")
    terminal.expect(rb"runner_on_ok_a")
    terminal.expect(rb"play install")
    running.end_spool(rc=0)
    rest = shown(terminal)
    assert b"\x1b[J" not in rest  # tmux keeps each screen that is cleared
    assert rest.replace(b"\r\n", b"\n").endswith(cli.good("tree", "latest").out)


def test_no_line_of_a_growing_tree_is_folded(cli, running):
    for number in range(40):
        running.results(running.task(f"{number} " + "long " * 40), a="ok")
    terminal = cli.on_terminal("tree", "latest", "--follow", env={"NO_COLOR": "1"})
    terminal.expect(rb"0 failures")
    frame = terminal.before.decode()
    running.end_spool(rc=0)
    shown(terminal)
    lines = frame.replace("\x1b[K", "").split("\r\n")
    assert len(lines) <= 23
    assert max(len(line.rsplit("\r", 1)[-1]) for line in lines) <= 79


def test_only_what_changes_is_drawn_again(cli, running):
    for number in range(40):
        running.results(running.task(f"t{number}"), a="ok")
    terminal = cli.on_terminal("tree", "latest", "--follow", env={"NO_COLOR": "1"})
    terminal.expect(rb"0 failures")
    terminal.expect(rb"running \d+ s")
    terminal.expect(rb"running \d+ s")
    assert b"runner_on_ok" not in terminal.before
    running.end_spool(rc=0)
    shown(terminal)


def test_what_was_seen_last_stays_when_it_is_interrupted(cli, running):
    running.results(running.task("t"), a="ok")
    terminal = cli.on_terminal("tree", "latest", "--follow", env={"NO_COLOR": "1"})
    terminal.expect(rb"0 failures")
    terminal.sendintr()
    rest = shown(terminal)
    assert b"\x1b[K\n" not in rest and b"A" not in rest.replace(b"^C", b"")
    assert terminal.exitstatus == 130
    running.end_spool(rc=0)
