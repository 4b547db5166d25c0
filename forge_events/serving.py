# SPDX-License-Identifier: Apache-2.0
"""Serve the API from this process: who may reach it, this machine's own user, and the work that goes on beside it."""

from __future__ import annotations

import asyncio
import datetime
import logging
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

import uvicorn

from forge_events import settings
from forge_events.api.app import create_app
from forge_events.api.auth import Authenticator
from forge_events.api.calls import House, Stores
from forge_events.api.live import Live
from forge_events.api.relay import checked, fingerprint
from forge_events.api.secrets import digest_of, new_token
from forge_events.api.websocket import MAX_MESSAGE
from forge_events.errors import ForgeEventsError, NotServed
from forge_events.presence import present
from forge_events.sealing import Sealer
from forge_events.store import open_store
from forge_events.store.records import Role
from forge_events.web import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fastapi import FastAPI

    from forge_events.services.stopping import Stop
    from forge_events.settings import Settings
    from forge_events.store import Store
    from forge_events.store.accounts import User

__all__ = ["LOCAL_USER", "Address", "Options", "Served", "app_of", "application", "served", "token_for"]

LOCAL_USER = "local"
"""The user of this machine, who has no password: whoever may read the token's file is this one."""

_YEAR, _SOON = datetime.timedelta(days=365), datetime.timedelta(minutes=15)
_SERVED_AS = "FORGE_EVENTS_SERVED_AS"
_LONGEST_END = 10.0


class Address(NamedTuple):
    """Where the API is served, and by which names it may be called."""

    host: str
    port: int
    names: Sequence[str] = ()

    @property
    def is_local(self) -> bool:
        """Whether this machine alone reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def allowed(self) -> list[str]:
        """The names that a request may call it by, against pages that have their own name lead here."""
        own = ["127.0.0.1", "localhost", "[::1]"]
        return [*own, *self.names] if self.is_local or self.names else ["*"]

    def url(self, scheme: str) -> str:
        """Return the URL by which this machine reaches it."""
        host = self.host if self.host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104 - not bound here
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"


class Options(NamedTuple):
    """How it is served."""

    workers: int = 1
    certfile: Path | None = None
    keyfile: Path | None = None
    proxies: Sequence[str] = ()
    is_api_alone: bool = False


class Served(NamedTuple):
    """What is being served.

    :param token: that of this machine's user, and ``login`` what is good for one login; empty for a server.
    :param wait: waits until it is time to stop.
    """

    url: str
    token: str
    login: str
    wait: Callable[[], None]


@contextmanager
def served(
    found: Settings, address: Address, options: Options, stop: Stop, tell: Callable[[str], object]
) -> Iterator[Served]:
    """Serve meanwhile.

    :param tell: takes a line about what goes wrong.
    :raises NotServed: other machines would reach it, and nobody can log in.
    """
    token = login = ""
    with open_store(found.database_url) as store:
        if not address.is_local and not store.accounts.has_password():
            raise NotServed(address.host)
        if address.is_local:
            token, login = local_access(store, found.home)
    listening = _bound(address)
    address = address._replace(port=listening.getsockname()[1])
    server = _Server(found, address, options, listening)
    work = [] if options.is_api_alone else _work(found, stop, tell)
    loops = [_Loop(name, run, stop, tell) for name, run in [("server", server.run), *work]]
    for loop in loops:
        loop.start()
    try:
        server.started.wait(_LONGEST_END)
        secret = _relay_secret()
        with present(found, Role.WEB, {"secret": fingerprint(secret)} if secret else {}):
            yield Served(address.url("https" if options.certfile else "http"), token, login, partial(_wait, stop))
    finally:
        stop.set()
        server.stop()
        for loop in loops:
            loop.join(_LONGEST_END)


def local_access(store: Store, folder: Path) -> tuple[str, str]:
    """Return the token of this machine's user, which a file keeps, and another one that is good for one login."""
    user = store.accounts.find(LOCAL_USER) or store.accounts.add(LOCAL_USER, store.now(), is_superuser=True)
    file = folder / "api-token"
    token = file.read_text().strip() if file.is_file() else ""
    known = store.accounts.token(digest_of(token), store.now()) if token else None
    if known is None or known[1].id != user.id:
        token = token_for(store, user, about="this machine")
        _write_private(file, token)
    return token, token_for(store, user, scope="login", lasts=_SOON)


def token_for(
    store: Store, user: User, *, about: str = "", scope: str = "write", lasts: datetime.timedelta = _YEAR
) -> str:
    """Make a token and return it; it cannot be shown again."""
    token, now = new_token(), store.now()
    store.accounts.add_token(user.id, digest_of(token), now, now + lasts, scope=scope, about=about)
    return token


def application(found: Settings, address: Address) -> FastAPI:
    """Return the application for these settings."""
    house = House(
        stores=Stores(partial(open_store, found.database_url)),
        authenticator=Authenticator(),
        node=found.node,
        lost_after=found.node_lost_after,
        projects=found.home / "projects",
        sealer=Sealer(found.secret_key_file),
        counts_hosts=found.impact == "hosts",
        relay_secret=_relay_secret(),
        proofs=found.home / "relay-proofs",
        spool=found.spool_dir,
    )
    live = Live(partial(open_store, found.database_url))
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    app = create_app(house, live, hosts=address.allowed)
    app.router.routes.extend(pages.routes(house))
    return app


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether a line of uvicorn's is worth telling, which a client is not that has to be cut off at the end."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, asyncio.CancelledError) and "timeout graceful shutdown" not in record.getMessage()


def _relay_secret() -> str:
    secret = settings.broadcast_secret()
    return checked(secret) if secret else ""


def app_of() -> FastAPI:
    """Return the application in a process that uvicorn started: what it needs to know is in the environment."""
    host, port, *names = os.environ[_SERVED_AS].split(" ")
    return application(settings.load(), Address(host, int(port), names))


class _Server:
    """Answers: in this process, or in several others."""

    def __init__(self, found: Settings, address: Address, options: Options, listening: socket.socket) -> None:
        self._listening, self._address, self._options = listening, address, options
        self._settings = found
        self.started = threading.Event()
        self._uvicorn: uvicorn.Server | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Answer until it is stopped."""
        if self._options.workers > 1:
            self._run_several()
            return
        app = application(self._settings, self._address)
        self._uvicorn = uvicorn.Server(uvicorn.Config(app, **_uvicorn_options(self._options)))
        self.started.set()
        self._uvicorn.run(sockets=[self._listening])

    def stop(self) -> None:
        """Ask it to stop."""
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True
        if self._process is not None:
            self._process.terminate()

    def _run_several(self) -> None:
        words = [f"--{name.replace('_', '-')}={value}" for name, value in _uvicorn_words(self._options).items()]
        self._listening.set_inheritable(True)
        own = f"--fd={self._listening.fileno()}"
        command = [sys.executable, "-m", "uvicorn", "--factory", "forge_events.serving:app_of", own, *words]
        known = " ".join([self._address.host, str(self._address.port), *self._address.names])
        flags = ["--no-access-log", "--no-server-header", f"--workers={self._options.workers}"]
        self._process = subprocess.Popen(
            [*command, *flags], env={**os.environ, _SERVED_AS: known}, pass_fds=[self._listening.fileno()]
        )
        self.started.set()
        self._process.wait()


class _Loop(threading.Thread):
    """A thread that has everything stop when it ends."""

    def __init__(self, name: str, run: Callable[[], None], stop: Stop, tell: Callable[[str], object]) -> None:
        super().__init__(name=f"forge-events {name}", daemon=True)
        self._run_it, self._stop_it, self._tell, self._what = run, stop, tell, name

    def run(self) -> None:
        """Run to the end."""
        try:
            self._run_it()
        except ForgeEventsError as error:
            self._tell(f"the {self._what} has stopped: {error}")
        except Exception as error:  # noqa: BLE001 - told here, since nobody is there who could take it
            self._tell(f"the {self._what} has stopped: {type(error).__name__}: {error}")
        finally:
            self._stop_it.set()


def _wait(stop: Stop) -> None:
    while not stop.wait(3600.0):
        pass


def _work(found: Settings, stop: Stop, tell: Callable[[str], object]) -> list[tuple[str, Callable[[], None]]]:
    """Return the loops that record and run jobs."""
    from forge_events.work import Troubles, dispatch, posted, receive, service_of

    def run_jobs() -> None:
        with posted(found) as post:
            service = service_of(found, has_receiver=True, post=post)
            dispatch(service, found, stop, Troubles(tell), lambda _: None)

    return [("receiver", partial(receive, found, stop, tell)), ("dispatcher", run_jobs)]


def _uvicorn_words(options: Options) -> dict[str, Any]:
    words: dict[str, Any] = {"log_level": "warning", "timeout_graceful_shutdown": 3, "ws_max_size": MAX_MESSAGE}
    # Clients ask again every few seconds on the same connection; uvicorn's own five would be just when they do.
    words["timeout_keep_alive"] = 75
    files = {"ssl_certfile": options.certfile, "ssl_keyfile": options.keyfile}
    words |= {name: str(file) for name, file in files.items() if file is not None}
    return {**words, "forwarded_allow_ips": ",".join(options.proxies)}


def _uvicorn_options(options: Options) -> dict[str, Any]:
    # No line for each request: a URL may hold what is good for a login.
    return {**_uvicorn_words(options), "access_log": False, "server_header": False, "log_config": None}


def _bound(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # Named, for asyncio sends small answers at once only where a socket says that it is TCP's.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address.host.strip("[]"), address.port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise NotServed(f"{address.host}:{address.port}", str(error)) from error
    return listening


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(f"{text}\n")
