# SPDX-License-Identifier: Apache-2.0
"""A process that records a job, and goes on as it is told: ``python -m tests.ingestion.recording FOLDER HEADER``.

It says ``ready`` when its first events are written, then does for each line of its input what the line says.
"""

from __future__ import annotations

import json
import pathlib
import sys

from tests.ingestion.spools import Spool


def main(folder: str, header: str) -> None:
    spool = Spool(pathlib.Path(folder), **json.loads(header)).root().event(stdout="before\n")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        if line == "finish\n":
            spool.stats().eof()
        elif line == "torn\n":
            spool.torn()
        sys.stdout.write("did\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
