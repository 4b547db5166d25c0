# SPDX-License-Identifier: Apache-2.0
"""Record one job: what hooks report goes through the hierarchy into the spool, with the output that belongs to it.

Knows nothing of Ansible. Every public method may be called from any thread of the process that made the recorder, and
does nothing in another process.
"""

from __future__ import annotations

import datetime
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from . import _hierarchy as hierarchy
from . import _spool as spool
from ._censoring import Censor
from ._user import data_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._terminal import Piece, Terminal

FINAL = frozenset({"runner_on_ok", "runner_on_failed", "runner_on_skipped", "runner_on_unreachable"})

__all__ = ["FINAL", "Recorder", "now", "spool_directory"]


def now() -> str:
    """Return the present time, ISO 8601 in UTC with microseconds."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")


def spool_directory(environ: dict[str, str]) -> str:
    """Return the folder for spools where nothing else is set: ``spool`` in forge-events' part of the user's data."""
    home = environ.get("FORGE_EVENTS_HOME") or str(data_folder(environ))
    return os.path.join(os.path.abspath(os.path.expanduser(home)), "spool")


class Recorder:
    """The record of one job, from its first event to :meth:`close`.

    :param header: what the spool's header says of the job.
    :param directory: the folder of the spool; made if it is missing.
    :param terminal: where the output comes from; None records no output.
    :param censor: hides what may not be told of an event and its output.
    :raises OSError: the spool cannot be made.
    """

    def __init__(
        self, header: dict[str, Any], directory: str, terminal: Terminal | None, censor: Censor | None = None
    ) -> None:
        for folder in (os.path.dirname(directory), directory):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        self.job_uuid: str = header["job_uuid"]
        self._writer = spool.Writer(os.path.join(directory, self.job_uuid + spool.SUFFIX))
        self._writer.header(header)
        self._hierarchy = hierarchy.Hierarchy(playbook=header.get("playbook") or header["name"])
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._is_open = True
        self._is_interrupted = False
        self._playbook_count = 0
        self._stats_count = 0
        self._began: dict[str, tuple[str, float]] = {}
        self._output = ""
        self._output_thread = 0
        self._early: list[Piece] = []
        self._context: tuple[Any, Any, int] = (None, None, 0)
        self._censor = censor or Censor()
        self._terminal = terminal
        if terminal is not None:
            terminal.hand_to(self._see)

    @property
    def is_open(self) -> bool:
        """Whether events are taken: in the process that made the recorder, until it is closed or its disk full."""
        return self._is_open and os.getpid() == self._pid

    def start_playbook(self, playbook: str, data: dict[str, Any], *, ends_with_stats: bool = True) -> None:
        """Record that a playbook starts.

        :param ends_with_stats: its end is its statistics; without them it has been cut short.
        """
        self._playbook_count += ends_with_stats
        self._record(self._hierarchy.start_playbook, playbook, data)

    def start_play(self, play: hierarchy.Play, data: dict[str, Any]) -> None:
        """Record that a play or one of its batches starts."""
        self._record(self._hierarchy.start_play, play, data)

    def start_task(self, task: hierarchy.Task) -> None:
        """Record that a task is announced."""
        self._record(self._hierarchy.start_task, task)

    def begin(self, host: str, task: hierarchy.Task) -> None:
        """Record that a host begins a task."""
        created = now()
        self._began[host] = (created, time.monotonic())
        self._record(self._hierarchy.begin, host, task, created=created)

    def report(self, event: str, host: str, task_uuid: str, task: hierarchy.Task, data: dict[str, Any]) -> None:
        """Record an event of a host for a task; a final result gets ``start``, ``end`` and ``duration`` (seconds)."""
        created = now()
        if event in FINAL:
            started, clock = self._began.get(host, (None, None))
            data["start"] = started
            data["end"] = created
            data["duration"] = None if clock is None else round(time.monotonic() - clock, 6)
        self._record(self._hierarchy.report, event, host, task_uuid, task, data, created=created)

    def add_to_play(self, event: str, data: dict[str, Any]) -> None:
        """Record an event of the play that runs."""
        self._record(self._hierarchy.add_to_play, event, data)

    def add_to_root(self, event: str, data: dict[str, Any]) -> None:
        """Record an event of the whole job."""
        self._stats_count += event == "playbook_on_stats"
        self._record(self._hierarchy.add_to_root, event, data)

    def known_task(self, host: str, task_uuid: str) -> hierarchy.Task | None:
        """Return the announced task that a host's result is for."""
        return self._hierarchy.known_task(host, task_uuid)

    def rewrite_output(self, rewrite: Callable[[str], str]) -> None:
        """Change the output that the next event is going to take, to hide what may not be told."""
        with self._lock:
            self._output = rewrite(self._output)

    def close(self) -> None:
        """Record the output that is left and the end of the job; a second call does nothing.

        :raises OSError: the spool could not be written; it stays without its end.
        """
        with self._lock:
            if not self.is_open:
                return
            if self._terminal is not None:
                self._terminal.release()
            try:
                self._write(self._hierarchy.need_root(), "")
                if self._output:
                    self._write(self._hierarchy.add_to_root("verbose"), self._output)
                self._writer.eof(self._end())
            finally:
                self._is_open = False
                self._writer.close()

    def _end(self) -> dict[str, Any]:
        return {
            "finished": now(),
            "event_count": self._hierarchy.event_count,
            "has_stats": 0 < self._playbook_count <= self._stats_count,
            "needs_stats": self._playbook_count > 0,
        }

    def _record(self, make: Callable[..., list[hierarchy.Event]], *what: Any, created: str | None = None) -> None:
        """Make the events of one hook's call and write them with the output that is waiting."""
        with self._lock:
            if not self.is_open or self._is_interrupted:
                return
            try:
                events = make(*what)
                if events:
                    output = "" if self._early or not self._output else self._take_lines()
                    self._write(events, output, created=created)
            except KeyboardInterrupt:
                # The events of this call may be half made: nothing may hang below them, and their counters are free.
                self._is_interrupted = True
                self._hierarchy.forget(self._writer.last_counter)
                raise

    def _take_lines(self) -> str:
        """Take the whole lines of the output; a line that is not finished waits, since it belongs to one event only."""
        end = self._output.rfind("\n") + 1
        lines, self._output = self._output[:end], self._output[end:]
        return lines

    def _write(
        self, events: list[hierarchy.Event], output: str, *, verbosity: int = 0, created: str | None = None
    ) -> None:
        """Write events; the first one below the root takes the output, and a new root is followed by early messages.

        An event that the disk does not take waits in the writer, so the others are still handed over.
        """
        fault = None
        created = created or now()
        is_taken = not output
        output = self._censor.text(output)
        for event in events:
            is_taker = not is_taken and (event.parent_uuid is not None or len(events) == 1)
            is_taken |= is_taker
            try:
                self._writer.add(
                    self._told(event), created=created, stdout=output if is_taker else "", verbosity=verbosity
                )
                if event.parent_uuid is None:
                    self._tell_early()
            except spool.SpoolFull:
                self._is_open = False
                raise
            except OSError as error:
                fault = error
        if fault is not None:
            raise fault

    def _told(self, event: hierarchy.Event) -> hierarchy.Event:
        """Return an event as it may be told; what siblings have in common stays one object."""
        own = self._censor.data(event.own)
        if own is event.own:
            return event
        context, told, version = self._context
        if context is not event.context or version != self._censor.version:
            told = self._censor.data(event.context)
            self._context = event.context, told, self._censor.version
        return event._replace(context=told, own=own)

    def _tell_early(self) -> None:
        early, self._early = self._early, []
        for piece in early:
            self._write(self._hierarchy.add_to_root(piece.kind), piece.text, verbosity=piece.verbosity)

    def _see(self, piece: Piece) -> None:
        """Take a piece of output: a callback's waits for its event, a message is an event."""
        with self._lock:
            if not self.is_open:
                return
            if piece.kind:
                piece = piece._replace(text=self._censor.message(piece.text))
            in_flight = self._output and piece.thread != self._output_thread
            if not piece.kind or in_flight or not piece.text.endswith("\n"):
                self._output += piece.text
                self._output_thread = piece.thread
            elif self._hierarchy.root is None:
                self._early.append(piece)
            else:
                text, self._output = self._output + piece.text, ""
                self._write(self._hierarchy.add_to_root(piece.kind), text, verbosity=piece.verbosity)
