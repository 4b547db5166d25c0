# SPDX-License-Identifier: Apache-2.0
"""The table of programs: what runs on a server, by which command, and what it needs."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["NAMES", "SECRET", "Program", "Wanted", "programs"]

NAMES = ("dispatcher", "callback_receiver", "wsrelay", "receptor", "web")
"""The programs, in the order in which they are started; the first four are those of AWX's task container."""

SECRET = ("FORGE_EVENTS_DATABASE_URL", "FORGE_EVENTS_BROKER_URL", "FORGE_BROADCAST_WEBSOCKET_SECRET")
"""The variables that may hold a password, and are never written into a file."""

_SHARED = "FORGE_BROADCAST_WEBSOCKET_SECRET"
_RECEPTOR = "/etc/receptor/receptor.conf"


class Wanted(NamedTuple):
    """What is wanted of the programs.

    :param names: which of them.
    :param web: where the API is served, by its host and port.
    :param relayed: the URLs of the web machines that are to be woken.
    :param logs: the folder of the logs, and ``socket`` where supervisorctl finds supervisord.
    """

    names: Collection[str] = NAMES
    web: tuple[str, int] = ("127.0.0.1", 8052)
    relayed: Sequence[str] = ()
    logs: str = "/var/log/supervisor"
    socket: str = "/var/run/supervisor.sock"


class Program(NamedTuple):
    """A program.

    :param command: its words.
    :param about: what it does, in a few words.
    :param absent: why it cannot run here; empty if it can.
    """

    name: str
    command: Sequence[str]
    about: str
    absent: str = ""


def programs(wanted: Wanted, environment: Mapping[str, str]) -> list[Program]:
    """Return the programs that are wanted, also those that cannot run here.

    :param environment: the variables that are set for them.
    """
    own = [sys.executable, "-m", "forge_events"]
    host, port = wanted.web
    relayed = wanted.relayed or [f"http://{host}:{port}"]
    receptor = shutil.which("receptor")
    found = [
        Program("dispatcher", [*own, "dispatcher"], "decides which job runs where, and runs those of this node"),
        Program("callback_receiver", [*own, "receiver"], "brings what Ansible spools into the database"),
        Program("wsrelay", [*own, "wsrelay", *relayed], "wakes the machines that serve pages", _unshared(environment)),
        Program(
            "receptor",
            [receptor or "receptor", "--config", _RECEPTOR],
            "reaches machines that share no network",
            "" if receptor else "there is no program receptor on this machine",
        ),
        Program("web", [*own, "serve", "--api-only", "--host", host, "--port", str(port)], "serves the API and a page"),
    ]
    return [program for program in found if program.name in wanted.names]


def _unshared(environment: Mapping[str, str]) -> str:
    return "" if environment.get(_SHARED) else f"{_SHARED} is not set"
