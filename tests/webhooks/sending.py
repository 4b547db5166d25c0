# SPDX-License-Identifier: Apache-2.0
"""Send to webhooks as the services do."""

from __future__ import annotations

import hashlib
import hmac
import json
import pathlib
from typing import Any

KEY = "a key that both know"
PAYLOADS = pathlib.Path(__file__).parent / "payloads"
ZERO = "0" * 40


def github(name: str) -> bytes:
    """Return a body that GitHub sends."""
    return (PAYLOADS / f"github_{name}.json").read_bytes()


def code(body: bytes, key: str = KEY) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def from_github(event: str, body: bytes, guid: str = "1", key: str = KEY) -> dict[str, str]:
    """Return the headers with which GitHub sends a body."""
    return {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": guid,
        "x-hub-signature-256": f"sha256={code(body, key)}",
    }


def pushed(ref: str, after: str = "abc", **more: Any) -> bytes:
    return json.dumps({"ref": ref, "after": after, **more}).encode()
