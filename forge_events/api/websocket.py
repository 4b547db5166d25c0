# SPDX-License-Identifier: Apache-2.0
"""The websocket of AWX, at ``/websocket/`` and ``/api/websocket/``: events and statuses as they come.

Each socket has a cursor for each job that it follows. It reads what stands behind the cursor, sends it and waits until
that has gone out: a client that is slow is read for later, and nothing is kept for it. Events come by counter and
without a gap, the last status of a job behind its last event.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.requests import HTTPConnection
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from forge_events.api.auth import is_foreign
from forge_events.api.refusals import Refusal, forbidden, unauthenticated
from forge_events.api.relay import PATH as RELAY
from forge_events.api.relay import Gate
from forge_events.api.subscription import DENIED, InvalidRequest, Subscription, as_text, status_message
from forge_events.api.wire import Json
from forge_events.errors import ForgeEventsError, UnknownJob
from forge_events.events import EventFilter
from forge_events.store.feed import StatusChange

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from forge_events.api.calls import House
    from forge_events.api.live import Live
    from forge_events.jobs import Job
    from forge_events.store import Store

__all__ = ["MAX_MESSAGE", "PATHS", "Visitor", "serve", "socket_routes"]

PATHS = ("/websocket/", "/api/websocket/")
MAX_MESSAGE = 64 * 1024
"""Characters of the longest message that a client may send."""

_FAR_BEHIND = 10_000
_WORTH_A_LOOK = 100


class Visitor(NamedTuple):
    """Who has come.

    :param token: what each request has to carry as ``xrftoken``; None if whoever comes has shown a token anyway.
    """

    user_id: int
    token: str | None = None


def socket_routes(house: House, live: Live) -> list[BaseRoute]:
    """Return the routes of the websocket."""

    async def endpoint(websocket: WebSocket) -> None:
        try:
            visitor = await asyncio.to_thread(_visitor, house, websocket)
        except Refusal as refusal:
            await websocket.send_denial_response(Json(refusal.body, status_code=refusal.status))
            return
        await serve(websocket, live, visitor)

    gate = Gate(house.relay_secret, house.proofs)

    async def relay(websocket: WebSocket) -> None:
        await gate.receive(websocket, live)

    return [*(WebSocketRoute(path, endpoint) for path in PATHS), WebSocketRoute(RELAY, relay)]


async def serve(websocket: WebSocket, live: Live, visitor: Visitor) -> None:
    """Speak with one client until it goes."""
    await websocket.accept()
    socket = _Socket(websocket, live, visitor)
    await socket.send({"accept": True, "user": visitor.user_id})
    tasks = [asyncio.ensure_future(part) for part in (socket.listen(), socket.tell())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    except (WebSocketDisconnect, RuntimeError):
        pass  # it has gone; starlette says so in either way, depending on who notices first
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        socket.close()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await websocket.close()


def _visitor(house: House, websocket: WebSocket) -> Visitor:
    """Return who has come: by a token or password, by a session, or by a token in a cookie, as awxkit sends it.

    :raises Refusal: nobody who is known, or another site's page.
    """
    store = house.stores.mine()
    principal = house.authenticator.principal(store, websocket)
    shown = websocket.cookies.get("token", "").strip('"')
    if principal is None and shown:
        headers = [(b"authorization", f"Bearer {shown}".encode("latin-1", "replace"))]
        principal = house.authenticator.principal(store, HTTPConnection({**websocket.scope, "headers": headers}))
        if is_foreign(websocket):
            raise forbidden()
    if principal is None:
        raise unauthenticated()
    if principal.kind == "session" and is_foreign(websocket):
        raise forbidden()
    return Visitor(principal.user.id, principal.csrf if principal.kind == "session" else None)


class _Followed:
    """A job whose events a socket is sent.

    :param tells_end: whether the client is told how the job ended, though it does not want all statuses.
    :param end: how it ended, if it has and that is to be told behind its last event.
    """

    def __init__(self, after: int, *, tells_end: bool, end: StatusChange | None) -> None:
        self.after, self.tells_end, self.is_far = after, tells_end, False
        self.end, self.has_ended = end, end is not None


class _Socket:
    """One client: what it wants, and how far it is."""

    def __init__(self, websocket: WebSocket, live: Live, visitor: Visitor) -> None:
        self._websocket, self._live, self._visitor = websocket, live, visitor
        self._waker = live.waker()
        self._wanted = Subscription()
        self._followed: dict[int, _Followed] = {}
        self._progress: dict[int, tuple[int, str]] = {}
        self._place = live.step_count

    def close(self) -> None:
        """Wait for nothing more."""
        self._live.leave(self._waker)

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message, once those before have gone out."""
        await self._websocket.send_text(as_text(message))

    async def listen(self) -> None:
        """Take requests until the client goes."""
        while True:
            text = await self._websocket.receive_text()
            try:
                await self._subscribe(Subscription.of(text[: MAX_MESSAGE + 1], self._visitor.token))
            except InvalidRequest as error:
                await self.send({"error": str(error)})
            except ForgeEventsError:
                await self.send({"error": "the database cannot be reached; ask again"})

    async def tell(self) -> None:
        """Send what is new, for ever."""
        while True:
            is_new = False
            # When the database is away, the cursors stay where they are.
            with contextlib.suppress(ForgeEventsError):
                is_new = await self._tell_news()
            if not is_new:
                await self._waker.wait()

    async def _subscribe(self, wanted: Subscription) -> None:
        await self._live.catch_up()
        place = self._live.step_count
        followed: dict[int, _Followed] = {}
        for group in ("job_events", "progress"):
            for job_id in wanted.jobs_of(group):
                try:
                    job = await self._live.job(job_id)
                except UnknownJob:
                    await self.send({"error": f"{DENIED} {group} for resource id {job_id}"})
                    wanted = wanted.without(group, job_id)
                    continue
                if group == "job_events":
                    followed[job_id] = await self._begin(job, wanted)
        before, self._wanted, self._followed, self._progress = self._wanted.groups, wanted, followed, {}
        if not before:  # what happened before anybody asked is nothing new
            self._place = place
        await self.send(
            {
                "groups_current": sorted(wanted.groups),
                "groups_left": sorted(before - wanted.groups),
                "groups_joined": sorted(wanted.groups - before),
            }
        )
        self._waker.watch([*followed, *wanted.jobs_of("progress")])

    async def _begin(self, job: Job, wanted: Subscription) -> _Followed:
        """Return where to begin with a job: where the client says, where it is already, or with the next event."""
        if job.id in wanted.after:
            end = await self._live.ask(lambda store: _end_of(store, job)) if job.status.is_final else None
            return _Followed(wanted.after[job.id], tells_end=True, end=end)
        if job.id in self._followed:
            return self._followed[job.id]
        last = await self._live.ask(lambda store: store.last_events(job.id, EventFilter()))
        return _Followed(last[-1].counter if last else 0, tells_end=False, end=None)

    async def _tell_news(self) -> bool:
        """Send what is new of everything; return whether there may be more."""
        steps, self._place = self._live.steps(self._place), self._live.step_count
        for step in steps:
            await self._tell_step(step)
        # One batch of each job in turn, so that a long one does not keep the others waiting.
        has_more = [await self._tell_events(job_id, one) for job_id, one in list(self._followed.items())]
        await self._tell_progress()
        return any(has_more)

    async def _tell_step(self, step: StatusChange) -> None:
        followed = self._followed.get(step.job_id)
        if followed is not None and step.status.is_final:
            if not followed.has_ended:  # it is told once, behind the last event
                followed.end, followed.has_ended = step, True
        elif step.status.is_final and (self._wanted.wants_statuses or self._wanted.wants_summaries):
            last = await self._live.ask(lambda store: store.last_events(step.job_id, EventFilter()))
            await self._tell_end(step, last[-1].counter if last else 0)
        elif self._wanted.wants_statuses:
            await self.send(status_message(step))

    async def _tell_events(self, job_id: int, followed: _Followed) -> bool:
        """Send a batch of a job's events, and how it ended once there are none left; return whether there are more."""
        end = followed.end  # known before the events are read: what a job has that has ended is all there
        batch = await self._live.events(job_id, followed.after)
        if batch.messages:
            await self._send_batch(job_id, batch.messages)
            followed.after = batch.last
            await self._tell_lag(job_id, followed, len(batch.messages))
            return True
        if end is not None:
            followed.end = None
            if followed.tells_end or self._wanted.wants_statuses:
                await self._tell_end(end, followed.after, is_wanted=True)
        return followed.end is not None

    async def _send_batch(self, job_id: int, messages: tuple[str, ...]) -> None:
        if self._wanted.is_batched:
            joined = ",".join(messages)
            await self._websocket.send_text(f'{{"group_name":"job_events","job":{job_id},"events":[{joined}]}}')
            return
        for message in messages:
            await self._websocket.send_text(message)

    async def _tell_lag(self, job_id: int, followed: _Followed, sent: int) -> None:
        """Tell a client that is far behind, each time it has fallen there."""
        if sent < _WORTH_A_LOOK:
            return
        lag = (await self._live.job(job_id)).event_count - followed.after
        if lag > _FAR_BEHIND and not followed.is_far:
            await self.send({"group_name": "jobs", "unified_job_id": job_id, "lag": lag})
        followed.is_far = lag > _FAR_BEHIND

    async def _tell_end(self, step: StatusChange, counter: int, *, is_wanted: bool = False) -> None:
        if self._wanted.wants_summaries:
            await self.send({"group_name": "jobs", "unified_job_id": step.job_id, "final_counter": counter})
        if is_wanted or self._wanted.wants_statuses:
            await self.send(status_message(step, counter))

    async def _tell_progress(self) -> None:
        """Tell how far jobs are, without their events; what was not told meanwhile is not told later."""
        for job_id in self._wanted.jobs_of("progress"):
            job = await self._live.job(job_id)
            now = (job.event_count, job.status.value)
            if self._progress.get(job_id) != now:
                self._progress[job_id] = now
                told = {"group_name": "progress", "job": job_id, "event_count": job.event_count, "status": job.status}
                await self.send(told)


def _end_of(store: Store, job: Job) -> StatusChange:
    last = store.transitions(job.id)[-1]
    return StatusChange(0, job.id, last.new, last.at, job.job_template_id, job.execution_node)
