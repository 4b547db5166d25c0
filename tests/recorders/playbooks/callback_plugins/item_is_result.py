# SPDX-License-Identifier: GPL-3.0-or-later
"""A stdout callback that shows an item as it shows a result."""

from __future__ import annotations

DOCUMENTATION = """
name: item_is_result
type: stdout
short_description: shows an item as it shows a result
description: [shows an item as it shows a result]
extends_documentation_fragment: [default_callback]
"""

from ansible.plugins.callback.default import CallbackModule as Default


class CallbackModule(Default):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "item_is_result"

    def v2_runner_on_ok(self, result, **_more):
        self._display.display(f"ok {result._host.get_name()}")

    def v2_runner_item_on_ok(self, result):
        self.v2_runner_on_ok(result)
