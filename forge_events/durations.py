# SPDX-License-Identifier: Apache-2.0
"""Say how long something takes, in the one way in which people are told of durations everywhere; and read it. Pure."""

from __future__ import annotations

import math
import re

__all__ = ["lasted", "seconds_of"]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd]?)")


def lasted(seconds: float, *, decimals: int = 1) -> str:
    """Return a duration as people read it: ``9.5 s``, ``1 min 6 s``, ``2 h 5 min 0 s``; empty for what is no duration.

    :param decimals: how many a duration below a minute has.
    """
    if not math.isfinite(seconds):
        return ""
    short = f"{max(0.0, seconds):.{decimals}f}"
    if float(short) < 60:
        return f"{short} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" * bool(hours), f"{minutes} min" * bool(minutes), f"{rest} s"]
    return " ".join(part for part in parts if part)


def seconds_of(text: str) -> float | None:
    """Return the seconds of a duration such as ``90``, ``30m``, ``4h`` or ``1d12h``; None for what is no duration."""
    if not re.fullmatch(rf"(?:{_PART.pattern})+", text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
