# SPDX-License-Identifier: Apache-2.0
"""A server of the websocket alone, and clients of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import TYPE_CHECKING

import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from forge_events.api.live import Live
from forge_events.api.websocket import PATHS, Visitor, serve
from forge_events.store import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def application(url: str, token: str | None = None) -> Starlette:
    live = Live(lambda: open_store(url))

    async def endpoint(websocket):
        await serve(websocket, live, Visitor(1, token))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with live.running():
            yield

    return Starlette(routes=[WebSocketRoute(path, endpoint) for path in PATHS], lifespan=lifespan)


@contextlib.contextmanager
def serving(app: Starlette, port: int = 0) -> Iterator[str]:
    """Serve in a thread; give the address."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", ws_ping_interval=20))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.01)
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class Client:
    """A client that takes messages one by one."""

    def __init__(self, connection) -> None:
        self.connection = connection

    async def next(self, seconds: float = 10):
        return json.loads(await asyncio.wait_for(self.connection.recv(), seconds))

    async def ask(self, **request):
        await self.connection.send(json.dumps(request))

    async def until(self, is_last, seconds: float = 20):
        """Return the messages up to the one that is the last."""
        found: list = []
        while not found or not is_last(found[-1]):
            found.append(await self.next(seconds))
        return found


@contextlib.asynccontextmanager
async def connected(address: str, path: str = "/websocket/", **options) -> AsyncIterator[Client]:
    async with websockets.connect(f"ws://{address}{path}", max_size=None, **options) as connection:
        client = Client(connection)
        assert await client.next() == {"accept": True, "user": 1}
        yield client


def is_final(message) -> bool:
    return message.get("final_counter") is not None and "status" in message
