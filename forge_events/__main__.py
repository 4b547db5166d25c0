# SPDX-License-Identifier: Apache-2.0
"""``python -m forge_events`` is ``forge-events``."""

from __future__ import annotations

from forge_events.cli.main import main

main()
