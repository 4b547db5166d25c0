# SPDX-License-Identifier: Apache-2.0
"""The files below ``job_events``: events, ``7-UUID.json``, and what runner never took in, ``UUID-partial.json``."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from heapq import nlargest
from itertools import islice
from operator import eq
from typing import TYPE_CHECKING, Any

from forge_events.ingestion.parsing import NotJson, parse
from forge_events.ingestion.runner.folder import Unreadable
from forge_events.ingestion.runner.told import LOST_OUTPUT, text_of
from forge_events.spool import MAX_LINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.ingestion.runner.folder import Folder
    from forge_events.ingestion.runner.troubles import Troubles

__all__ = ["EventFiles"]

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
