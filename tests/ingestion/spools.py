# SPDX-License-Identifier: Apache-2.0
"""Write spools as recorders do."""

from __future__ import annotations

import datetime
import json
import os
import platform
import uuid
from typing import TYPE_CHECKING, Any

from forge_events import spool

if TYPE_CHECKING:
    import pathlib

    from forge_events.ingestion.receiver import Received
    from forge_events.jobs import Job

HERE = platform.node()
ELSEWHERE = "another-machine.example"


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def job_of(received: Received) -> Job:
    """Return the job of a file that is a spool."""
    assert received.job is not None, received.problem
    return received.job


def kept_of(received: Received) -> pathlib.Path:
    """Return the file that keeps what could not be taken in."""
    assert received.kept is not None
    return received.kept


class Spool:
    """A spool that is being written: by this process, unless the header says otherwise."""

    def __init__(self, folder: pathlib.Path, **header: Any) -> None:
        self.uuid = header.pop("job_uuid", str(uuid.uuid4()))
        self.path = folder / f"{self.uuid}{spool.SUFFIX}"
        self.counter = 0
        facts = {
            "job_uuid": self.uuid,
            "name": "site.yml",
            "command": ["ansible-playbook", "site.yml"],
            "host": HERE,
            "pid": os.getpid(),
            "started": now().isoformat(),
            "expects_exit": False,
            **header,
        }
        self._writer = spool.Writer(str(self.path))
        self._writer.header(facts)

    def event(self, event: str = "verbose", **fields: Any) -> Spool:
        self.counter += 1
        line: dict[str, Any] = {
            "uuid": f"event-{self.counter}",
            "parent_uuid": None if self.counter == 1 else "event-1",
            "counter": self.counter,
            "event": event,
            "event_data": {},
            "stdout": "",
            "created": now().isoformat(),
        }
        self._writer.event({**line, **fields})
        return self

    def root(self) -> Spool:
        return self.event("playbook_on_start")

    def stats(self, **counts: Any) -> Spool:
        return self.event("playbook_on_stats", event_data={"ok": {"h": 1}, "processed": {"h": 1}, **counts})

    def error(self, stdout: str) -> Spool:
        return self.event("error", stdout=stdout)

    def eof(self, **facts: Any) -> Spool:
        end = {"finished": now().isoformat(), "event_count": self.counter, "has_stats": True, "needs_stats": True}
        self._writer.eof({**end, **facts})
        return self

    def exit(self, rc: Any, **facts: Any) -> Spool:
        self._writer.exit({"finished": now().isoformat(), "rc": rc, **facts})
        return self

    def line(self, line: bytes | dict[str, Any]) -> Spool:
        """Write a line of any kind."""
        data = json.dumps(line).encode() if isinstance(line, dict) else line
        with self.path.open("ab") as file:
            file.write(data + b"\n")
        return self

    def torn(self, rest: bytes = b'{"uuid": "torn", "cou') -> Spool:
        """Write the beginning of a line."""
        with self.path.open("ab") as file:
            file.write(rest)
        return self

    def done(self) -> Spool:
        """Write all that a playbook without failures has."""
        return self.root().stats().eof()
