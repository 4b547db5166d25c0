# SPDX-License-Identifier: GPL-3.0-or-later
"""A stdout callback that finds the method for a result when it is looked up."""

from __future__ import annotations

DOCUMENTATION = """
name: by_attribute
type: stdout
short_description: finds the method for a result when it is looked up
description: [finds the method for a result when it is looked up]
extends_documentation_fragment: [default_callback]
"""

import functools

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "by_attribute"

    def _tell(self, what, result, **_more):
        self._display.display(f"{what} {result._host.get_name()}")

    def __getattribute__(self, name):
        if name in ("v2_runner_on_ok", "v2_runner_on_failed", "v2_runner_on_skipped"):
            return functools.partial(object.__getattribute__(self, "_tell"), name)
        return object.__getattribute__(self, name)

    def v2_runner_on_start(self, host, task): ...

    def v2_runner_on_ok(self, result): ...

    def v2_runner_on_failed(self, result, ignore_errors=False): ...
