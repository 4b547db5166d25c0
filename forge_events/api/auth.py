# SPDX-License-Identifier: Apache-2.0
"""Who is asking: a token, a session of a browser, or a password; and what keeps others from asking in their name."""

from __future__ import annotations

import base64
import binascii
import datetime
import hmac
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from forge_events.api.refusals import detail, forbidden, unauthenticated
from forge_events.api.secrets import Passwords, digest_of, new_secret

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from forge_events.store import Store
    from forge_events.store.accounts import User

__all__ = ["CSRF_COOKIE", "IDLE", "SESSION_COOKIE", "Authenticator", "Principal", "csrf_of", "is_foreign"]

SESSION_COOKIE, CSRF_COOKIE = "awx_sessionid", "csrftoken"
IDLE = datetime.timedelta(days=1)
"""How long a session lasts that nobody uses."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_ONE, _OF_ADDRESS = RateLimitItemPerMinute(10, 5), RateLimitItemPerMinute(100, 5)


class Principal(NamedTuple):
    """Who is asking.

    :param kind: ``token``, ``session`` or ``basic``: by what they are known.
    :param csrf: what a session's page sends back with each change.
    """

    user: User
    can_write: bool
    kind: str
    csrf: str = ""

    @property
    def is_admin(self) -> bool:
        """Whether they may change things, as far as their user goes."""
        return self.user.is_superuser


class Authenticator:
    """Find out who is asking.

    :param passwords: what checks them.
    """

    def __init__(self, passwords: Passwords | None = None) -> None:
        self.passwords = passwords or Passwords()
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def principal(self, store: Store, connection: HTTPConnection) -> Principal | None:
        """Return who is asking; None for nobody.

        :raises Refusal: what they show is no good.
        """
        kind, _, shown = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() in ("bearer", "token") and shown:
            return self._by_token(store, shown.strip())
        if kind.lower() == "basic":
            return self._by_password(store, connection, shown.strip())
        return self._by_session(store, connection)

    def checked(self, store: Store, connection: HTTPConnection, method: str) -> Principal:
        """Return who is asking, who may do what they ask for as far as that can be said of a method.

        :raises Refusal: nobody is, or they may not change anything, or somebody else's page has them ask.
        """
        found = self.principal(store, connection)
        if found is None:
            raise unauthenticated()
        if method not in SAFE:
            if found.kind == "session":
                check_forgery(connection, found.csrf)
            if not found.can_write:
                raise forbidden()
        return found

    def login(self, store: Store, connection: HTTPConnection, username: str, password: str) -> User | None:
        """Return the user of a name and password; None if they do not belong together.

        :raises Refusal: too many have been tried.
        """
        names = (("user", username[:200], _address(connection)), ("address", _address(connection)))
        limits = (_OF_ONE, _OF_ADDRESS)
        for limit, name in zip(limits, names, strict=True):
            if not self._limiter.test(limit, *name):
                reset = self._limiter.get_window_stats(limit, *name).reset_time
                wait = max(1, int(reset - time.time()))
                raise detail(429, "Too many failed attempts to log in.", **{"Retry-After": str(wait)})
        user = store.accounts.find(username)
        if self.passwords.is_right(user.password if user else "", password, time.monotonic()):
            return user
        for limit, name in zip(limits, names, strict=True):
            self._limiter.hit(limit, *name)
        return None

    def open_session(self, store: Store, user: User) -> tuple[str, str]:
        """Begin a session and return its id and what stands against forged requests."""
        session, csrf = new_secret(), new_secret()
        store.accounts.open_session(user.id, digest_of(session), csrf, store.now(), IDLE)
        return session, csrf

    def _by_token(self, store: Store, shown: str) -> Principal:
        found = store.accounts.token(digest_of(shown), store.now())
        if found is None or found[0].scope == "login":
            raise unauthenticated()
        token, user = found
        return Principal(user, token.scope == "write", "token")

    def _by_password(self, store: Store, connection: HTTPConnection, shown: str) -> Principal:
        try:
            username, _, password = base64.b64decode(shown, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise unauthenticated("Invalid username/password.") from None
        user = self.login(store, connection, username, password)
        if user is None:
            raise unauthenticated("Invalid username/password.")
        return Principal(user, can_write=True, kind="basic")

    def _by_session(self, store: Store, connection: HTTPConnection) -> Principal | None:
        shown = connection.cookies.get(SESSION_COOKIE, "")
        found = store.accounts.session(digest_of(shown), store.now(), IDLE) if shown else None
        if found is None:
            return None
        session, user = found
        return Principal(user, can_write=True, kind="session", csrf=session.csrf)


def check_forgery(connection: HTTPConnection, csrf: str) -> None:
    """Refuse a change that another site's page may have had the browser ask for.

    :raises Refusal: it may be one.
    """
    if is_foreign(connection):
        raise forbidden("CSRF Failed: Origin checking failed.")
    cookie, header = connection.cookies.get(CSRF_COOKIE, ""), connection.headers.get("x-csrftoken", "")
    if not header:
        raise forbidden("CSRF Failed: CSRF token missing.")
    if not (_is_same(header, cookie) and _is_same(header, csrf)):
        raise forbidden("CSRF Failed: CSRF token from the 'X-Csrftoken' HTTP header incorrect.")


def is_foreign(connection: HTTPConnection) -> bool:
    """Return whether a browser says that a page of another site is asking."""
    site, origin = connection.headers.get("sec-fetch-site"), connection.headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return True
    if origin is None:
        return False
    host = connection.headers.get("host", "")
    # A proxy may end TLS: the scheme is the browser's word against ours, the name is what counts.
    return origin == "null" or urlsplit(origin).netloc.lower() != host.lower()


def csrf_of(principal: Principal | None, connection: HTTPConnection) -> str:
    """Return what the page of a browser sends back; something of no use to one who is not logged in."""
    if principal is not None and principal.csrf:
        return principal.csrf
    return connection.cookies.get(CSRF_COOKIE) or new_secret()


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


def _address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""
