# SPDX-License-Identifier: Apache-2.0
"""Write artifacts as ansible-runner does, of any size and as broken as a test wants them."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pathlib

PLAY = "02fc0000-0001-ffd6-5c82-000000000005"
RESULT = {
    "changed": True,
    "stdout": "out",
    "stderr": "",
    "rc": 0,
    "cmd": ["true"],
    "delta": "0:00:00.003661",
    "invocation": {"module_args": {"_raw_params": "true", "_uses_shell": False, "expand_argument_vars": True}},
    "stdout_lines": ["out"],
    "stderr_lines": [],
    "_ansible_no_log": False,
}


class Artifact:
    """One artifact that is being written."""

    def __init__(self, folder: pathlib.Path, ident: str = "job", *, uuid_of_playbook: str | None = None) -> None:
        self.folder = folder / ident
        self.ident = ident
        self.counter = 0
        self.line = 0
        self.playbook = uuid_of_playbook or str(uuid.uuid4())
        self.data: dict[str, Any] = {"playbook": "site.yml", "playbook_uuid": self.playbook}
        (self.folder / "job_events").mkdir(parents=True)
        self.command(command=["ansible-playbook", "site.yml"], cwd="/srv", env={})

    def command(self, **command: Any) -> Artifact:
        (self.folder / "command").write_text(json.dumps(command))
        return self

    def event(self, event: str, own: str, parent: str | None = None, text: str = "", **data: Any) -> pathlib.Path:
        """Write an event; ``text`` is what the terminal showed, as a terminal gets it."""
        self.counter += 1
        lines = text.count("\n")
        line = {
            "uuid": own,
            "counter": self.counter,
            "stdout": text.rstrip("\r\n"),
            "start_line": self.line,
            "end_line": self.line + lines,
            "runner_ident": self.ident,
            "event": event,
            "pid": 2**22 + 1,
            "created": f"2026-01-02T12:{self.counter // 60 % 60:02}:{self.counter % 60:02}.000000+00:00",
            "event_data": {**self.data, **data, "uuid": own},
            **({"parent_uuid": parent} if parent else {}),
        }
        self.line += lines
        path = self.folder / "job_events" / f"{self.counter}-{own}.json"
        path.write_text(json.dumps(line))
        return path

    def root(self) -> Artifact:
        self.event("playbook_on_start", self.playbook)
        return self

    def play(self, name: str = "play") -> Artifact:
        self.data |= {"play": name, "play_uuid": PLAY, "play_pattern": "all"}
        self.event("playbook_on_play_start", PLAY, self.playbook, f"\r\nPLAY [{name}]\r\n", name=name, pattern="all")
        return self

    def task(self, number: int, *hosts: str, result: dict[str, Any] | None = None) -> Artifact:
        """Write a task with its hosts' starts and results."""
        own = f"02fc0000-0001-ffd6-5c82-{number:012x}"
        about = {"task": f"task {number}", "task_uuid": own, "task_action": "command", "task_path": f"/s.yml:{number}"}
        shown = f"\r\nTASK [task {number}]\r\n"
        self.event("playbook_on_task_start", own, PLAY, shown, **about, name=f"task {number}", is_conditional=False)
        for host in hosts:
            self.event("runner_on_start", str(uuid.uuid4()), own, **about, host=host)
        for host in hosts:
            text = f"changed: [{host}]\r\n"
            self.event("runner_on_ok", str(uuid.uuid4()), own, text, **about, host=host, res=result or RESULT)
        return self

    def stats(self, **counts: Any) -> Artifact:
        self.data = {key: self.data[key] for key in ("playbook", "playbook_uuid")}
        counts = {"ok": {"a": 1}, "processed": {"a": 1}, "rescued": {}, "failures": {}, **counts}
        self.event("playbook_on_stats", str(uuid.uuid4()), self.playbook, "\r\nPLAY RECAP\r\n\r\n", **counts)
        return self

    def end(self, status: str = "successful", rc: int = 0) -> Artifact:
        (self.folder / "stdout").write_text("")
        (self.folder / "status").write_text(status)
        (self.folder / "rc").write_text(str(rc))
        return self


def whole(folder: pathlib.Path, ident: str = "job", tasks: int = 1, hosts: tuple[str, ...] = ("a", "b")) -> Artifact:
    """Write all that a playbook without failures has."""
    artifact = Artifact(folder, ident).root().play()
    for number in range(10, 10 + tasks):
        artifact.task(number, *hosts)
    return artifact.stats().end()
