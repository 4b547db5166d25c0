# SPDX-License-Identifier: Apache-2.0
"""Hide what Ansible prints of tasks under ``no_log``: their source beside an error, and the words of the error itself.

From 2.19 on ansible-core prints the lines around a task that failed, whether ``no_log`` holds for it, or for the task
that stands above it, or not. A secret that is written in a playbook is then in the output::

    Origin: /srv/site.yml:13:7

    11   ansible.builtin.command: login --password hunter2
    12   no_log: true
    13 - name: fails

The message of the error goes above this, and is not censored where the result is.
"""

from __future__ import annotations

import re

__all__ = ["Excerpts", "hide_errors"]

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_RESET = "\x1b[0m"
_ORIGIN = re.compile(r"Origin: (.+?):(\d+)(?::\d+)?$")
_LINE = re.compile(r"(\d+) (.*\S)")
_HIDDEN = "********"
_ERROR = re.compile(
    r"^(?P<colour>\x1b\[[0-9;]*m)?\[ERROR\]: .*?(?=^(?:\x1b\[[0-9;]*m)?(?:fatal|failed): \[|\Z)",
    re.DOTALL | re.MULTILINE,
)


def hide_errors(text: str) -> str:
    """Return the output of a censored result without the errors that are shown above it, their sources and causes."""
    return _ERROR.sub(
        lambda error: f"{error['colour'] or ''}[ERROR]: {_HIDDEN}{_RESET if error['colour'] else ''}\n", text
    )


class Excerpts:
    """Know which lines of which files belong to a task under ``no_log``: those from the task on to the next one."""

    def __init__(self) -> None:
        self._tasks: dict[str, dict[int, bool]] = {}

    def add(self, path: str, is_censored: bool) -> None:
        """Learn of a task by its ``file:line``."""
        file, _colon, line = path.rpartition(":")
        if line.isdigit():
            self._tasks.setdefault(file, {})[int(line)] = is_censored

    def censor(self, text: str) -> str:
        """Return output without the lines of source that are under ``no_log``."""
        if "Origin: " not in text:
            return text
        shown = []
        file, failed = "", 0
        for line in text.split("\n"):
            bare = _COLOUR.sub("", line)
            origin, numbered = _ORIGIN.match(bare), _LINE.match(bare)
            if origin:
                file, failed = origin[1], int(origin[2])
            elif numbered and file and self._is_hidden(file, int(numbered[1]), failed):
                line = line.replace(numbered[2], _HIDDEN)
            elif bare and not numbered and not bare.startswith(" "):
                file = ""
            shown.append(line)
        return "\n".join(shown)

    def _is_hidden(self, file: str, line: int, failed: int) -> bool:
        """Whether a line belongs to a censored task; what stands above all tasks shares the lot of the failed one."""
        tasks = self._tasks.get(file, {})
        above = [start for start in tasks if start <= line]
        return tasks[max(above)] if above else tasks.get(failed, False)
