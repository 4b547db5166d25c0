# SPDX-License-Identifier: Apache-2.0
"""One request: who asks, for what, and the store that answers."""

from __future__ import annotations

import dataclasses
import json
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

from forge_events.api.refusals import Refusal, detail, forbidden, unauthenticated
from forge_events.inventories import is_deep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request

    from forge_events.api.auth import Authenticator, Principal
    from forge_events.sealing import Sealer
    from forge_events.store import Store

__all__ = ["Call", "House", "Stores"]

_TYPES = ("application/json", "")
_CONTENT_TYPE = (
    "You did not use correct Content-Type in your HTTP request. If you are using our REST API, the Content-Type must "
    "be application/json"
)


class Stores:
    """A store for each thread: a store is for one thread at a time, and is closed when its thread has ended."""

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open, self._own = open_store, threading.local()
        self._lock = threading.Lock()
        self._opened: dict[threading.Thread, Store] = {}

    def mine(self) -> Store:
        """Return the store of this thread."""
        found: Store | None = getattr(self._own, "store", None)
        if found is None:
            found = self._own.store = self._open()
            with self._lock:
                self._opened[threading.current_thread()] = found
                self._close_others()
        return found

    def _close_others(self) -> None:
        # A pool lets threads go that have nothing to do; their connections must not stay behind.
        for thread in [each for each in self._opened if not each.is_alive()]:
            self._opened.pop(thread).close()

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            for store in self._opened.values():
                store.close()
            self._opened.clear()


@dataclasses.dataclass(frozen=True)
class House:
    """What the API needs of the place where it runs.

    :param node: the name of this machine as a node.
    :param lost_after: seconds after which a node that is not seen counts as lost.
    :param projects: the folder below which manual projects are.
    :param sealer: opens the keys of webhooks.
    :param relay_secret: what a relay has to know that wakes the websockets; none lets none in.
    :param proofs: the folder in which this machine's processes keep what relays have proved themselves with.
    :param spool: where spools are on this machine.
    """

    stores: Stores
    authenticator: Authenticator
    node: str
    lost_after: float
    projects: Path
    sealer: Sealer
    counts_hosts: bool = True
    relay_secret: str = ""
    proofs: Path | None = None
    spool: Path | None = None


class Call:
    """A request, as the functions that answer see it."""

    def __init__(self, house: House, request: Request, raw: bytes, principal: Principal | None) -> None:
        self.house, self.request, self.raw, self._principal = house, request, raw, principal
        self.store = house.stores.mine()
        self.headers: dict[str, str] = {}
        self.place: int | None = None

    @property
    def principal(self) -> Principal:
        """Who asks.

        :raises Refusal: nobody who is known.
        """
        if self._principal is None:
            raise unauthenticated()
        return self._principal

    @property
    def is_known(self) -> bool:
        """Whether it is known who asks."""
        return self._principal is not None

    @property
    def path(self) -> str:
        """The path of the URL."""
        return self.request.url.path

    @cached_property
    def parameters(self) -> list[tuple[str, str]]:
        """The parameters of the URL, in order."""
        return self.request.query_params.multi_items()

    def key(self, name: str = "key") -> str:
        """Return a part of the path."""
        found: str = self.request.path_params[name]
        return found

    def admin(self) -> Principal:
        """Return who asks, who may change things.

        :raises Refusal: they may not.
        """
        if not self.principal.is_admin:
            raise forbidden()
        return self.principal

    @cached_property
    def body(self) -> dict[str, Any]:
        """The JSON object that was sent; an empty body is an empty one.

        :raises Refusal: it is something else.
        """
        content_type = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if self.raw and content_type not in _TYPES:
            raise detail(415, _CONTENT_TYPE)
        if not self.raw.strip():
            return {}
        try:
            found = json.loads(self.raw, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            text = f"JSON parse error - {error}"
            raise detail(400, f"{text}\nPossible cause: trailing comma." if b"," in self.raw else text) from None
        if not isinstance(found, dict):
            raise detail(400, "JSON parse error - not a JSON object")
        if is_deep(found):
            raise detail(400, "JSON parse error - nested too deep")
        return found

    def with_body(self, body: dict[str, Any], place: int) -> Call:
        """Return the call as if it had come for one of several things in its body.

        :param place: which one it is.
        """
        found = Call(self.house, self.request, b"", self._principal)
        found.__dict__["body"], found.place = body, place
        return found

    def form(self) -> dict[str, str]:
        """Return the fields of a form, or of a JSON object."""
        from urllib.parse import parse_qsl

        if "json" in self.request.headers.get("content-type", ""):
            return {name: str(value) for name, value in self.body.items()}
        try:
            return dict(parse_qsl(self.raw.decode(), keep_blank_values=True))
        except (UnicodeDecodeError, ValueError):
            raise Refusal(400, {"detail": "The form cannot be read."}) from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
