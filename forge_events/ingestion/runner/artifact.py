# SPDX-License-Identifier: Apache-2.0
"""One artifact of ansible-runner, ``artifacts/IDENT``: the messages that its files stand for."""

from __future__ import annotations

import codecs
import datetime
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.events import from_timestamp
from forge_events.ingestion.parsing import NotJson, parse
from forge_events.ingestion.runner import process
from forge_events.ingestion.runner.ending import FINAL
from forge_events.ingestion.runner.event_files import EventFiles
from forge_events.ingestion.runner.folder import Unreadable
from forge_events.ingestion.runner.told import rc_of
from forge_events.ingestion.runner.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.ingestion.runner.folder import Folder

__all__ = ["Artifact", "State"]

_MAX_FILE = 4 * 1024 * 1024
_MAX_WORD = 64
_QUIET = 60.0
"""Seconds without a change after which nobody is writing any more."""


class State(NamedTuple):
    """Where an artifact is.

    :param is_over: nobody will write to it any more.
    :param status: how it ended in runner's words, empty where it does not say.
    """

    is_over: bool
    status: str
    rc: int | None


class Artifact:
    """The files of one job, as they are and as they come.

    :param folder: the artifact's own folder, open.
    """

    def __init__(self, folder: Folder) -> None:
        self.troubles = Troubles()
        self._folder = folder
        self._events = EventFiles(folder, self.troubles)
        self._pid: int | None = None
        self._has_stats = False

    def close(self) -> None:
        """Give back the folders."""
        self._events.close()
        self._folder.close()

    def state(self, now: datetime.datetime, *, is_followed: bool = False) -> State:
        """Say whether the job is over: runner wrote how it ended; or it wrote nothing for long and nothing runs.

        :param is_followed: somebody says that it is still being written: silence is no end, unless the playbook has.
        """
        status, rc = self._word("status"), self._rc()
        if not status and rc is not None:
            status = "failed" if rc else "successful"
        if status:
            return State(is_over=True, status=status, rc=rc)
        is_quiet = now.timestamp() - self._changed() > _QUIET
        may_end = self._has_stats or not is_followed
        return State(is_over=is_quiet and may_end and not process.is_running(self._pid), status="", rc=None)

    def start(self) -> dict[str, Any]:
        """Return the message with the command; what it cannot tell is told of as a trouble."""
        message: dict[str, Any] = {"status": "starting"}
        if self._folder.has("command"):
            try:
                found = parse(self._folder.read("command", _MAX_FILE))
            except (Unreadable, NotJson) as error:
                self.troubles.add("command", str(error))
            else:
                message |= found if isinstance(found, dict) else {}
        return {**message, "status": "starting"}

    def events(self, *, is_over: bool) -> Iterator[dict[str, Any]]:
        """Yield the events that are new since the last call; those of a job that has none are its output."""
        for event in self._events.read(is_complete=is_over):
            pid = event.get("pid")
            self._pid = pid if isinstance(pid, int) else self._pid
            self._has_stats |= event.get("event") == "playbook_on_stats"
            yield event
        if is_over and not self._events.last:
            yield from self._output()

    @property
    def size(self) -> int:
        """How many bytes the last event takes."""
        return self._events.size

    def stats(self) -> dict[str, Any] | None:
        """Return what the statistics at the end say, where they are."""
        return self._events.stats()

    def missing(self, state: State) -> None:
        """Write down what a job that is over should have and does not."""
        for name in ("status", "rc", "stdout"):
            is_there = self._folder.has(name)
            # Each event has its own part of the output, and runner can be told not to write it all down once more.
            if self.troubles.has(name) or (name == "stdout" and self._events.last and not is_there):
                continue
            oddity = self._folder.oddity(name) if is_there else "it is missing"
            if oddity:
                self.troubles.add(name, oddity)
            elif name != "stdout" and not self._word(name):
                self.troubles.add(name, "it is empty")
        if not self._events.last and not self._folder.has("job_events"):
            self.troubles.add("job_events", "it is missing")
        if state.status and state.status not in FINAL:
            self.troubles.add("status", "it has no word that ansible-runner writes")

    def is_empty(self) -> bool:
        """Return whether nothing is there yet of which a job could be made."""
        return not any(self._folder.has(name) for name in ("command", "job_events", "status", "rc", "stdout"))

    def started(self) -> datetime.datetime | None:
        """Return when runner wrote the command, which is the first thing that it does."""
        written = self._folder.changed("command")
        return from_timestamp(written) if written is not None else None

    def ended(self, last: str | None) -> str | None:
        """Return when runner wrote how the job ended, if that can be: a copy has the time of the copying.

        :param last: when the last event was.
        """
        written = self._folder.changed("rc") or self._folder.changed("status")
        if written is None or last is None:
            return None
        after = written - datetime.datetime.fromisoformat(last).timestamp()
        return from_timestamp(written).isoformat(timespec="microseconds") if 0 <= after <= _QUIET else None

    def _output(self) -> Iterator[dict[str, Any]]:
        """Yield the output of a job without events as messages of whole lines."""
        if not self._folder.has("stdout"):
            return
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        counter = 0
        try:
            for piece in self._folder.pieces("stdout"):
                counter += 1
                text = decoder.decode(piece)
                uuid = hashlib.sha256(piece).hexdigest()
                # The lines are counted so that nothing is added to a piece that ends in the middle of one.
                lines = {"start_line": 0, "end_line": text.count("\n")}
                yield {"event": "verbose", "counter": counter, "uuid": uuid, "stdout": text, **lines}
        except Unreadable as error:
            self.troubles.add("stdout", str(error))

    def _changed(self) -> float:
        times = (self._folder.changed(), self._events.changed(), self._folder.changed("stdout"))
        return max(time or 0.0 for time in times)

    def _rc(self) -> int | None:
        word = self._word("rc")
        if not word:
            return None
        try:
            rc = rc_of(int(word))
        except ValueError:
            rc = None
        if rc is None:
            self.troubles.add("rc", "it holds no exit code")
        return rc

    def _word(self, name: str) -> str:
        """Return the one word that a file holds; empty if it is not there, or not yet."""
        if not self._folder.has(name):
            return ""
        try:
            return self._folder.read(name, _MAX_WORD).decode("ascii", "replace").strip()
        except Unreadable as error:
            self.troubles.add(name, str(error))
            return ""
