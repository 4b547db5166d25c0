# SPDX-License-Identifier: GPL-3.0-or-later
"""A stdout callback that prints without Ansible's Display."""

from __future__ import annotations

DOCUMENTATION = """
name: prints
type: stdout
short_description: prints without Ansible's Display
description: [prints without Ansible's Display]
extends_documentation_fragment: [default_callback]
"""

import sys

from ansible.plugins.callback.default import CallbackModule as Default


class CallbackModule(Default):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "prints"

    def v2_runner_on_ok(self, result):
        print(f"printed for {result._host.get_name()}")
        sys.stderr.write("and on the other stream\n")
