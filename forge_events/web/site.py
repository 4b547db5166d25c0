# SPDX-License-Identifier: Apache-2.0
"""The site: who visits, what is asked for, and how a page is made of it."""

from __future__ import annotations

import datetime
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.routing import Route

from forge_events.api.auth import is_foreign
from forge_events.durations import lasted
from forge_events.errors import ForgeEventsError
from forge_events.output import to_styled_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from forge_events.api.auth import Principal
    from forge_events.api.calls import House
    from forge_events.jobs import Job
    from forge_events.store import Store

__all__ = ["FOLDER", "NotThere", "Site", "Visit", "as_json"]

FOLDER = Path(__file__).parent
_MAX_FORM = 1024 * 1024
_UNITS = ("B", "kB", "MB", "GB", "TB")


class NotThere(Exception):
    """What was asked for is not there; its text says so."""


class Visit(NamedTuple):
    """One request of somebody who is known.

    :param form: what was sent; empty for who only looks.
    """

    request: Request
    store: Store
    principal: Principal
    house: House
    form: dict[str, list[str]]

    def asked(self, name: str, default: str = "") -> str:
        """Return a parameter of the URL."""
        return str(self.request.query_params.get(name, default))

    def number(self, name: str, default: int = 0) -> int:
        """Return a parameter of the URL that is a number; what is none is the default."""
        text = self.asked(name)
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else default

    def job(self) -> Job:
        """Return the job of the path.

        :raises UnknownJob: there is none.
        """
        return self.store.job(str(self.request.path_params["job_id"]))

    @property
    def may_change(self) -> bool:
        """Whether the visitor may start and stop things."""
        return bool(self.principal.can_write and self.principal.is_admin)


class Site:
    """Makes routes of functions that answer a visit."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._pages = _environment()

    def looks(self, path: str, answer: Callable[[Visit], Response]) -> Route:
        """Return the route of something to look at."""
        return Route(path, self._endpoint(answer), methods=["GET"])

    def changes(self, path: str, answer: Callable[[Visit], Response]) -> Route:
        """Return the route of a form that changes something: from our own pages alone, by who may."""
        return Route(path, self._endpoint(answer, is_change=True), methods=["POST"])

    def page(self, visit: Visit, name: str, *, status: int = 200, **values: Any) -> Response:
        """Return a page made of a template."""
        shared = {
            "visit": visit,
            "path": visit.request.url.path,
            "user": visit.principal.user.username,
            "csrf": visit.principal.csrf,
            "may_change": visit.may_change,
            "now": visit.store.now(),
        }
        return HTMLResponse(
            self._pages.get_template(name).render(shared | values),
            status_code=status,
            headers={"Cache-Control": "no-store"},
        )

    def _endpoint(self, answer: Callable[[Visit], Response], *, is_change: bool = False) -> Callable[..., Any]:
        async def endpoint(request: Request) -> Response:
            raw = b""
            async for piece in request.stream():
                raw += piece
                if len(raw) > _MAX_FORM:
                    return HTMLResponse("The form is too large.\n", 413)
            return await run_in_threadpool(self._answer, answer, request, raw, is_change)

        return endpoint

    def _answer(self, answer: Callable[[Visit], Response], request: Request, raw: bytes, is_change: bool) -> Response:  # noqa: FBT001 - a thread takes no names
        store = self._house.stores.mine()
        principal = self._house.authenticator.principal(store, request)
        if principal is None:
            following = quote(f"{request.url.path}?{request.url.query}".rstrip("?"))
            return RedirectResponse(f"/api/login/?next={following}", 303)
        form: dict[str, list[str]] = {}
        for name, value in parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True):
            form.setdefault(name, []).append(value)
        visit = Visit(request, store, principal, self._house, form)
        try:
            if is_change and (is_foreign(request) or not _is_own(principal.csrf, form) or not visit.may_change):
                return self.page(visit, "trouble.html", status=403, trouble="That is not allowed from here.")
            return answer(visit)
        except NotThere as error:
            return self.page(visit, "trouble.html", status=404, trouble=str(error))
        except ForgeEventsError as error:
            if request.url.path.endswith(".json"):
                return JSONResponse({"detail": str(error)}, 404)
            return self.page(visit, "trouble.html", status=404, trouble=str(error))


def as_json(value: Any) -> Response:
    """Return an answer for a script of the page."""
    return JSONResponse(value, headers={"Cache-Control": "no-store"})


def _is_own(csrf: str, form: dict[str, list[str]]) -> bool:
    return bool(csrf) and form.get("csrf") == [csrf]


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "bytes": _bytes,
        "clean": _clean,
        "command": shlex.join,
        "iso": _iso,
        "lasted": lambda seconds: lasted(seconds, decimals=1 if seconds < 10 else 0),
        "number": lambda number: f"{number:,}".replace(",", "\N{THIN SPACE}"),
        "stamp": lambda time: f"{time:%Y-%m-%d %H:%M:%S} UTC",
    }
    made.globals["glyphs"] = _GLYPHS
    return made


_GLYPHS = {
    "new": "○",
    "pending": "○",
    "waiting": "◔",
    "running": "◐",
    "successful": "✓",
    "failed": "✕",
    "error": "!",
    "canceled": "⊘",
}
"""What stands in front of a status, so that it is not told by its colour alone."""


def _clean(text: str) -> str:
    """Return a text on one line, without what would turn round or hide what stands beside it."""
    return " ".join(to_styled_lines(text.replace("\x1b", "\N{REPLACEMENT CHARACTER}")))


def _iso(time: datetime.datetime | None) -> str:
    return "" if time is None else time.astimezone(datetime.UTC).isoformat()


def _bytes(count: float) -> str:
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return ""
