# SPDX-License-Identifier: GPL-3.0-or-later
"""A stdout callback that fails at each result."""

from __future__ import annotations

DOCUMENTATION = """
name: raises
type: stdout
short_description: fails at each result
description: [fails at each result]
extends_documentation_fragment: [default_callback]
"""

from ansible.plugins.callback.default import CallbackModule as Default


class CallbackModule(Default):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "raises"

    def v2_runner_on_ok(self, result):
        raise ValueError("of the callback's own")
