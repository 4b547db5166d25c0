# SPDX-License-Identifier: Apache-2.0
"""Parse JSON that is not to be trusted, quickly where that is possible."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json

__all__ = ["NotJson", "loads", "parse"]


class NotJson(ValueError):
    """A text is no JSON, or nested deeper than Python can go; its words hold nothing of the text."""


def parse(data: bytes) -> Any:
    """Return a JSON value.

    :raises NotJson: the data is none.
    """
    try:
        return loads(data)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"it is not JSON: {type(error).__name__}") from error


def loads(data: bytes) -> Any:
    """Do what ``json.loads`` does, with its errors, in a fraction of the time."""
    try:
        return from_json(data)
    except ValueError:  # half a surrogate pair, or deep nesting: what it cannot read may be JSON nevertheless
        return json.loads(data)
