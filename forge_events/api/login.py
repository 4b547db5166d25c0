# SPDX-License-Identifier: Apache-2.0
"""Log in and out with a browser, or with a client that works as one."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from forge_events.api.auth import CSRF_COOKIE, SESSION_COOKIE, csrf_of, is_foreign
from forge_events.api.refusals import forbidden
from forge_events.api.secrets import digest_of

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from forge_events.api.calls import Call, House
    from forge_events.api.routes import Routes

__all__ = ["LoginByUrl", "add_login", "give_session", "with_csrf"]

_FORM = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Log in · forge_events</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/css/site.css">
<script src="/static/js/theme.js"></script></head>
<body>
<main class="login">
<h1><span class="mark" aria-hidden="true">&#8826;</span>forge_events</h1>
{trouble}
<form class="sheet" method="post" action="/api/login/">
<input type="hidden" name="next" value="{next}">
<label><span class="label">Username</span>
<input name="username" autocomplete="username" autocapitalize="none" required autofocus></label>
<label><span class="label">Password</span>
<input name="password" type="password" autocomplete="current-password" required></label>
<p><button class="primary">Log in</button></p>
</form>
</main>
</body>
</html>
"""


def add_login(routes: Routes) -> None:
    """Add the paths of logging in and out."""
    routes.add("/api/login/", GET=_form, POST=_login, is_open=True)
    routes.add("/api/logout/", GET=_logout, POST=_logout, is_open=True)


def give_session(response: Response, request: Request, session: str, csrf: str) -> None:
    """Have the browser keep a session."""
    secure = request.url.scheme == "https"
    response.set_cookie(SESSION_COOKIE, session, httponly=True, samesite="lax", secure=secure, path="/")
    response.set_cookie(CSRF_COOKIE, csrf, samesite="lax", secure=secure, path="/")
    response.set_cookie("userLoggedIn", "true", samesite="lax", secure=secure, path="/")
    response.headers["X-API-Session-Cookie-Name"] = SESSION_COOKIE


def with_csrf(call: Call, response: Response) -> Response:
    """Have a client that does not know it yet keep what stands against forged requests."""
    principal = call.principal if call.is_known else None
    secure = call.request.url.scheme == "https"
    response.set_cookie(CSRF_COOKIE, csrf_of(principal, call.request), samesite="lax", secure=secure, path="/")
    return response


def _form(call: Call) -> Response:
    return with_csrf(call, _page(dict(call.parameters).get("next", ""), status=200))


def _page(following: str, *, status: int, trouble: str = "") -> Response:
    said = f'<p class="trouble" role="alert">{html.escape(trouble)}</p>' if trouble else ""
    return HTMLResponse(_FORM.format(next=html.escape(_local(following)), trouble=said), status_code=status)


def _login(call: Call) -> Response:
    if is_foreign(call.request):
        raise forbidden("CSRF Failed: Origin checking failed.")
    form = call.form()
    username, password = form.get("username", ""), form.get("password", "")
    user = call.house.authenticator.login(call.store, call.request, username, password)
    if user is None:
        return _page(form.get("next", ""), status=401, trouble="Invalid username/password.")
    response = RedirectResponse(_local(form.get("next", "")), status_code=302)
    give_session(response, call.request, *call.house.authenticator.open_session(call.store, user))
    return response


def _logout(call: Call) -> Any:
    if is_foreign(call.request):
        raise forbidden("CSRF Failed: Origin checking failed.")
    session = call.request.cookies.get(SESSION_COOKIE)
    if session:
        call.store.accounts.close_session(digest_of(session))
    response = RedirectResponse("/api/", status_code=302)
    response.delete_cookie(SESSION_COOKIE, path="/")
    response.set_cookie("userLoggedIn", "false", samesite="lax", path="/")
    return response


def _local(following: str) -> str:
    """Return where to go on, here and nowhere else."""
    parts = urlsplit(following)
    is_here = following.startswith("/") and not following.startswith(("//", "/\\")) and not parts.netloc
    return following if is_here and following.isprintable() else "/api/v2/"


class LoginByUrl:
    """Let a browser in that shows, once, what the process printed when it began; then it is out of the URL."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app, self._house = app, house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is no such login."""
        is_page = scope["type"] == "http" and scope["method"] == "GET" and not scope["path"].startswith("/api/")
        if is_page and b"token=" in scope["query_string"]:
            request = Request(scope)
            if request.query_params.get("token"):
                response = await run_in_threadpool(self._entered, request)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _entered(self, request: Request) -> Response:
        store = self._house.stores.mine()
        user = store.accounts.use_login(digest_of(request.query_params["token"]), store.now())
        path = _local(request.url.path)
        if user is None:
            return RedirectResponse(f"/api/login/?{urlencode({'next': path})}", status_code=303)
        kept = [(key, value) for key, value in request.query_params.multi_items() if key != "token"]
        response = RedirectResponse(f"{path}?{urlencode(kept)}" if kept else path, status_code=303)
        give_session(response, request, *self._house.authenticator.open_session(store, user))
        return response
