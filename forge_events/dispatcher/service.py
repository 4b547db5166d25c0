# SPDX-License-Identifier: Apache-2.0
"""Work on a node until it is told to stop: say that it is there, decide, execute, and take back what others have lost.

What reaches a node reaches it through the store: a job that waits on it, and a notification. When the database is
away, the jobs that run go on, and everything is tried again with growing pauses.

What is written down has the database's time; this machine's clock is told to others and trusted by nobody.
"""

from __future__ import annotations

import datetime
import math
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from forge_events.dispatcher import machine, processes
from forge_events.dispatcher.clock import Clock
from forge_events.dispatcher.dispatcher import Decided, Dispatcher
from forge_events.dispatcher.executor import Executed, Executor
from forge_events.dispatcher.reaper import Reaped, Reaper
from forge_events.dispatcher.scheduler import Scheduled, Scheduler
from forge_events.dispatcher.sweeping import sweep
from forge_events.dispatcher.workflow_runner import Advanced, WorkflowRunner
from forge_events.errors import NameTaken, StoreUnavailable
from forge_events.nodes import is_fresh
from forge_events.services import outages
from forge_events.store.records import Process

if TYPE_CHECKING:
    from collections.abc import Callable

    from forge_events.courier import Courier
    from forge_events.dispatcher.plan import Place
    from forge_events.jobs import Job
    from forge_events.nodes import Machine, Node, NodeType
    from forge_events.services.bell import Bell
    from forge_events.services.stopping import Stop
    from forge_events.store import Store
    from forge_events.store.listeners import Listener

__all__ = ["Done", "Pace", "Post", "Reports", "Service"]

_SWEEP = 3600.0
_BUSY = 0.1
"""Seconds between two looks at jobs that run: their processes end without a sound."""
_LITTLE = 0.01
"""Seconds after an occurrence is due at which it is looked for: who comes too early has to come again."""


class Pace(NamedTuple):
    """How often things are done, in seconds.

    :param heartbeat: how often the node says that it is there.
    :param lost_after: when a node that is not seen counts as lost.
    :param lease: when the running jobs of a lost node are ended.
    :param poll: how often to look for work where nothing is notified, or it was lost.
    """

    heartbeat: float = 10.0
    lost_after: float = 30.0
    lease: float = 300.0
    poll: float = 5.0
    first_pause: float = 0.2
    longest_pause: float = 10.0


class Done(NamedTuple):
    """What one round did.

    :param clock_offset: by how many seconds this machine's clock is ahead of the database's; None if the round did not
        find out.
    """

    decided: Decided = Decided([], [])
    executed: Executed = Executed([], [], [])
    reaped: Reaped = Reaped([], [])
    scheduled: Scheduled = Scheduled([], [])
    advanced: Advanced = Advanced([])
    outage: StoreUnavailable | NameTaken | None = None
    clock_offset: float | None = None


class Post(NamedTuple):
    """What messages come and go by.

    :param bell: rings when one has come.
    :param broker: digits that tell the broker from others.
    """

    courier: Courier
    bell: Bell
    broker: str


class Reports(outages.Reports, Protocol):
    """Who wants to know what happens."""

    def done(self, done: Done) -> None:
        """Take what a round did."""


class Service:
    """Work on a node.

    :param open_store: opens the store: now, and again when the database was away.
    :param place: where jobs are run; its ``dispatcher_id`` is found out.
    :param node_type: makes the node one of this type; None leaves it as it is, hybrid if it is new.
    :param only_job_id: decide about and run this job alone, whatever the node does else.
    :param post: by which messages come and go, beside the store's bell.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        place: Place,
        pace: Pace,
        *,
        node_type: NodeType | None = None,
        only_job_id: int | None = None,
        post: Post | None = None,
    ) -> None:
        self._open_store, self._place, self._pace = open_store, place, pace
        self._node_type, self._only, self._post = node_type, only_job_id, post
        self._session: _Session | None = None
        self._process: Process | None = None
        self._executor: Executor | None = None
        # By the time that passes, which goes on evenly whatever clocks are set to.
        self._next_beat = self._next_look = self._next_sweep = -math.inf
        self._next_due = math.inf
        self._has_more = False

    @property
    def is_busy(self) -> bool:
        """Whether there are jobs in hand."""
        return self._executor is not None and self._executor.is_busy

    def run(self, stop: Stop, reports: Reports) -> None:
        """Do round after round until it is time to stop, or until the only job has ended.

        The jobs that run go on, and are adopted by whoever comes next.

        :raises SchemaMismatch: the database has another schema, from the beginning or by now.
        """

        def rest(done: Done) -> bool:
            reports.done(done)
            if self._has_ended():
                return False
            self.rest(stop)
            return True

        try:
            outage = outages.Outages(reports, self._pace.first_pause, self._pace.longest_pause)
            outages.keep_going(stop, self.run_once, rest, outage)
        finally:
            self.close()

    def run_once(self) -> Done:
        """Do one round."""
        try:
            return self._round()
        except (StoreUnavailable, NameTaken) as error:
            # A machine that was started anew has another name for a while; the one that it had is going to be missed.
            self._hang_up()
            return Done(outage=error)

    def rest(self, stop: Stop) -> None:
        """Wait for what makes another round worth while."""
        session = self._session
        if session is None or self._has_more:
            return
        due = min(self._next_beat, self._next_look, self._next_due) - time.monotonic()
        pause = _BUSY if self.is_busy else max(0.0, due)
        bells = [session.listener] if self._post is None else [session.listener, self._post.bell]
        stop.wait(pause, *bells)

    def finish(self, *, within: float = 10.0) -> None:
        """Be done with the jobs that have ended, as far as that is possible in so many seconds, and close."""
        until = time.monotonic() + within
        try:
            while self.is_busy and time.monotonic() < until and self.run_once().outage is None:
                time.sleep(_BUSY)
        finally:
            self.close()

    def close(self) -> None:
        """Sign off, and let go of the jobs, which go on."""
        if self._session is not None:
            with suppress(StoreUnavailable):  # it is going to be missed, then
                self._session.store.nodes.sign_off(self._session.process)
        self._hang_up()
        if self._executor is not None:
            self._executor.close()

    def _round(self) -> Done:
        session = self._session or self._sign_on()
        clock = Clock(session.store, _now)
        has_news = session.listener.drain() or self._has_more or self._only is not None
        has_news = (self._post is not None and self._post.bell.drain()) or has_news
        done = Done()
        if time.monotonic() >= self._next_beat:
            has_news = True
            session, done = self._tend(session, clock)
        # Nothing else makes room or work, and whoever decides keeps others from writing; but notifications may be lost.
        # Each with the time that it is by then: the steps of all nodes are read in the order of their times.
        if has_news or time.monotonic() >= min(self._next_look, self._next_due):
            scheduled, advanced = self._schedule(session, clock)
            done = done._replace(scheduled=scheduled, advanced=advanced, decided=self._decide(session, clock.now()))
            self._next_look = time.monotonic() + self._pace.poll
            self._pass_on(done.decided.assigned)
        self._has_more = done.decided.has_more or done.scheduled.has_more
        adopted = done.executed.adopted
        return done._replace(executed=self._execute(session, clock.now())._replace(adopted=adopted))

    def _tend(self, session: _Session, clock: Clock) -> tuple[_Session, Done]:
        """Do what is done at each heartbeat."""
        session = self._beat(session, clock)
        adopted = self._adopt(session, clock.now())
        reaped = self._reap(session, clock.now())
        if self._does_schedule(session):
            session.scheduler.refresh(clock.now())
        self._sweep(session)
        self._next_beat = time.monotonic() + self._pace.heartbeat
        return session, Done(executed=Executed([], adopted, []), reaped=reaped, clock_offset=clock.offset)

    def _sign_on(self) -> _Session:
        store = self._open_store()
        try:
            clock = Clock(store, _now)
            if self._node_type is not None:
                store.nodes.register(self._place.node, clock.now(), node_type=self._node_type)
                self._node_type = None  # from now on its owner may change it
            self._process = self._signed_on(store, clock)
            listener = store.queue.listen()
        except BaseException:
            store.close()
            raise
        self._place = self._place._replace(dispatcher_id=self._process.id)
        # Anew each time: when the database comes back, everybody has been silent, and has to be given time.
        reaper = Reaper(store, lost_after=self._pace.lost_after, lease=self._pace.lease)
        scheduler = Scheduler(store, counts_hosts=self._place.counts_hosts)
        self._session = _Session(store, listener, self._process, store.nodes.get(self._place.node), reaper, scheduler)
        self._equip(self._session)
        self._next_beat = -math.inf
        return self._session

    def _signed_on(self, store: Store, clock: Clock) -> Process:
        """Return this process as the store knows it: as before, unless somebody took it for dead."""
        if self._process is not None and store.nodes.beat(self._process, _measured(clock), clock.now()):
            return self._process
        own, now = processes.identity(os.getpid()), clock.now()
        # By this machine's clock, as the processes of a machine are known to one another.
        started = now if own is None else datetime.datetime.fromtimestamp(own.started, datetime.UTC)
        process = Process(0, self._place.node, machine.name(), os.getpid(), started, now, self._only)
        process = process._replace(facts=self._facts())
        return store.nodes.sign_on(process, _measured(clock), _version(), lost_after=self._pace.lost_after)

    def _facts(self) -> dict[str, str]:
        own = {"spool_dir": str(self._place.spool_dir)}
        return {**own, "broker": self._post.broker} if self._post is not None else own

    def _equip(self, session: _Session) -> None:
        if self._executor is None:
            self._executor = Executor(session.store, self._place, only_job_id=self._only)
        self._executor.use(session.store, self._place)

    def _beat(self, session: _Session, clock: Clock) -> _Session:
        if not session.store.nodes.beat(session.process, _measured(clock), clock.now()):
            self._hang_up()
            return self._sign_on()
        self._session = session._replace(node=session.store.nodes.get(self._place.node))
        return self._session

    def _adopt(self, session: _Session, now: datetime.datetime) -> list[Job]:
        """Sign off the processes of this node that have been killed, and take on what they had in hand."""
        alive = set()
        for one in session.store.nodes.dispatchers(self._place.node):
            if self._is_alive(one, now):
                alive.add(one.id)
            else:
                session.store.nodes.sign_off(one)
        # A node that runs no jobs any more may still have some.
        return self._executor.adopt(alive) if self._executor is not None else []

    def _is_alive(self, one: Process, now: datetime.datetime) -> bool:
        if one.machine == machine.name():
            if processes.is_alive(processes.Known(one.pid, one.process_started.timestamp())):
                return True
            if not processes.is_anybody(one.pid):
                return False
        # It is elsewhere; or this machine's clock was set, and when it started tells nothing any more.
        return is_fresh(one.last_seen, now, self._pace.lost_after)

    def _reap(self, session: _Session, now: datetime.datetime) -> Reaped:
        if self._only is not None or not session.node.node_type.dispatches:
            return Reaped([], [])
        return session.reaper.run_once(now, time.monotonic())

    def _sweep(self, session: _Session) -> None:
        if self._only is None and time.monotonic() >= self._next_sweep:
            sweep(session.store, self._place, _now())  # folders have the time of this machine
            self._next_sweep = time.monotonic() + _SWEEP

    def _does_schedule(self, session: _Session) -> bool:
        return self._only is None and session.node.node_type.dispatches

    def _schedule(self, session: _Session, clock: Clock) -> tuple[Scheduled, Advanced]:
        """Launch what schedules and workflows ask for, and find out when the next of it is due."""
        if not self._does_schedule(session):
            return Scheduled([], []), Advanced([])
        done = session.scheduler.run_once(clock.now())
        advanced = WorkflowRunner(session.store, counts_hosts=self._place.counts_hosts).run_once(clock.now())
        upcoming = [due for due in (session.store.schedules.next_run(), session.store.workflows.next_due()) if due]
        wait = (min(upcoming) - clock.now()).total_seconds() if upcoming else math.inf
        self._next_due = time.monotonic() + max(0.0, wait) + _LITTLE
        return done, advanced

    def _decide(self, session: _Session, now: datetime.datetime) -> Decided:
        if not session.node.node_type.dispatches and self._only is None:
            return Decided([], [])
        own = None if self._only is None else self._place.node
        dispatcher = Dispatcher(session.store, lost_after=self._pace.lost_after, own=own, only_job_id=self._only)
        return dispatcher.run_once(now)

    def _pass_on(self, assigned: list[Job]) -> None:
        """Tell other nodes what they were given; the first that cannot be told is the last attempt of this round."""
        if self._post is None:
            return
        for job in assigned:
            node = job.execution_node or ""
            if node != self._place.node and self._post.courier.to_node(job.id, node):
                return

    def _execute(self, session: _Session, now: datetime.datetime) -> Executed:
        if self._executor is None or not (session.node.node_type.runs_jobs or self._executor.is_busy):
            return Executed([], [], [])
        return self._executor.run_once(now)

    def _has_ended(self) -> bool:
        """Return whether the only job that this is for has ended."""
        if self._only is None or self._session is None or self.is_busy:
            return False
        return self._session.store.job(str(self._only)).status.is_final

    def _hang_up(self) -> None:
        if self._session is not None:
            self._session.listener.close()
            self._session.store.close()
            self._session = None


class _Session(NamedTuple):
    """An open store with what belongs to it."""

    store: Store
    listener: Listener
    process: Process
    node: Node
    reaper: Reaper
    scheduler: Scheduler


def _measured(clock: Clock) -> Machine:
    return machine.measure().model_copy(update={"clock_offset": clock.offset})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("forge-events")
    except PackageNotFoundError:
        return "unknown"


def _now() -> datetime.datetime:
    """Return what this machine's clock shows."""
    return datetime.datetime.now(datetime.UTC)
