# SPDX-License-Identifier: Apache-2.0
"""Parse JSON that is not to be trusted, quickly where that is possible."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json

__all__ = ["NotJson", "parse"]


class NotJson(ValueError):
    """A text is no JSON, or nested deeper than Python can go; its words hold nothing of the text."""


def parse(data: bytes) -> Any:
    """Return a JSON value.

    :raises NotJson: the data is none.
    """
    try:
        return from_json(data)
    except ValueError:
        pass  # or it has half a surrogate pair, which is how Python holds bytes that are no UTF-8
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"it is not JSON: {type(error).__name__}") from error
