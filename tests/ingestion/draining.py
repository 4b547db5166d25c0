# SPDX-License-Identifier: Apache-2.0
"""A process that drains a folder again and again: ``python -m tests.ingestion.draining URL FOLDER TIMES``."""

from __future__ import annotations

import pathlib
import sys

from forge_events.ingestion.receiver import drain
from forge_events.store import open_store
from tests.ingestion.spools import now


def main(url: str, folder: str, times: str) -> None:
    with open_store(url) as store:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for _ in range(int(times)):
            drain(pathlib.Path(folder), store, now())


if __name__ == "__main__":
    main(*sys.argv[1:])
