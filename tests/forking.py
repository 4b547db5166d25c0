# SPDX-License-Identifier: Apache-2.0
"""Run the command line in a process of its own that need not import it: a server has done so, and forks.

Half a second of imports for each of a thousand commands would be most of the time that the tests take. Nothing else
differs from a process that starts anew: environment, working directory, streams, signals and exit code are its own.
What Python reads when it starts is the server's, so a command with other ``PYTHON…`` variables or another locale is not
run here.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import os
import pathlib
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from typing import Any, NamedTuple, NoReturn

ROOT = pathlib.Path(__file__).parent.parent
_IMPORTED = ("cli", "dispatcher", "ingestion", "notices", "recording", "store")
_AT_START = ("PYTHON", "LC_", "LANG", "LD_")


class Ended(NamedTuple):
    """How a command ended, as :class:`subprocess.Popen` has it: its exit code, or a signal's number, negative."""

    returncode: int
    out: bytes
    err: bytes


class Server:
    """A process that has imported the command line and forks for each command."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.forking import serve; serve({other.fileno()})"
        )
        none = subprocess.DEVNULL
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, pass_fds=[other.fileno()], stdin=none, stdout=none
        )
        other.close()
        atexit.register(self.close)

    def run(self, arguments: list[str], environment: dict[str, str], cwd: str, seconds: float) -> Ended:
        """Run ``forge-events`` with nothing on stdin; return what it wrote when everybody has closed its streams."""
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        request = {"arguments": arguments, "environment": environment, "cwd": cwd}
        with os.fdopen(out, "rb") as out_file, os.fdopen(err, "rb") as err_file:
            try:
                socket.send_fds(self._socket, [json.dumps(request).encode()], [nothing, its_out, its_err])
            finally:
                for descriptor in (nothing, its_out, its_err):
                    os.close(descriptor)
            pid = int(self._socket.recv(100))
            late = threading.Timer(seconds, os.kill, (pid, signal.SIGKILL))
            late.start()
            try:
                written, complained = _Reader(out_file), _Reader(err_file)
                return Ended(int(self._socket.recv(100)), written.all(), complained.all())
            finally:
                late.cancel()

    def close(self) -> None:
        """End the server."""
        self._socket.close()
        self._process.wait()


class _Reader(threading.Thread):
    """Read a stream to its end beside others."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file, self._found = file, b""
        self.start()

    def run(self) -> None:
        self._found = self._file.read()

    def all(self) -> bytes:
        self.join()
        return self._found


def can_run(environment: dict[str, str]) -> bool:
    """Return whether a command of an environment would start as the server did."""
    return _read_at_start(environment) == _read_at_start(_base())


@functools.cache
def server() -> Server:
    """Return the server of this process, which ends with it."""
    return Server(_base())


def _base() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith((*_AT_START, "FORGE_EVENTS_"))}
    return {**kept, "LC_ALL": "C.UTF-8"}


def _read_at_start(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_AT_START)}


def serve(descriptor: int) -> None:
    """Fork for each request that comes, until nobody is left to ask."""
    for package in _IMPORTED:
        module = importlib.import_module(f"forge_events.{package}")
        for found in pkgutil.walk_packages(module.__path__, f"{module.__name__}."):
            if ".migrations." not in found.name:
                importlib.import_module(found.name)
    with socket.socket(fileno=descriptor) as channel:
        while True:
            message, descriptors, _, _ = socket.recv_fds(channel, 2**20, 3)
            if not message:
                return
            pid = os.fork()
            if pid == 0:
                channel.close()
                _become(json.loads(message), descriptors)
            for one in descriptors:
                os.close(one)
            channel.send(str(pid).encode())
            channel.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())


def _become(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Be the command, to the end of the process."""
    code = 70
    try:
        for target, one in enumerate(descriptors):
            os.dup2(one, target)
        os.closerange(3, 256)
        _open_streams()
        os.environ.clear()
        os.environ.update(request["environment"])
        time.tzset()
        os.chdir(request["cwd"])
        sys.argv = ["-c", *request["arguments"]]
        from forge_events.cli.main import main

        main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - what Python does at the end of a process
        traceback.print_exc()
        code = 1
    finally:
        _end(code)


def _open_streams() -> None:
    """Make Python's streams anew, for what they are now; the server's know that they are no pipes."""
    for target, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        new = open(  # noqa: SIM115 - open to the end
            target, old.mode, encoding=old.encoding, errors=old.errors, closefd=False
        )
        new.reconfigure(line_buffering=name == "stderr")
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def _end(code: int) -> NoReturn:
    """End as Python ends a process: threads, what was registered, streams."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120
    os._exit(code)
