# SPDX-License-Identifier: Apache-2.0
"""A configuration of supervisord."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from forge_events.supervision.programs import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from forge_events.supervision.programs import Program, Wanted

__all__ = ["configuration"]

_HEAD = """\
; Made by `forge-events supervisord`. Start it with `supervisord -c FILE`; `supervisorctl -c FILE status` shows it.

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{socket}

[supervisord]
logfile={logs}/supervisord.log
pidfile={logs}/supervisord.pid
"""

_PROGRAM = """
; {about}
[program:{name}]
command={command}
autorestart=true
startsecs=2
stopwaitsecs=20
; Playbooks go on when their dispatcher is stopped, and are adopted by the next one.
stopasgroup=false
killasgroup=false
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=5
"""


def configuration(programs: Iterable[Program], wanted: Wanted, environment: Mapping[str, str]) -> str:
    """Return the configuration; what may be secret is taken from the environment of supervisord.

    :param environment: the variables that the programs get.
    """
    paths = {"logs": _escaped(wanted.logs), "socket": _escaped(wanted.socket)}
    return "".join([_HEAD.format(**paths), *_variables(environment), *(_section(one, paths) for one in programs)])


def _section(program: Program, paths: Mapping[str, str]) -> str:
    if program.absent:
        return f"\n; {program.name} is left out: {program.absent}\n"
    command = _escaped(shlex.join(program.command))
    return _PROGRAM.format(name=program.name, about=program.about, command=command, **paths)


def _variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the line of variables; its values can hold anything but a line's end and both kinds of quotes."""
    pairs = []
    for name, value in sorted(environment.items()):
        quote = "'" if '"' in value else '"'
        if name in SECRET:
            pairs.append(f'{name}="%(ENV_{name})s"')
        elif quote not in value and value.isprintable():
            pairs.append(f"{name}={quote}{_escaped(value)}{quote}")
        else:
            yield f"; {name} cannot be written here: set it for supervisord\n"
    if pairs:
        yield f"environment={','.join(pairs)}\n"


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
