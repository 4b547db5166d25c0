# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import socket
import sys

import pytest

from forge_events.dispatcher.messages import Message
from forge_events.dispatcher.sending import Outcome, send
from tests.dispatcher.receiving import HANG, receiver

MESSAGE = Message("Job 7 failed: <deploy>", "Status: failed\nExplanation: a < b & \\n, ü")


@pytest.fixture
def other_side():
    with receiver() as made:
        yield made


def test_a_message_arrives_as_it_is(other_side):
    assert send(other_side.url, MESSAGE, "failure") == Outcome()
    (told,) = other_side.received
    assert (told["title"], told["message"], told["type"]) == (*MESSAGE, "failure")


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_server_that_refuses_is_named_by_its_status(other_side, status):
    other_side.statuses = [status]
    assert send(other_side.url, MESSAGE, "started") == Outcome(
        f"the other side answered with error {status}", may_pass=True
    )


def test_a_server_that_never_answers_is_left_at_the_limit_and_not_asked_again(other_side):
    other_side.statuses = [HANG]
    outcome = send(other_side.url, MESSAGE, "started", limit=3)
    assert outcome == Outcome("it took longer than 3 s; whether it was sent is not known")
    assert len(other_side.received) == 1


def test_nobody_listening_may_pass():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outcome = send(f"json://u:hunter2@127.0.0.1:{taken.getsockname()[1]}", MESSAGE, "success")
    assert outcome == Outcome("the other side cannot be reached, or does not answer", may_pass=True)


@pytest.mark.parametrize("url", ["pigeon://hunter2/roof", "hunter2", "json://", "slack://hunter2", "://", "file:///x"])
def test_an_address_that_apprise_does_not_know_is_given_up_without_its_secrets(url, capfd):
    outcome = send(url, MESSAGE, "success")
    assert outcome.error.startswith("Apprise cannot use the address ")
    assert not outcome.may_pass
    assert "hunter2" not in outcome.error
    assert capfd.readouterr() == ("", "")


def test_one_address_is_one_address(other_side):
    send(f"{other_side.url}, json://127.0.0.1:{other_side.server_port}", MESSAGE, "success")
    assert len(other_side.received) <= 1


def test_no_secret_is_logged(other_side, capfd, caplog):
    caplog.set_level(1)
    other_side.statuses = [500]
    send(other_side.url, MESSAGE, "success")
    send(f"{other_side.url}&method=odd", MESSAGE, "success")
    seen = "".join((*capfd.readouterr(), caplog.text))
    assert "hunter2" not in seen and "token-abc" not in seen


def test_without_apprise_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    (tmp_path / "apprise.py").write_text("raise ImportError('not here')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    wanted = "Apprise is not installed; pip install 'forge-events[notifications]' brings it"
    assert send("json://host", MESSAGE, "success") == Outcome(wanted)


def test_a_process_that_dies_may_have_sent_it(tmp_path, monkeypatch):
    (tmp_path / "apprise.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    outcome = send("json://host", MESSAGE, "success")
    assert outcome == Outcome("the process that sends it died; whether it was sent is not known")


def test_a_process_that_cannot_be_started_has_sent_nothing(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    outcome = send("json://host", MESSAGE, "success")
    assert outcome == Outcome("no process could be started to send it: No such file or directory", may_pass=True)
