# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

WATCH = (
    "import os, smtplib, socket, ssl, subprocess\nfrom forge_events.notices.wire import Wire\nw = Wire()\nw.watch()\n"
)
PAIR = "a, b = socket.socketpair(); "
UDP = "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.connect(('127.0.0.1', 9)); "


def seen(code):
    """Return what a process notices of itself: whether it tried, whether it sent, and whether it surely did not."""
    words = f"{WATCH}{code}\nprint(w.has_tried, w.has_sent, w.is_surely_unsent)"
    done = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True)
    return [word == "True" for word in done.stdout.split()]


def test_nothing_is_no_try():
    assert seen("") == [False, False, False]


@pytest.mark.parametrize(
    "code", ["socket.getaddrinfo('127.0.0.1', 9)", "socket.socket().connect_ex(('127.0.0.1', 1))", f"{UDP}u.close()"]
)
def test_who_only_tries_has_sent_nothing(code):
    assert seen(code) == [True, False, True]


@pytest.mark.parametrize(
    "code",
    [
        f"{PAIR}a.send(b'x')",
        f"{PAIR}a.sendall(b'x')",
        f"{PAIR}a.sendmsg([b'x'])",
        f"{PAIR}a.makefile('wb', buffering=0).write(b'x')",
        f"{PAIR}f = a.makefile('w'); f.write('x'); f.flush()",
        f"{UDP}u.send(b'x')",
        f"{UDP}u.close(); u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.sendto(b'x', ('127.0.0.1', 9))",
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.posix_spawnp('true', ['true'], os.environ)",
    ],
)
def test_whatever_may_carry_a_message_away_is_noticed(code):
    assert seen(code)[1:] == [True, False]
