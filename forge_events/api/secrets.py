# SPDX-License-Identifier: Apache-2.0
"""What stands for somebody: passwords, tokens and the ids of sessions, and what is stored of each."""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

__all__ = ["Passwords", "digest_of", "new_secret", "new_token"]

_MAX_PASSWORD = 1024
_REMEMBERED = 60.0


def new_token() -> str:
    """Return a new token; whoever finds one knows by its beginning what it is."""
    return f"fe_{secrets.token_urlsafe(32)}"


def new_secret() -> str:
    """Return a new id of a session, a key of a webhook, or what stands against forged requests."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """Return what is stored of a secret that nobody can guess."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class Passwords:
    """Check passwords, which is dear on purpose: two at a time, and what was right is remembered for a minute."""

    def __init__(self) -> None:
        self._gate = threading.Semaphore(2)
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, float] = {}

    def hash(self, password: str) -> str:
        """Return what is stored of a password."""
        return _hasher().hash(password)

    def is_right(self, stored: str, password: str, now: float) -> bool:
        """Return whether a password is the one of which something is stored.

        :param stored: empty where there is no such user, or none with a password: it takes as long as with one.
        :param now: seconds of a clock that goes on evenly.
        """
        if len(password) > _MAX_PASSWORD:
            return False
        proof = hmac.digest(self._key, f"{stored}\0{password}".encode(errors="surrogatepass"), "sha256")
        if self._right.get(proof, 0.0) > now:
            return True
        with self._gate:
            is_right = _verified(stored or _dummy(), password) and bool(stored)
        if is_right:
            self._right = {known: until for known, until in self._right.items() if until > now}
            self._right[proof] = now + _REMEMBERED
        return is_right


def _verified(stored: str, password: str) -> bool:
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return _hasher().verify(stored, password.encode(errors="surrogatepass"))
    except (Argon2Error, InvalidHashError):
        return False


@functools.cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@functools.cache
def _dummy() -> str:
    return _hasher().hash(secrets.token_urlsafe(16))
