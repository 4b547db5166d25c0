# SPDX-License-Identifier: GPL-3.0-or-later
"""A stdout callback that shows nothing and has no options."""

from __future__ import annotations

DOCUMENTATION = """
name: no_options
type: stdout
short_description: shows nothing and has no options
description: [shows nothing and has no options]
"""

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "no_options"
