# SPDX-License-Identifier: Apache-2.0
"""Who sends webhooks, and how each of them proves it: a code over the bytes of the body, or a word that both know.

Nothing of a body is looked at before it is proven. The headers are those that the senders document: GitHub's
``X-Hub-Signature-256``, GitLab's ``X-Gitlab-Token`` or, with a signing key, Standard Webhooks, Gitea's and Forgejo's
``X-Gitea-Signature``, Bitbucket Data Center's ``X-Hub-Signature``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping, Sequence

__all__ = ["PUSH", "SERVICES", "Delivery", "delivery_of", "is_proven"]

SERVICES = ("github", "gitlab", "gitea", "bitbucket_dc", "generic")
"""The senders, as they are called in the URL."""

PUSH = {
    "github": ("push",),
    "gitlab": ("Push Hook",),
    "gitea": ("push",),
    "bitbucket_dc": ("repo:refs_changed",),
    "generic": (),
}
"""The events that launch a job where nothing else is said: something was pushed; of others, all."""

_EVENT = {
    "github": ("x-github-event",),
    "gitlab": ("x-gitlab-event",),
    "gitea": ("x-gitea-event", "x-forgejo-event"),
    "bitbucket_dc": ("x-event-key",),
    "generic": ("x-event-type", "x-event"),
}
_GUID = {
    "github": ("x-github-delivery",),
    "gitlab": ("webhook-id", "idempotency-key", "x-gitlab-event-uuid"),
    "gitea": ("x-gitea-delivery", "x-forgejo-delivery"),
    "bitbucket_dc": ("x-request-id",),
    "generic": ("x-request-id", "idempotency-key"),
}
_PINGS = {"github": "ping", "bitbucket_dc": "diagnostics:ping"}
_SIGNATURE = {
    "github": ("x-hub-signature-256",),
    "gitea": ("x-gitea-signature", "x-forgejo-signature", "x-hub-signature-256"),
    "bitbucket_dc": ("x-hub-signature",),
    "generic": ("x-hub-signature-256", "x-signature"),
}
_HEX = re.compile(r"(?:sha256=)?([0-9a-f]{64})")
_SIGNING_KEY = "whsec_"
_LATE = 300.0
_LONGEST = 200


class Delivery(NamedTuple):
    """What the headers say of a delivery.

    :param event: the sender's word for what has happened.
    :param guid: names the delivery; the same when it is sent again.
    :param is_ping: it is sent to see whether anybody is there.
    """

    event: str
    guid: str
    is_ping: bool


def delivery_of(service: str, headers: Mapping[str, str], body: bytes) -> Delivery:
    """Return what the headers say; a delivery without a name is named by its body.

    :param headers: by names in small letters.
    """
    event = _first(headers, _EVENT[service])[:_LONGEST]
    guid = _first(headers, _GUID[service])
    if not guid or len(guid) > _LONGEST or not guid.isprintable():
        guid = hashlib.sha256(guid.encode(errors="surrogatepass") + body).hexdigest()
    return Delivery(event, guid, event == _PINGS.get(service))


def is_proven(
    service: str, headers: Mapping[str, str], body: bytes, keys: Sequence[str], now: datetime.datetime
) -> bool:
    """Return whether a body comes from somebody who knows one of the keys.

    :param headers: by names in small letters.
    :param keys: those that are valid; an empty one never is.
    :param now: for proofs that are valid for five minutes only.
    """
    checks = [_is_proven_by(key, service, headers, body, now) for key in keys if key]
    return any(checks)


def _is_proven_by(key: str, service: str, headers: Mapping[str, str], body: bytes, now: datetime.datetime) -> bool:
    if service == "gitlab" and key.startswith(_SIGNING_KEY):
        return _is_signed(key, headers, body, now)
    if service == "gitlab":
        return _is_same(headers.get("x-gitlab-token", ""), key)
    given = _HEX.fullmatch(_first(headers, _SIGNATURE[service]))
    return given is not None and _is_same(given[1], hmac.new(key.encode(), body, hashlib.sha256).hexdigest())


def _is_signed(key: str, headers: Mapping[str, str], body: bytes, now: datetime.datetime) -> bool:
    """Check a signature as Standard Webhooks has it: over the id, the time and the body."""
    guid, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (at.isascii() and at.isdecimal() and len(at) <= 12) or abs(now.timestamp() - int(at)) > _LATE:
        return False
    try:
        secret = base64.b64decode(key.removeprefix(_SIGNING_KEY), validate=True)
    except binascii.Error:
        return False
    signed = f"{guid}.{at}.".encode(errors="surrogatepass") + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split(" ")
    return bool(secret) and any(_is_same(one, f"v1,{expected}") for one in given)


def _is_same(given: str, expected: str) -> bool:
    """Compare in a time that tells nothing, whatever somebody sends."""
    one, other = (hashlib.sha256(word.encode(errors="surrogatepass")).digest() for word in (given, expected))
    return hmac.compare_digest(one, other)


def _first(headers: Mapping[str, str], names: Sequence[str]) -> str:
    return next((headers[name] for name in names if headers.get(name)), "")
