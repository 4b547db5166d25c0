# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools
import os
import socket
import struct
import sys

import pytest

from forge_events.notices.messages import Message
from forge_events.notices.sending import Outcome, send, troubles
from tests.notices.receiving import HANG, peer, receiver

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
    # It has the message, whatever it made of it.
    assert send(other_side.url, MESSAGE, "started") == Outcome(f"the other side answered with error {status}")
    assert len(other_side.received) == 1


def test_a_server_that_never_answers_is_left_at_the_limit_and_not_asked_again(other_side):
    other_side.statuses = [HANG]
    outcome = send(other_side.url, MESSAGE, "started", limit=3)
    assert outcome == Outcome("it took longer than 3 s; whether it was received is not known")
    assert len(other_side.received) == 1


UNKNOWN = "the other side gave no answer; whether it was received is not known"


def test_a_late_answer_is_an_answer(other_side):
    other_side.seconds = 6  # longer than Apprise would wait by itself
    url = other_side.url.partition("?")[0]
    assert send(url, MESSAGE, "success") == Outcome()
    assert len(other_side.received) == 1


@pytest.mark.parametrize("more", ["rto=1", "rto=1&retry=3&wait=0", "rto=1&retry=3&wait=0&optional=yes"])
def test_what_was_taken_and_not_answered_in_time_is_not_sent_again(other_side, more):
    other_side.statuses = [HANG] * 9
    url = f"{other_side.url.partition('?')[0]}?{more}"
    assert send(url, MESSAGE, "success") == Outcome(UNKNOWN)
    assert len(other_side.received) == 1


@pytest.mark.parametrize("more", ["", "?retry=3&wait=0", "?optional=yes"])
def test_what_is_refused_is_a_failure_and_not_sent_again(other_side, more):
    other_side.statuses = [500] * 9
    url = f"{other_side.url.partition('?')[0]}{more}"
    assert send(url, MESSAGE, "success") == Outcome("the other side answered with error 500")
    assert len(other_side.received) == 1


def read_some(connection):
    connection.recv(1)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def read_and_reset(connection):
    connection.recv(65536)
    reset(connection)


def talk_nonsense(connection):
    connection.recv(65536)
    connection.sendall(b"\0" * 100)


def answer_half(connection):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")


@pytest.mark.parametrize("talk", [read_some, reset, read_and_reset, talk_nonsense])
def test_whatever_becomes_of_a_connection_that_stood_it_is_not_used_again(talk):
    with peer(talk) as port:
        assert send(f"json://127.0.0.1:{port}", MESSAGE, "success") == Outcome(UNKNOWN)


def test_half_an_answer_is_no_reason_to_send_again():
    with peer(answer_half) as port:
        assert not send(f"json://127.0.0.1:{port}", MESSAGE, "success").may_pass


@pytest.mark.parametrize("url", ["json://nobody.invalid", "mailto://u:hunter2@nobody.invalid?to=a@example.org"])
def test_a_name_that_is_not_known_may_pass(url):
    assert send(url, MESSAGE, "success") == Outcome("the other side cannot be reached, or took nothing", may_pass=True)


def test_who_speaks_no_tls_has_received_nothing():
    with peer(read_some) as port:
        outcome = send(f"jsons://127.0.0.1:{port}", MESSAGE, "success")
    assert outcome == Outcome("the other side cannot be reached, or took nothing", may_pass=True)


def mail_server(connection, *, recipient=b"250 ok", received=None):
    """Take a mail as SMTP has it; the message itself is not answered."""
    connection.sendall(b"220 here\r\n")
    for line in connection.makefile("rb"):
        verb = line[:4].upper()
        if received is not None and line == b".\r\n":
            received.append(line)
            return
        if verb == b"DATA":
            connection.sendall(b"354 go on\r\n")
            received = [] if received is None else received
        elif verb in (b"EHLO", b"HELO", b"MAIL", b"RSET"):
            connection.sendall(b"250 ok\r\n")
        elif verb == b"RCPT":
            connection.sendall(recipient + b"\r\n")
        elif verb == b"QUIT":
            connection.sendall(b"221 bye\r\n")


def test_a_mail_server_that_takes_no_mail_now_may_pass():
    talk = functools.partial(mail_server, recipient=b"451 come again later")
    with peer(talk) as port:
        outcome = send(
            f"mailto://127.0.0.1:{port}?to=a@example.org&from=b@example.org&mode=insecure", MESSAGE, "success"
        )
    assert outcome == Outcome("the other side cannot be reached, or took nothing", may_pass=True)


def test_a_mail_that_was_handed_over_and_not_answered_for_is_not_sent_again():
    received: list[bytes] = []
    with peer(functools.partial(mail_server, received=received)) as port:
        outcome = send(
            f"mailto://127.0.0.1:{port}?to=a@example.org&from=b@example.org&mode=insecure", MESSAGE, "success"
        )
    assert (outcome, len(received)) == (Outcome(UNKNOWN), 1)


def test_addresses_are_tried_without_sending_anything(other_side):
    nobody = "nosuch://u:hunter2@h"
    assert troubles([other_side.url, nobody, "slack://hunter2", "json://h"]) == [
        "Apprise cannot use the address nosuch://…",
        "Apprise cannot use the address slack://…",
    ]
    assert other_side.received == []


def test_nobody_listening_may_pass():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outcome = send(f"json://u:hunter2@127.0.0.1:{taken.getsockname()[1]}", MESSAGE, "success")
    assert outcome == Outcome("the other side cannot be reached, or took nothing", may_pass=True)


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
    assert troubles(["json://host"]) == [wanted]


def test_a_process_that_dies_may_have_sent_it(tmp_path, monkeypatch):
    (tmp_path / "apprise.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    outcome = send("json://host", MESSAGE, "success")
    assert outcome == Outcome("the process that sends it died; whether it was received is not known")


def test_a_process_that_cannot_be_started_has_sent_nothing(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    outcome = send("json://host", MESSAGE, "success")
    assert outcome == Outcome("no process could be started to send it: No such file or directory", may_pass=True)
