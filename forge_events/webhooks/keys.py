# SPDX-License-Identifier: Apache-2.0
"""The keys of webhooks."""

from __future__ import annotations

import secrets

__all__ = ["new_key"]


def new_key() -> str:
    """Return a key that nobody guesses, of signs that every sender's form takes."""
    return secrets.token_urlsafe(32)
