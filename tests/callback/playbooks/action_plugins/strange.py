# SPDX-License-Identifier: GPL-3.0-or-later
"""An action whose result holds a value that no JSON has."""

from __future__ import annotations

import datetime

from ansible.plugins.action import ActionBase


def nested(levels):
    value = "bottom"
    for _ in range(levels):
        value = {"deeper": value}
    return value


VALUES = {
    "bytes": lambda: b"\xff\x00bytes",
    "date": lambda: datetime.datetime(2024, 2, 29, 12, 0, tzinfo=datetime.timezone.utc),
    "set": lambda: {1},
    "nan": lambda: [float("nan"), float("inf")],
    "nul": lambda: "a\x00b",
    "surrogate": lambda: "a\udcffb\ud800",
    "nested": lambda: nested(200),
    "too deep": lambda: nested(600),
    "large": lambda: "x" * 5_000_000,
    "keys": lambda: {1: "one", None: "none", 2.5: "float"},
    "many": lambda: {f"key {number}": [number] * 3 for number in range(20_000)},
}


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        result["value"] = VALUES[self._task.args["kind"]]()
        result["changed"] = False
        return result
