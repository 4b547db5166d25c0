# SPDX-License-Identifier: Apache-2.0
"""Wake the web machines that cannot listen to the database: behind a pooler, or in a network of their own.

A relay runs where the database can be heard, and dials each web machine, as AWX's ``wsrelay`` does. It carries wake-ups
alone, a job and a counter: without it a page is a second late, and never lacks anything. Who knows the secret can wake,
and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect

from forge_events.api.wire import Json
from forge_events.errors import ForgeEventsError, InvalidSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from starlette.websockets import WebSocket

    from forge_events.api.live import Live
    from forge_events.store import Store

__all__ = ["PATH", "Gate", "Relay", "checked", "fingerprint", "proof"]

PATH = "/websocket/relay/"
_KIND = "HMAC-SHA256"
_WITHIN, _MANY = 60.0, 10_000
_SHORTEST = 32
_FIRST_PAUSE, _LONGEST_PAUSE, _OFTEN = 0.5, 10.0, 0.02


def checked(secret: str) -> str:
    """Return a secret that is long enough.

    :raises InvalidSettings: it is not; there is no other one that everybody knows.
    """
    if len(secret.encode()) < _SHORTEST:
        raise InvalidSettings("FORGE_BROADCAST_WEBSOCKET_SECRET", f"it has to have at least {_SHORTEST} bytes")
    return secret


def fingerprint(secret: str) -> str:
    """Return eight digits by which people see whether two machines have the same secret."""
    return hashlib.sha256(secret.encode()).hexdigest()[:8]


def proof(secret: str, now: float) -> str:
    """Return the header ``secret`` of one call, in AWX's form; its nonce is a time and what nobody guesses."""
    nonce = f"{now:.0f}.{secrets.token_hex(8)}"
    return f"{_KIND} {nonce}:{_digest(secret, nonce)}"


def _digest(secret: str, nonce: str) -> str:
    message = json.dumps({"secret": secret, "nonce": nonce})
    return hmac.digest(secret.encode(), message.encode(), "sha256").hex()


class Gate:
    """Lets relays in that know the secret; each proof is good once.

    :param secret: an empty one lets nobody in.
    :param folder: where the processes of a machine that answer together keep which proofs were used.
    """

    def __init__(self, secret: str, folder: Path | None = None) -> None:
        self._secret, self._folder = secret, folder
        self._used: dict[str, float] = {}

    @property
    def fingerprint(self) -> str:
        """What is told to one who is refused, so that people see why."""
        return fingerprint(self._secret) if self._secret else "none"

    def admits(self, header: str, now: float) -> bool:
        """Return whether a header proves that its sender knows the secret, now and for the first time."""
        kind, _, rest = header.partition(" ")
        nonce, _, digest = rest.partition(":")
        when = nonce.partition(".")[0]
        if not self._secret or kind != _KIND or not (when.isascii() and when.isdecimal() and len(when) < 16):
            return False
        is_right = hmac.compare_digest(_digest(self._secret, nonce).encode(), digest.encode())
        if not is_right or abs(now - int(when)) > _WITHIN:
            return False
        self._used = {used: at for used, at in self._used.items() if now - at <= 2 * _WITHIN}
        if nonce in self._used or len(self._used) >= _MANY:
            return False
        self._used[nonce] = now
        return self._folder is None or _is_first(self._folder, hashlib.sha256(nonce.encode()).hexdigest(), now)

    async def receive(self, websocket: WebSocket, live: Live) -> None:
        """Wake whoever waits as a relay says, until it goes."""
        if not self.admits(websocket.headers.get("secret", ""), time.time()):
            refusal = {"detail": "The secret is another one.", "fingerprint": self.fingerprint}
            await websocket.send_denial_response(Json(refusal, status_code=403))
            return
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                group, _, job_id = _group(await websocket.receive_text()).rpartition("-")
                if group == "job_events" and job_id.isascii() and job_id.isdecimal() and len(job_id) < 19:
                    live.notify(int(job_id))
                elif group:
                    live.notify()


def _is_first(folder: Path, name: str, now: float) -> bool:
    """Return whether no process has used a proof before; those that are too old for anybody are forgotten."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        (folder / name).touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return False
    for file in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if file.name != name and now - file.stat().st_mtime > 2 * _WITHIN:
                file.unlink()
    return True


def _group(text: str) -> str:
    try:
        return str(json.loads(text)["group"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


class Relay:
    """Tells web machines of what the store says.

    :param urls: the machines, as ``https://web1.example``.
    :param tell: takes a line about what goes wrong, and when it goes right again.
    """

    def __init__(self, store: Store, urls: Sequence[str], secret: str, tell: Callable[[str], object]) -> None:
        self._store, self._secret, self._tell = store, checked(secret), tell
        self._news: dict[str, dict[int, int]] = {url: {} for url in urls}
        self._woken = {url: asyncio.Event() for url in urls}

    async def run(self) -> None:
        """Relay until this is cancelled."""
        # A group waits until every connection is closed; what gathers leaves them behind.
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            for url in self._news:
                tasks.create_task(self._serve(url))

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(ForgeEventsError):
                watcher = self._store.watch()
                broken = asyncio.Event()
                loop.add_reader(watcher.fileno(), self._hear, watcher.news, broken)
                try:
                    await broken.wait()
                finally:
                    loop.remove_reader(watcher.fileno())
                    watcher.close()
            await asyncio.sleep(_FIRST_PAUSE)

    def _hear(self, news: Callable[[], list[tuple[int, int]] | None], broken: asyncio.Event) -> None:
        try:
            found = news()
        except ForgeEventsError:
            broken.set()
            return
        for url, waiting in self._news.items():
            # What a machine has not been told yet is told once: a counter takes the place of the one before.
            waiting.update(dict(found) if found is not None else {0: 0})
            self._woken[url].set()

    async def _serve(self, url: str) -> None:
        """Keep a connection to one machine, and say when that does not work, and why."""
        pause, said = _FIRST_PAUSE, ""
        while True:
            trouble = await self._attempt(url)
            if trouble and trouble != said:
                self._tell(f"{url}: {trouble}")
            said, pause = trouble, _FIRST_PAUSE if not trouble else min(_LONGEST_PAUSE, 2 * pause)
            await asyncio.sleep(pause)

    async def _attempt(self, url: str) -> str:
        import websockets

        address = url.rstrip("/").replace("http", "ws", 1) + PATH
        headers = {"secret": proof(self._secret, time.time())}
        try:
            async with websockets.connect(address, additional_headers=headers) as connection:
                self._tell(f"{url}: connected")
                await self._send(url, connection)
        except websockets.InvalidStatus as error:
            return self._refusal(error.response.status_code, error.response.body or b"")
        except (OSError, websockets.WebSocketException, TimeoutError) as error:
            return str(error) or type(error).__name__
        return ""

    async def _send(self, url: str, connection) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        while True:
            await self._woken[url].wait()
            self._woken[url].clear()
            waiting, self._news[url] = self._news[url], {}
            for job_id, counter in waiting.items():
                group = f"job_events-{job_id}" if job_id else "jobs-status_changed"
                await connection.send(json.dumps({"group": group, "counter": counter}))
            await asyncio.sleep(_OFTEN)

    def _refusal(self, status: int, body: bytes | bytearray) -> str:
        try:
            other = str(json.loads(body)["fingerprint"])
        except (ValueError, KeyError, TypeError):
            return f"it refuses, with status {status}"
        here = fingerprint(self._secret)
        return f"wsrelay has another FORGE_BROADCAST_WEBSOCKET_SECRET than web ({here} here, {other} there)"
