# SPDX-License-Identifier: Apache-2.0
"""Servers that are told of jobs, and answer as a test wants it, late, or not at all."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HANG = 0


class Receiver(ThreadingHTTPServer):
    """Keep what comes; answer with each status in turn and then with 200, or with nothing at all."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.statuses: list[int] = []
        self.received: list[dict[str, Any]] = []
        self.seconds = 0.0
        """How long it takes to answer."""
        self.has_received = threading.Event()
        self.is_over = threading.Event()

    @property
    def url(self) -> str:
        return f"json://user:hunter2@127.0.0.1:{self.server_port}/token-abc?rto=20"

    def handle_error(self, *_: Any) -> None:
        """Say nothing: the other side was killed."""


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.server.received.append(told)
        self.server.has_received.set()
        if status == HANG:
            self.server.is_over.wait(60)
            return
        self.server.is_over.wait(self.server.seconds)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """Give a server that runs, on any port unless one is named."""
    with Receiver(port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.is_over.set()
            server.shutdown()
            thread.join()


@contextmanager
def peer(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Give the port of a server that does with each connection what it is told, and closes it then."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, talk), daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)  # which wakes whoever accepts
            thread.join()


def _serve(server: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):  # it was shut down
        while True:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                talk(connection)
