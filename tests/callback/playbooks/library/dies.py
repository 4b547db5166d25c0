# SPDX-License-Identifier: Apache-2.0
"""A module that is killed while it runs."""

from __future__ import annotations

import os
import signal

print("not json")
os.kill(os.getpid(), signal.SIGKILL)
