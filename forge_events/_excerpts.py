# SPDX-License-Identifier: Apache-2.0
"""Hide the lines of source that Ansible shows beside an error, unless they may be shown.

Up to 2.18 ansible-core quotes two lines in the message of an error ("The offending line appears to be:"). From 2.19 on
it prints some lines, whether ``no_log`` holds for what stands there or not, and whatever a module hides::

    Origin: /srv/site.yml:13:7

    11   ansible.builtin.command: login --password hunter2
    12   no_log: true
    13 - name: fails

A line may be shown if it belongs to a task that was announced, is not under ``no_log``, and whose arguments are all
known not to be hidden; or if it is one of those above the tasks that hold nothing. Of what is shown, what has the name
of a secret is hidden.

This module imports the standard library only and is shipped inside the collection as it stands.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["HIDDEN", "Excerpts", "TaskSource", "is_open", "mentions_no_log"]

HIDDEN = "********"

_LARGEST = 4 * 1024 * 1024

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ORIGIN = re.compile(r"Origin: (.+?)(?::(\d+))?(?::\d+)?$")
_NUMBERED = re.compile(r" *(\d+)(?: |$)(.*)")
_OFFENDING = re.compile(
    r"(?P<head>The error appears to be in '(?P<file>[^'\n]*)': line (?P<line>\d+).*?"
    r"The offending lines? appears? to be:\n\n)"
    r"(?P<source>.*?)(?P<tail>^ *\^ here|\Z)",
    re.DOTALL | re.MULTILINE,
)
# Lines above tasks that hold nothing of a user's.
_HEAD = re.compile(
    r"\s*(?:---|#.*|(?:- *)?(?:hosts|gather_facts|any_errors_fatal|become|become_user|connection|strategy|serial|tags|"
    r"ignore_errors|tasks|handlers|pre_tasks|post_tasks|roles|block|rescue|always|name|register): *"
    r"[^{}\[\]]*)?\Z"
)
_SHOWN_SECRET = re.compile(
    r"([\w.-]*(?:pass|pwd|secret|token|key|cred|auth|private|\b(?:pw|pin)(?![a-zA-Z]))[\w.-]*['\"]?\s*[:=]\s*)"
    r"(?!\s|[{\[]|['\"]?\{\{[^{}]*\}\}['\"]?\s*(?:[,}]|$))"
    r"(\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|[^\s,}]+)",
    re.IGNORECASE,
)
# Actions of ansible-core whose arguments are hidden by no module.
_OPEN_ACTIONS_WORDS = """
add_host apt apt_key apt_repository assemble assert async_status blockinfile command cron deb822_repository
debug dnf dnf5 dpkg_selections fail fetch file find gather_facts git group group_by hostname import_role
import_tasks include_role include_tasks include_vars iptables lineinfile meta mount_facts package package_facts
pause ping pip raw reboot replace script service service_facts set_fact set_stats setup shell slurp stat systemd
systemd_service sysvinit tempfile template unarchive validate_argument_spec wait_for wait_for_connection
"""
_CORE = frozenset({"", "ansible.builtin", "ansible.legacy"})
_OPEN_ACTIONS = frozenset(_OPEN_ACTIONS_WORDS.split())


def mentions_no_log(file: str) -> bool:
    """Return whether a file of this machine has the words ``no_log`` or is none that can be read."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return True
    with os.fdopen(descriptor, "rb") as opened:
        found = os.fstat(descriptor)
        return not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST or b"no_log" in opened.read()


def is_open(action: str) -> bool:
    """Return whether an action is one of ansible-core that has no argument to hide."""
    collection, _dot, name = action.rpartition(".")
    return collection in _CORE and name in _OPEN_ACTIONS


class TaskSource(NamedTuple):
    """A task where it is written.

    :param column: the column of its first key, 0 if that is not known.
    :param action: what the task does; a module may hide arguments that are there to read.
    :param is_censored: it is under ``no_log``, or nobody knows whether it is.
    :param is_told: its module has told which of its arguments it hides.
    :param is_result: a result of it has said whether it is under ``no_log``.
    """

    column: int = 0
    action: str = ""
    is_censored: bool = True
    is_told: bool = False
    is_result: bool = False

    @property
    def is_hidden(self) -> bool:
        """Whether its lines may not be shown."""
        return self.is_censored or not (self.is_told or is_open(self.action))

    def has_line(self, source: str) -> bool:
        """Return whether a line behind the first one is the task's, by where it begins."""
        indent = len(source) - len(source.lstrip())
        return indent >= self.column - 1 if self.column else not source.lstrip().startswith("- ")


class Excerpts:
    """Know which lines of which files may be shown.

    Of a file all of whose tasks are known, a line is that of the task above it. Of any other one, only what is between
    the beginning of a task and the line of its error is known to be that task's. As long as no task is known at all,
    which is while playbooks are loaded, lines may be shown of a file in which nobody asks for ``no_log``.

    :param mentions_no_log: says of a file whether somebody does, or it cannot be known.
    """

    def __init__(self, mentions_no_log: Callable[[str], bool]) -> None:
        self._mentions_no_log = mentions_no_log
        self._sources: dict[str, dict[int, TaskSource]] = {}
        self._whole: set[str] = set()
        self._hidden: list[str] = []

    def know(self, path: str, source: TaskSource) -> None:
        """Learn where a task begins, by its ``file:line``, and whether its lines may be shown."""
        file, _colon, line = path.rpartition(":")
        if line.isdigit():
            self._sources.setdefault(file, {})[int(line)] = source

    def know_play(self, places: Iterable[tuple[str, int]]) -> None:
        """Learn the ``file:line`` and the column of all tasks of a play; more of those that were not announced."""
        for path, column in places:
            if self.known(path) is None:
                self.know(path, TaskSource(column))
            self._whole.add(path.rpartition(":")[0])

    def tell(self, path: str) -> None:
        """Learn that the module of a task has told which of its arguments it hides."""
        source = self.known(path)
        if source is not None and not source.is_told:
            self.know(path, source._replace(is_told=True))

    def known(self, path: str) -> TaskSource | None:
        """Return what is known of the task that begins at a ``file:line``."""
        file, _colon, line = path.rpartition(":")
        return self._sources.get(file, {}).get(int(line)) if line.isdigit() else None

    def censor(self, text: str) -> str:
        """Return a text without the lines of source beside an error that may not be shown."""
        if "appears to be:" in text:
            text = _OFFENDING.sub(self._offending, text)
        return self._origins(text) if "Origin: " in text else text

    def _origins(self, text: str) -> str:
        shown = []
        origin: tuple[str, int] | None = None
        blanks = 0
        for line in text.split("\n"):
            bare = _COLOUR.sub("", line)
            found = _ORIGIN.match(bare)
            if found:
                origin, blanks = (found[1], int(found[2] or 0)), 0
            elif origin is not None:
                blanks += not bare.strip()
                if blanks > 1:
                    origin = None
                elif bare.strip():
                    line = self._source_line(line, bare, origin)
            shown.append(line)
        return "\n".join(shown)

    def take_hidden(self) -> list[str]:
        """Return the lines that were hidden in messages since the last call."""
        hidden, self._hidden = self._hidden, []
        return hidden

    def _source_line(self, line: str, bare: str, origin: tuple[str, int]) -> str:
        numbered = _NUMBERED.match(bare)
        if re.match(r" *\^ column|\(source not shown", bare):
            return line
        if not numbered or not origin[1]:
            return line.replace(bare, HIDDEN)
        source = numbered[2]
        told = self._told_source(origin[0], int(numbered[1]), origin[1], source)
        return line if told == source else line.replace(source, told)

    def _offending(self, found: re.Match[str]) -> str:
        lines = found["source"].rstrip("\n").split("\n")
        last = int(found["line"])
        told = [
            self._told_source(found["file"], last - len(lines) + number, last, line)
            for number, line in enumerate(lines, start=1)
        ]
        pairs = zip(lines, told, strict=True)
        self._hidden += [line.strip() for line, shown in pairs if line != shown]
        source = "\n".join(told)
        return f"{found['head']}{source}\n{found['tail']}"

    def _told_source(self, file: str, line: int, failed: int, source: str) -> str:
        """Return a line of source as it may be shown; ``failed`` is the line that the error is about."""
        if not source.strip():
            return source
        sources = self._sources.get(file, {})
        start, own = (max((at for at in sources if at <= number), default=0) for number in (line, failed))
        owner = sources.get(start)
        is_owned = owner is not None and (
            line == start or ((file in self._whole or start == own) and owner.has_line(source))
        )
        if is_owned and owner is not None and not owner.is_hidden:
            is_hidden = False
        elif own not in sources:
            is_hidden = bool(self._sources) or self._mentions_no_log(file)
        else:
            is_censored = sources[own].is_censored or (is_owned and owner is not None and owner.is_censored)
            is_hidden = is_censored or not _HEAD.match(source)
        return HIDDEN if is_hidden else _SHOWN_SECRET.sub(rf"\1{HIDDEN}", source)
