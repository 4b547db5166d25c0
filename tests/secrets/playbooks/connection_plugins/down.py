# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to a host that cannot be reached."""

from __future__ import annotations

DOCUMENTATION = """
name: down
short_description: never connects
description: [never connects]
author: forge_events
options: {}
"""

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase


class Connection(ConnectionBase):
    transport = "down"

    def _connect(self):
        raise AnsibleConnectionFailure("the host is down")

    def exec_command(self, cmd, in_data=None, sudoable=True):
        self._connect()

    def put_file(self, in_path, out_path):
        self._connect()

    def fetch_file(self, in_path, out_path):
        self._connect()

    def close(self):
        pass
