# SPDX-License-Identifier: Apache-2.0
"""Tell a spool how the command ended that wrote it; write the whole of it where Ansible loaded no callback.

A playbook that does not parse, ``--syntax-check``, a host pattern that matches nothing: Ansible prints and ends, and no
callback hears of it. The job has a root then, and what was printed as messages.
"""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events import spool
from forge_events.censoring import Censor
from forge_events.command_lines import Censored, censor_command, censor_urls
from forge_events.files import open_file
from forge_events.hierarchy import EVENTS, Hierarchy
from forge_events.jobs import JobStatus
from forge_events.output import to_text
from forge_events.user import effective_user, login_user

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator, Mapping

    from forge_events.recording.environment import Recording

__all__ = ["Ended", "append_exit", "close", "write_spool"]

_LONGEST_EXPLANATION = 500


class Ended(NamedTuple):
    """How a command went: when it started and ended, with what exit code, and the recorder's process and parent job.

    :param printed: the end of what it printed, as far as whoever started it has seen that.
    :param stated: the job's ``status`` and ``explanation``, where somebody else has a say in it.
    """

    started: datetime.datetime
    finished: datetime.datetime
    rc: int
    recorder_pid: int
    parent_uuid: str | None
    printed: str = ""
    stated: Mapping[str, Any] = {}

    @property
    def exit(self) -> dict[str, Any]:
        """The last line of the spool."""
        return {"finished": self.finished.isoformat(timespec="microseconds"), "rc": self.rc, **self.stated}


class _Message(NamedTuple):
    kind: str
    text: str
    verbosity: int


class _Early(NamedTuple):
    """What the file of early output holds: the process and its end, if there was one, and whole lines of output."""

    process: dict[str, Any]
    end: dict[str, Any]
    messages: list[_Message]


def write_spool(recording: Recording, ended: Ended) -> None:
    """Write the whole spool of a job that only has early output; it must not exist.

    :raises OSError: the spool or the file of early output cannot be used.
    """
    early = _read(recording.early_output)
    if not early.process and ended.printed:
        early = early._replace(messages=[_Message("verbose", ended.printed, 0)])
    recording.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    writer = spool.Writer(str(recording.path))
    try:
        _write(writer, recording, ended, early)
    finally:
        writer.close()


def _write(writer: spool.Writer, recording: Recording, ended: Ended, early: _Early) -> None:
    command = censor_command([Path(recording.command[0]).name, *recording.command[1:]])
    censor = Censor(has_files=True)
    censor.learn_command(command.secrets, command.echoes)
    early = early._replace(messages=[message._replace(text=censor.text(message.text)) for message in early.messages])
    header = _header(recording, command, ended, early)
    header["name"] = censor.text(censor_urls(header["name"]))
    writer.header(header)
    hierarchy = Hierarchy(playbook=header["name"])
    created = ended.finished.isoformat(timespec="microseconds")
    for event in hierarchy.need_root():
        writer.add(event, created=created)
    for message in early.messages:
        for event in hierarchy.add_to_root(message.kind):
            writer.add(event, created=created, stdout=message.text, verbosity=message.verbosity)
    writer.eof({"finished": created, "event_count": hierarchy.event_count, "has_stats": False, "needs_stats": False})
    writer.exit({**_end(ended.rc, early), **ended.exit})


def _end(rc: int, early: _Early) -> dict[str, Any]:
    """Return what the exit code does not say of the end: what was printed, or that no Ansible ran."""
    words = _explanation(early)
    if not early.process:
        none = f"the command ended with exit code {rc}, and no Ansible that can be recorded ran in it"
        return {"status": JobStatus.ERROR, "explanation": f"{none}: {words}" if words else none}
    return {"explanation": words} if rc else {}


def _header(recording: Recording, command: Censored, ended: Ended, early: _Early) -> dict[str, Any]:
    return {
        "job_uuid": recording.job_uuid,
        "name": recording.name or _name(command.words, early),
        "command": command.words,
        "directory": str(recording.directory),
        "host": platform.node(),
        "run_by": login_user(os.environ),
        "run_as": effective_user(),
        "pid": early.process.get("pid"),
        "started": ended.started.isoformat(timespec="microseconds"),
        "ansible_version": early.end.get("ansible_version"),
        "python_version": early.process.get("python_version"),
        "parent_uuid": ended.parent_uuid,
        "recorder_pid": ended.recorder_pid,
        "expects_exit": True,
    }


def _name(command: list[str], early: _Early) -> str:
    return " ".join(Path(word).name for word in early.end.get("words", ())) or command[0]


def _explanation(early: _Early) -> str:
    """Return what was printed of why nothing was run; empty where nothing was."""
    text = _printed(early, "error") or _line_of_error(_printed(early))
    return " ".join(text.split())[:_LONGEST_EXPLANATION]


def _printed(early: _Early, kind: str | None = None) -> str:
    texts = (message.text for message in early.messages if kind in (None, message.kind))
    return "".join(to_text(texts))


def _line_of_error(text: str) -> str:
    """Return the line that says what was wrong, as argparse ends its usage with one; the last line if none does."""
    lines = [line for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")


def _read(path: Path) -> _Early:
    process: dict[str, Any] = {}
    end: dict[str, Any] = {}
    pieces: list[dict[str, Any]] = []
    data = path.read_bytes() if path.exists() else b""
    for line in data.splitlines(keepends=True):
        if line.endswith(b"\n"):
            found = json.loads(line)
            process = process or found.get("process", {})
            end = found.get("end", end)
            pieces += [found["piece"]] if "piece" in found else []
    return _Early(process, end, list(_messages(pieces)))


def _messages(pieces: Iterable[dict[str, Any]]) -> Iterator[_Message]:
    """Yield the pieces as messages of whole lines, since a line belongs to one event only."""
    text, kind, verbosity = "", "", 0
    for piece in pieces:
        if not text:
            kind = piece["kind"] if piece["kind"] in EVENTS else "verbose"
            verbosity = piece["verbosity"]
        text += piece["text"]
        if text.endswith("\n"):
            yield _Message(kind, text, verbosity)
            text = ""
    if text:
        yield _Message(kind, text, verbosity)


def close(recording: Recording, ended: Ended) -> OSError | ValueError | None:
    """Tell the spool that the command has ended; write the whole of it where Ansible never did.

    :return: why it could not be told.
    """
    try:
        if recording.path.exists():
            append_exit(recording.path, ended.exit)
        else:
            write_spool(recording, ended)
    except (OSError, ValueError) as error:
        return error
    return None


def append_exit(path: Path, exit_: dict[str, Any]) -> None:
    """Write the last line of a spool whose other writers have ended.

    :param exit_: ``finished`` and, as far as they are known, ``rc``, ``status`` and ``explanation``.
    :raises OSError: the spool is missing or cannot be written.
    """
    _end_line(path)
    writer = spool.Writer(str(path), append=True)
    try:
        writer.exit(exit_)
    finally:
        writer.close()


def _end_line(path: Path) -> None:
    """End the last line if it is torn, so that what follows is a line of its own; the command that wrote it is gone."""
    with os.fdopen(open_file(path, os.O_RDWR), "r+b") as file:
        if file.seek(0, os.SEEK_END) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            file.write(b"\n")
