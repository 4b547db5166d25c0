# SPDX-License-Identifier: Apache-2.0
"""Processes that behave as those of Ansible do, or worse. Run as ``actors.py FOLDER ROLE...``.

Whoever has taken up its role writes its number into a file of the folder. It needs nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import sys
import time

FOLDER = pathlib.Path(sys.argv[1])


def stay(name: str) -> None:
    (FOLDER / f"{name}-{os.getpid()}").touch()
    while True:
        time.sleep(60)


def deaf() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def plain() -> None:
    stay("plain")


def worker() -> None:
    os.setsid()
    stay("worker")


def daemon() -> None:
    """Fork twice, as async_wrapper does, and let the one between them go."""
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        deaf()
        stay("daemon")
    os.wait()
    os._exit(0)


def ignorant() -> None:
    deaf()
    stay("ignorant")


def polite() -> None:
    """Say when SIGTERM came."""

    def go(*_: object) -> None:
        (FOLDER / "told").touch()
        os._exit(0)

    signal.signal(signal.SIGTERM, go)
    stay("polite")


def unmarked() -> None:
    """Have a child that nothing names, and that nobody else knows once this one has ended."""
    if not os.fork():
        os.setsid()
        os.execve(sys.executable, [sys.executable, "-S", __file__, str(FOLDER), "ignorant"], {})  # noqa: S606
    stay("unmarked")


def stubborn() -> None:
    """Start two others for each time that it is asked to end, up to a size."""

    def multiply(*_: object) -> None:
        if len(list(FOLDER.glob("child-*"))) > 20:
            return
        if not (os.fork() and os.fork()):
            os.setsid()
            stay("child")

    signal.signal(signal.SIGTERM, multiply)
    stay("stubborn")


def bomb() -> None:
    """Double again and again, up to a size."""
    deaf()
    for _ in range(6):
        time.sleep(0.1)
        os.fork()
    stay("bomb")


def runner() -> None:
    """Hop from one process to the next faster than they can be listed, for a while."""
    deaf()
    (FOLDER / "runner").touch()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if os.fork():
            os._exit(0)
    os._exit(0)


def zombie() -> None:
    os._exit(0)


def other_user() -> None:
    """Have a child that may do more than its parent, which becomes nobody."""
    if not os.fork():
        deaf()
        stay("powerful")
    (FOLDER / f"nobody-{os.getpid()}").touch()
    os.setuid(65534)
    time.sleep(600)


ROLES = {
    role.__name__: role
    for role in (plain, worker, daemon, ignorant, polite, unmarked, stubborn, bomb, runner, zombie, other_user)
}


def main() -> None:
    roles = sys.argv[2:]
    patience = "--wait" in roles
    if len(roles) == 1:
        ROLES[roles[0]]()
    for role in roles:
        if role in ROLES and not os.fork():
            ROLES[role]()
    # Only the number tells that all were started; each says itself when it is ready.
    (FOLDER / "root").touch()
    if not patience:
        deaf()
        time.sleep(600)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


if __name__ == "__main__":
    main()
