# SPDX-License-Identifier: Apache-2.0
"""Say how long something took, in the one way in which people are told of durations everywhere. Pure."""

from __future__ import annotations

import math

__all__ = ["lasted"]


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
