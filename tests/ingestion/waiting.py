# SPDX-License-Identifier: Apache-2.0
"""Wait for what other processes do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def until(condition: Callable[[], object], *, seconds: float = 90.0, told: Callable[[], str] = str) -> None:
    """Wait until a condition holds.

    :param told: what to show when it never does.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, told()
        time.sleep(0.02)
