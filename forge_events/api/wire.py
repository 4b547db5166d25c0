# SPDX-License-Identifier: Apache-2.0
"""Values as AWX sends them: times, JSON, and texts that every client can read."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

__all__ = ["Json", "dumped", "rendered", "time_of"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def time_of(time: datetime.datetime | None) -> str | None:
    """Return a time as AWX writes it: with microseconds, none where these are 0, and ``Z``."""
    return None if time is None else time.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")


def dumped(value: Any) -> str:
    """Return JSON inside a text, as AWX has it in ``extra_vars``."""
    return json.dumps(value)


def rendered(content: Any) -> bytes:
    """Return JSON; halves of surrogate pairs, which no client reads, become question marks."""
    try:
        return to_json(content, inf_nan_mode="strings")
    except ValueError:
        return to_json(_cleaned(content), inf_nan_mode="strings")


class Json(Response):
    """An answer in JSON, which nobody keeps."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the JSON."""
        return rendered(content)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("?", value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(part) for key, part in value.items()}
    return [_cleaned(part) for part in value] if isinstance(value, (list, tuple)) else value
