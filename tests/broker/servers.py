# SPDX-License-Identifier: Apache-2.0
"""A real redis-server of one's own, and dispatchers as processes of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import redis

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

PROGRAM = shutil.which("redis-server")


def until(condition: Callable[[], Any], within: float = 60.0) -> Any:
    end = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < end, "it has not come to that in time"
        time.sleep(0.05)
    return found


class Redis:
    """A server on a port of its own, which keeps nothing on disk."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert PROGRAM is not None
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.DEVNULL)
        until(self._answers, 10)

    def _answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError):
            return bool(self.call("ping"))
        return False

    def call(self, verb: str, *arguments: object) -> Any:
        with redis.Redis(port=self.port) as client:
            return client.execute_command(verb, *arguments)

    @property
    def waiting(self) -> int:
        return int(self.call("LLEN", "celery"))

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None


class Dispatchers:
    """Dispatchers of one home."""

    def __init__(self, cli: Any, logs: pathlib.Path) -> None:
        self._cli, self._logs = cli, logs
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        log = self._logs / f"dispatcher-{len(list(self._logs.glob('dispatcher-*')))}.log"
        with log.open("wb") as file:
            process: subprocess.Popen[bytes] = self._cli.start("dispatcher", "-v", *options, stdout=file, stderr=file)
        self.running.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.terminate()
        for process in self.running:
            process.wait(20)

    def said(self) -> str:
        return "".join(log.read_text() for log in sorted(self._logs.glob("dispatcher-*")))


@contextlib.contextmanager
def serving(folder: pathlib.Path) -> Iterator[Redis]:
    server = Redis(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
