# SPDX-License-Identifier: Apache-2.0
"""The application: routes, refusals, and what goes along with every answer."""

from __future__ import annotations

import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from forge_events.api.accounts import add_accounts
from forge_events.api.instances import add_instances
from forge_events.api.jobs import add_jobs
from forge_events.api.login import LoginByUrl, add_login
from forge_events.api.numbers import add_numbers
from forge_events.api.objects import add_objects
from forge_events.api.refusals import Refusal, detail, not_found
from forge_events.api.root import LEVEL, add_root, version
from forge_events.api.routes import Routes
from forge_events.api.schedules import add_schedules
from forge_events.api.stubs import add_stubs
from forge_events.api.templates import add_templates
from forge_events.api.webhooks import add_webhooks
from forge_events.api.websocket import socket_routes
from forge_events.api.wire import Json
from forge_events.errors import ForgeEventsError, InvalidSettings, StoreUnavailable, ValueRejected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from forge_events.api.calls import House
    from forge_events.api.live import Live

__all__ = ["create_app"]

_LOG = logging.getLogger("forge_events.api")
_SOON = {"Retry-After": "5"}
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'; style-src-attr 'unsafe-inline'; frame-ancestors 'none'; "
    "base-uri 'none'; object-src 'none'; form-action 'self'",
}

_NAMES = ("ping", "config", "me", "users", "tokens", "organizations", "projects", "execution_environments", "hosts",
          "groups", "labels", "job_templates", "schedules", "jobs", "unified_jobs", "unified_job_templates",
          "instances", "instance_groups", "credentials", "credential_types", "notification_templates", "teams",
          "applications", "inventory_sources", "metrics", "dashboard", "bulk")  # fmt: skip
_PLACES = {
    **{name: name for name in _NAMES},
    "inventory": "inventories",  # AWX's own name for it, by which its clients look
}
"""The lists below ``/api/v2/``, by the names that clients know them by."""

# What is not there comes last, for a path is the first one's that has it.
_PARTS = (add_jobs, add_objects, add_templates, add_schedules, add_webhooks, add_accounts, add_instances, add_numbers,
          add_stubs)  # fmt: skip


def create_app(house: House, live: Live, *, hosts: Sequence[str] = ("127.0.0.1", "localhost", "[::1]")) -> FastAPI:
    """Return the application.

    :param live: what its websockets share.
    :param hosts: the names by which browsers may call it; ``*`` takes any.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with live.running():
            yield
        house.stores.close()

    app = FastAPI(
        title="forge_events", version=version(), docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.state.house = house
    routes = Routes(house)
    add_root(routes, {name: f"/api/v2/{path}/" for name, path in _PLACES.items()})
    add_login(routes)
    for add in _PARTS:
        add(routes)
    routes.add("/api/schema/", GET=lambda _: app.openapi())
    app.include_router(routes.router)
    app.router.routes.extend(socket_routes(house, live))
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ForgeEventsError, _error)
    app.add_exception_handler(Exception, _bug)
    app.add_middleware(LoginByUrl, house=house)
    app.add_middleware(_Headers, node=house.node)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    return app


def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - what it is registered for
    return Json(error.body, status_code=error.status, headers=error.headers)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    if error.status_code == 404:
        return _refusal(request, not_found())
    return _refusal(request, detail(error.status_code, str(error.detail)))


def _error(request: Request, error: Exception) -> Response:
    """Answer for an error of the library: what the asker can do nothing about is a fault of ours."""
    if isinstance(error, StoreUnavailable):
        # Its words name the database, which is nobody's business but the log's.
        _LOG.warning("a request had to go without the database: %s", error)
        return _refusal(request, detail(503, "The database cannot be used just now.", **_SOON))
    if isinstance(error, InvalidSettings):
        # Nobody who asks can do anything about it, and what is set is not their business.
        _LOG.error("a request had to go without what is set: %s", error)
        return _refusal(request, detail(503, "The server's settings do not allow it just now.", **_SOON))
    # Its words name the database, too.
    text = f"A value is not taken: {error.reason}" if isinstance(error, ValueRejected) else str(error)
    return _refusal(request, detail(400, text))


def _bug(_: Request, error: Exception) -> Response:
    _LOG.error("an answer could not be made: %s", type(error).__name__, exc_info=error)
    return Json({"detail": "A server error has occurred."}, status_code=500)


class _Headers:
    """Say with every answer what answers, and what browsers may do with it; answer HEAD as GET without the body."""

    def __init__(self, app: ASGIApp, node: str) -> None:
        self._app, self._node = app, node

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        is_api = scope["path"].startswith("/api/")
        is_head = scope["method"] == "HEAD" and is_api
        if is_head:
            scope = {**scope, "method": "GET"}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers(is_api=is_api, began=began)]
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        await self._app(scope, receive, sending)

    def _headers(self, *, is_api: bool, began: float) -> list[tuple[bytes, bytes]]:
        found: dict[str, Any] = dict(_SECURITY)
        if is_api:
            found |= {
                "X-API-Product-Name": "AWX",
                "X-API-Node": self._node,
                "X-API-Time": f"{time.monotonic() - began:.3f}s",
                "X-API-Product-Version": LEVEL,
                "X-Forge-Events-Version": version(),
                "Cache-Control": "no-store",
                "Vary": "Accept, Cookie, Authorization",
            }
        return [(name.lower().encode(), str(value).encode("latin-1", "replace")) for name, value in found.items()]
