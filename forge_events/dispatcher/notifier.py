# SPDX-License-Identifier: Apache-2.0
"""Tell people how jobs went, beside everything else: no job waits for it, and none is changed by it.

A notification is taken before it is sent and marked after it, one at a time. Whoever is killed in between leaves one of
which nobody knows whether it was received; it is not sent again.
"""

from __future__ import annotations

import datetime
import logging
from typing import TYPE_CHECKING, NamedTuple, Protocol

from forge_events.errors import ForgeEventsError, UnknownJob, UnknownTemplate
from forge_events.notices import messages, rendering, sending
from forge_events.notices.sending import Outcome
from forge_events.services.beside import Beside
from forge_events.services.outages import Backoff
from forge_events.templates import shown_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from forge_events.jobs import Job
    from forge_events.notices.messages import Message
    from forge_events.services.stopping import Stop
    from forge_events.store import Store
    from forge_events.store.records import Due

__all__ = ["PAUSES", "Notices", "Notifier", "Send", "Told"]

PAUSES = tuple(datetime.timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800))
"""How long to wait after each attempt; after one more it is given up."""

_NOT_YET = Outcome("the job could not be read from the database", may_pass=True)
_DROPPED = Outcome("the job was dropped before it could be told of")
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0

_LOG = logging.getLogger(__name__)


class Send(Protocol):
    """What brings a message to an address; see :func:`forge_events.notices.sending.send`."""

    def __call__(self, url: str, message: Message, event: str, /) -> Outcome:
        """Send a message about an event."""


class Told(NamedTuple):
    """One attempt to tell of a job: sent where there is no error.

    :param address: without what may be secret.
    :param again: when it is tried again, None for never.
    """

    job_id: int
    event: str
    address: str
    error: str = ""
    again: datetime.datetime | None = None


class _Attempt(NamedTuple):
    due: Due
    outcome: Outcome
    at: datetime.datetime


class Notifier:
    """Send notifications that are due.

    :param open_store: opens a store of its own: now, and again when the database was away.
    """

    def __init__(self, open_store: Callable[[], Store], send: Send = sending.send) -> None:
        self._open_store, self._send = open_store, send
        self._store: Store | None = None
        self._unwritten: _Attempt | None = None

    def run_once(self, now: datetime.datetime | None = None, *, limit: int = 10) -> list[Told]:
        """Send what is due, one after the other, and return what became of it.

        :param now: by the database's clock, which is read where none is given.
        :param limit: at most so many.
        :raises StoreUnavailable: the database is away; what was sent is marked by the next call.
        """
        store = self._opened()
        now = now or store.now()
        told = [] if self._unwritten is None else [self._write_down(store, self._unwritten)]
        # One at a time: what is taken and not yet sent would be lost with a sender that is killed.
        while len(told) < limit and (taken := store.outbox.take(now, limit=1)):
            told.append(self._tell(store, taken[0], now))
        return told

    def close(self) -> None:
        """Give back the store; the next round opens it again."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _opened(self) -> Store:
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def _tell(self, store: Store, due: Due, now: datetime.datetime) -> Told:
        self._unwritten = _Attempt(due, _NOT_YET, now)
        try:
            message = _message(store, due)
        except UnknownJob:
            return self._write_down(store, _Attempt(due, _DROPPED, now))
        self._unwritten = None  # from here on it may have been sent, whatever happens
        return self._write_down(store, _Attempt(due, self._send(due.url, message, due.event), now))

    def _write_down(self, store: Store, attempt: _Attempt) -> Told:
        self._unwritten = attempt
        due, outcome, at = attempt
        again = at + PAUSES[due.attempts] if outcome.may_pass and due.attempts < len(PAUSES) else None
        if outcome.error:
            store.outbox.failed(due, outcome.error, again)
        else:
            store.outbox.sent(due, at)
        self._unwritten = None
        return Told(due.job_id, due.event, shown_address(due.url), outcome.error, again)


def _message(store: Store, due: Due) -> Message:
    job = store.job(str(due.job_id))
    hosts = store.host_summaries(job.id)
    facts = messages.facts(job, hosts, due.event, _template_name(store, job))
    return rendering.message(due.message, messages.usual(job, hosts, due.event), facts)


def _template_name(store: Store, job: Job) -> str:
    """Return the name of a job's template, or the job's own where the template is gone."""
    try:
        found = store.templates.get(str(job.job_template_id))
    except UnknownTemplate:
        return job.name
    return found.name if found.id == job.job_template_id else job.name  # another one may have this number for a name


class Notices:
    """Send in a thread, again and again, until it is time to stop.

    :param tell: is told of each attempt, in that thread.
    :param every: seconds between two looks while there is nothing to send.
    """

    def __init__(self, notifier: Notifier, stop: Stop, tell: Callable[[Told], object], *, every: float = 3.0) -> None:
        self._notifier, self._stop, self._tell, self._every = notifier, stop, tell, every
        self._backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        self._thread = Beside("notices", self._run)

    def begin(self) -> bool:
        """Begin, unless it has begun; return whether it did."""
        return self._thread.begin()

    def end(self) -> None:
        """Wait a moment for what is being sent; it was told to stop."""
        self._thread.end()

    def _run(self) -> None:
        pause = 0.0
        # Whoever has waited long enough for the end closes what a wish to stop is waited for with.
        while not (self._stop.is_set() or self._stop.wait(pause)):
            pause = self._round()
        self._notifier.close()

    def _round(self) -> float:
        """Send one notification; return how long to wait before the next one."""
        try:
            told = self._notifier.run_once(limit=1)
        except ForgeEventsError:
            return self._rest()  # the dispatcher meets it too and tells of it
        except Exception:  # noqa: BLE001 - no job may come to harm because somebody could not be told of another
            _LOG.exception("notifications are not sent for the time being")
            return self._rest()
        self._backoff.reset()
        for one in told:
            self._tell(one)
        return 0.0 if told else self._every

    def _rest(self) -> float:
        self._notifier.close()
        return self._backoff.pause()
