# SPDX-License-Identifier: Apache-2.0
"""One artifact of ansible-runner, ``artifacts/IDENT``: the messages that its files stand for.

Below ``job_events`` are the events, ``7-UUID.json``, and what runner never took in, ``UUID-partial.json``.
"""

from __future__ import annotations

import codecs
import datetime
import hashlib
import re
from array import array
from bisect import bisect_right
from heapq import nlargest
from itertools import islice
from operator import eq
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil

from forge_events.events import from_timestamp
from forge_events.ingestion.parsing import NotJson, parse
from forge_events.ingestion.runner.events import LOST_OUTPUT, rc_of, text_of
from forge_events.ingestion.runner.folder import Troubles, Unreadable
from forge_events.ingestion.runner.job import FINAL
from forge_events.spool import MAX_LINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.ingestion.runner.folder import Folder

__all__ = ["Artifact", "EventFiles", "State", "is_running"]


def is_running(pid: int | None) -> bool:
    """Return whether a process is there that has this number and is Ansible: a number alone may be anybody's."""
    if pid is None or not 0 < pid < 2**31:
        return False
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and any("ansible" in word for word in process.cmdline())
    except psutil.Error:
        return False


_FOLDER = "job_events"
_NUMBERED = re.compile(r"(\d{1,18})-(.+)\.json", re.DOTALL)
_PARTIAL = "-partial.json"
_MAX_LOOKED_AT = 50


class EventFiles:
    """The event files of one artifact, as they are written.

    ``last`` is the counter of the last event that was read, ``size`` the bytes of its file.

    :param artifact: the open folder of the artifact.
    """

    def __init__(self, artifact: Folder, troubles: Troubles) -> None:
        self._artifact = artifact
        self._troubles = troubles
        self._folder: Folder | None = None
        self._listed: tuple[list[str], list[str]] | None = None
        self._run: str | None = None
        self._foreign_count = 0
        self.last = 0
        self.size = 0

    def close(self) -> None:
        """Give back the folder."""
        if self._folder is not None:
            self._folder.close()

    def changed(self) -> float | None:
        """Return when an event came last; None if none has."""
        folder = self._open()
        return folder.changed() if folder is not None else None

    def read(self, *, is_complete: bool) -> Iterator[dict[str, Any]]:
        """Yield the events that have not been yielded before, by counter.

        :param is_complete: no more will come: what is missing or broken is told of, and what runner left behind is
            read. Otherwise reading ends in front of what is missing, since that is about to be written.
        """
        numbered, partial = self._listed or self._listing()
        self._listed = None
        numbered.sort(key=_counter)
        counters = array("q", map(_counter, numbered))
        begin = bisect_right(counters, self.last)
        counters = counters[begin:]
        yield from self._numbered(counters, self._newest_first(counters, numbered[begin:]), is_complete=is_complete)
        if is_complete and partial:
            taken = {_uuid(name) for name in numbered}
            yield from self._partial([name for name in partial if name.removesuffix(_PARTIAL) not in taken])
        if self._foreign_count:
            self._troubles.add(_FOLDER, f"{self._foreign_count} events belong to another run of the same ident")
            self._foreign_count = 0

    def stats(self) -> dict[str, Any] | None:
        """Return what the statistics at the end say, where they are; for a job that is over, before it is read."""
        numbered, partial = self._listed = self._listing()
        last = nlargest(_MAX_LOOKED_AT, numbered, key=_counter)
        for name in (*partial[:_MAX_LOOKED_AT], *last):
            found = self._load(name, is_told=False)
            if found is not None and found.get("event") == "playbook_on_stats":
                data = found.get("event_data")
                return data if isinstance(data, dict) else None
        return None

    def _numbered(self, counters: array[int], names: list[str], *, is_complete: bool) -> Iterator[dict[str, Any]]:
        missing: list[int] = []
        for number, (counter, name) in enumerate(zip(counters, names, strict=True), start=1):
            if counter > self.last + 1:
                if not is_complete:
                    return
                missing += [self.last + 1, counter - self.last - 1]
            event = self._load(name, is_told=is_complete or number < len(names))
            if event is None and not is_complete and number == len(names):
                return  # it is being written
            self.last = counter
            if event is not None and not self._is_foreign(event):
                event["counter"] = counter
                if "uuid" not in event:
                    event["uuid"] = _uuid(name)
                yield event
        if missing:
            count = sum(missing[1::2])
            events = "1 event is" if count == 1 else f"{count} events are"
            self._troubles.add(_FOLDER, f"{events} missing, beginning with number {missing[0]}")

    def _partial(self, names: list[str]) -> Iterator[dict[str, Any]]:
        """Yield what the plugin wrote and runner never took, by the time of it; its output is lost."""
        found = [(text_of(event.get("created")), name) for name in names if (event := self._load(name)) is not None]
        if found:
            events = "1 event" if len(found) == 1 else f"{len(found)} events"
            self._troubles.add(_FOLDER, f"{events} at the end have lost their output: runner never took them in")
        for _created, name in sorted(found):
            event = self._load(name)
            if event is not None and not self._is_foreign(event):
                self.last += 1
                yield {**event, "counter": self.last, "stdout": "", "lost": LOST_OUTPUT}

    def _is_foreign(self, event: dict[str, Any]) -> bool:
        """Return whether an event is of another run, which left its files in the same folder."""
        data = event.get("event_data")
        run = data.get("playbook_uuid") if isinstance(data, dict) else None
        if not isinstance(run, str):
            return False
        self._run = self._run or run
        self._foreign_count += run != self._run
        return run != self._run

    def _newest_first(self, counters: array[int], names: list[str]) -> list[str]:
        """Order files of one counter: the newest one is of the run that the other files of the artifact are of."""
        if not any(map(eq, counters, islice(counters, 1, None))):
            return names
        folder = self._open()
        return sorted(names, key=lambda name: (_counter(name), -((folder and folder.changed(name)) or 0.0)))

    def _load(self, name: str, *, is_told: bool = True) -> dict[str, Any] | None:
        folder = self._open()
        reason = "it is no JSON object"
        try:
            data = folder.read(name, MAX_LINE) if folder is not None else b""
            self.size = len(data)
            event = parse(data)
        except (Unreadable, NotJson) as error:
            event, reason = None, str(error)
        if isinstance(event, dict):
            return event
        if is_told:
            self._troubles.add(f"{_FOLDER}/{name}", reason)
        return None

    def _listing(self) -> tuple[list[str], list[str]]:
        """Return the names of the events and of the partial ones; anything but files of both kinds is told of."""
        folder = self._open()
        numbered: list[str] = []
        partial: list[str] = []
        try:
            for name, is_file in folder.names() if folder is not None else ():
                if name.endswith(_PARTIAL) and is_file:
                    partial.append(name)
                elif _NUMBERED.fullmatch(name) and not name.endswith(_PARTIAL):
                    numbered.append(name)
                elif not name.endswith(".tmp"):
                    self._troubles.add(f"{_FOLDER}/{name}", "it is no event of ansible-runner")
        except Unreadable as error:
            self._troubles.add(_FOLDER, str(error))
        return numbered, partial

    def _open(self) -> Folder | None:
        if self._folder is None and self._artifact.has(_FOLDER):
            try:
                self._folder = self._artifact.folder(_FOLDER)
            except Unreadable as error:
                self._troubles.add(_FOLDER, str(error))
        return self._folder


def _counter(name: str) -> int:
    return int(name.partition("-")[0])


def _uuid(name: str) -> str:
    return name.partition("-")[2].removesuffix(".json")


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

    def __init__(self, folder: Folder, troubles: Troubles) -> None:
        self.troubles = troubles
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
        return State(is_over=is_quiet and may_end and not is_running(self._pid), status="", rc=None)

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
