# SPDX-License-Identifier: Apache-2.0
"""Units of systemd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.supervision.programs import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from forge_events.supervision.programs import Program

__all__ = ["units"]

_UNIT = """\
# /etc/systemd/system/forge-events-{name}.service
[Unit]
Description=forge-events: {about}
After=network-online.target
Wants=network-online.target

[Service]
{variables}# What may be secret: FORGE_EVENTS_DATABASE_URL and the like.
EnvironmentFile=-/etc/forge-events/environment
ExecStart={command}
Restart=on-failure
RestartSec=10
# Neither another schema nor a setting that cannot be used goes away by trying again.
RestartPreventExitStatus=6 7
# Playbooks go on when their dispatcher is stopped, and are adopted by the next one.
KillMode=process

[Install]
WantedBy=multi-user.target
"""


def units(programs: Iterable[Program], environment: Mapping[str, str]) -> str:
    """Return a unit for each program, one behind the other, each under the name of its file."""
    return "\n".join(_unit(program, environment) for program in programs)


def _unit(program: Program, environment: Mapping[str, str]) -> str:
    if program.absent:
        return f"# forge-events-{program.name}.service is left out: {program.absent}\n"
    open_ones = {name: value for name, value in sorted(environment.items()) if name not in SECRET}
    variables = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in open_ones.items())
    return _UNIT.format(name=program.name, about=program.about, variables=variables, command=_command(program.command))


def _command(words: Sequence[str]) -> str:
    return " ".join(_quoted(word).replace("$", "$$") for word in words)


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{escaped}"'
