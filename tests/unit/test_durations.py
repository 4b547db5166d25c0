# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from forge_events.durations import lasted


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (-1.5, "0.0 s"),
        (9.54, "9.5 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (72, "1 min 12 s"),
        (3600, "1 h 0 s"),
        (7325.6, "2 h 2 min 6 s"),
        (float("inf"), ""),
        (float("nan"), ""),
    ],
)
def test_a_duration_is_said_in_one_way(seconds, shown):
    assert lasted(seconds) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s")])
def test_whole_seconds_will_do_for_a_clock(seconds, shown):
    assert lasted(seconds, decimals=0) == shown
