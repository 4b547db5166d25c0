# SPDX-License-Identifier: Apache-2.0
"""Paths and what answers there, for every method of HTTP."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from forge_events.api.calls import Call
from forge_events.api.openapi import documented
from forge_events.api.options import described, described_action
from forge_events.api.refusals import Refusal, detail, not_allowed
from forge_events.api.wire import Json

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from forge_events.api.calls import House
    from forge_events.api.resources import Resource

__all__ = ["Answer", "Routes", "answered"]

_AUDIT = logging.getLogger("forge_events.audit")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_MAX_BODY = 2 * 1024 * 1024
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Answer(NamedTuple):
    """What is sent; a bare value is sent as JSON with status 200.

    :param body: None sends nothing.
    """

    status: int
    body: Any = None
    location: str = ""


class Routes:
    """Collects the paths of the API."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.router = APIRouter()

    def add(
        self,
        path: str,
        *,
        options: Callable[[Call], Any] | None = None,
        is_open: bool = False,
        told: Mapping[str, Mapping[str, Any]] | None = None,
        **functions: Callable[[Call], Any],
    ) -> None:
        """Add a path.

        :param options: what OPTIONS answers.
        :param is_open: nobody has to be logged in.
        :param told: what the OpenAPI document says of each method; those that are missing are not in it.
        :param functions: what answers to each method.
        """
        allowed = ", ".join([*functions, *(["HEAD"] if "GET" in functions else []), "OPTIONS"])
        for method in _METHODS:
            function = functions.get(method) or (
                options or partial(_described, functions) if method == "OPTIONS" else None
            )
            extra = (told or {}).get(method)
            self.router.add_api_route(
                path,
                self._endpoint(function, method, allowed, is_open=is_open),
                methods=[method],
                include_in_schema=extra is not None,
                openapi_extra=dict(extra) if extra else None,
                operation_id=f"{method.lower()}{path.replace('/', '_').replace('{', '').replace('}', '')}",
                response_class=Json,
                responses={},
            )

    def resource(self, path: str, resource: Resource, **functions: Callable[[Call], Any]) -> None:
        """Add a path at which objects of a resource are, with OPTIONS that tell of their fields."""
        is_detail = "{" in path.rpartition("/")[0].rpartition("/")[2]

        def options(call: Call) -> Any:
            return described(call, resource, functions, is_detail=is_detail)

        self.add(path, options=options, is_open=False, told=documented(path, resource, functions), **functions)

    def _endpoint(
        self, function: Callable[[Call], Any] | None, method: str, allowed: str, *, is_open: bool
    ) -> Callable[..., Response]:
        house = self._house

        def run(request: Request, raw: bytes = Depends(_raw)) -> Response:
            store = house.stores.mine()
            principal = None
            if is_open:
                try:
                    principal = house.authenticator.principal(store, request)
                except Refusal:
                    principal = None
            else:
                principal = house.authenticator.checked(store, request, method)
            if function is None:
                raise not_allowed(method, allowed)
            call = Call(house, request, raw, principal)
            response = answered(call, function(call))
            if method == "OPTIONS":
                response.headers["Allow"] = allowed
            if method in _CHANGES and principal is not None:
                who, what = principal.user.username, repr(request.url.path)
                _AUDIT.info("%s %s by %s: %s", method, what, who, response.status_code)
            return response

        return run


def answered(call: Call, found: Any) -> Response:
    """Return what is sent for what a function returned."""
    if isinstance(found, Response):
        return found
    answer = found if isinstance(found, Answer) else Answer(200, found)
    headers = dict(call.headers)
    if answer.location:
        headers["Location"] = answer.location
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    return Json(answer.body, status_code=answer.status, headers=headers)


def _described(methods: Container[str], call: Call) -> dict[str, Any]:
    del call  # everybody may know it
    return described_action((), methods)


async def _raw(request: Request) -> bytes:
    """Read the body, as far as it is not too long."""
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > _MAX_BODY:
            raise detail(413, f"A body has at most {_MAX_BODY} bytes.")
    return bytes(read)
