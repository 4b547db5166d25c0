# SPDX-License-Identifier: Apache-2.0
"""Run a Python command as it is, and write at its end how much memory its own process had at the most.

Used as ``python probe.py REPORT COMMAND ARGUMENT...``. Workers that the command forks leave without telling anything.
"""

from __future__ import annotations

import atexit
import os
import pathlib
import runpy
import sys


def peak() -> int:
    """Return the most memory that this process ever had, in KiB, leaving out what it had before exec."""
    status = pathlib.Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def main() -> None:
    """Run the command in this process."""
    report, pid = pathlib.Path(sys.argv[1]), os.getpid()
    atexit.register(lambda: os.getpid() == pid and report.write_text(str(peak()), encoding="ascii"))
    del sys.argv[:2]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
