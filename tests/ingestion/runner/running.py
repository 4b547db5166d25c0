# SPDX-License-Identifier: Apache-2.0
"""Run a playbook with a real ansible-runner, as a tool would, recording it in every way at once.

Started as ``python -m tests.ingestion.runner.running WAY FOLDER PLAYBOOK [VARIABLE=VALUE ...]``. Below the folder
there are then ``callback``, the spool of the callback plugin; ``live``, that of the handlers; ``data/artifacts``, which
runner wrote, or ``processed/artifacts`` for the way ``process``; and for that way ``stream.jsonl``, what the worker
said.
"""

from __future__ import annotations

import os
import pathlib
import sys
from typing import Any

import ansible_runner

from forge_events.ingestion import RunnerRecorder
from tests.conftest import ROOT

PLAYBOOKS = ROOT / "tests" / "callback" / "playbooks"


def run(way: str, folder: pathlib.Path, playbook: str, variables: dict[str, str]) -> None:
    """Run to the end; what ansible-runner raises comes out."""
    recorder = RunnerRecorder(folder / "live")
    handlers = {
        "event_handler": recorder.event_handler,
        "status_handler": recorder.status_handler,
        "finished_callback": recorder.finished_callback,
    }
    (folder / "data").mkdir(parents=True, exist_ok=True)
    wanted: dict[str, Any] = {
        "private_data_dir": str(folder / "data"),
        "playbook": str(PLAYBOOKS / playbook),
        "inventory": str(PLAYBOOKS / "hosts"),
        "extravars": variables,
        "quiet": True,
        "envvars": {
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "plugins" / "callback"),
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_PYTHON_INTERPRETER": os.path.realpath(sys.executable),
            "FORGE_EVENTS_SPOOL_DIR": str(folder / "callback"),
            # A worker gives Ansible no terminal: its warnings would overtake what it has in its buffer.
            "PYTHONUNBUFFERED": "1",
        },
    }
    _WAYS[way](folder, wanted, handlers)


def _run(_folder: pathlib.Path, wanted: dict[str, Any], handlers: dict[str, Any]) -> None:
    ansible_runner.run(**wanted, **handlers)


def _run_async(_folder: pathlib.Path, wanted: dict[str, Any], handlers: dict[str, Any]) -> None:
    thread, _runner = ansible_runner.run_async(**wanted, **handlers)
    thread.join()


def _process(folder: pathlib.Path, wanted: dict[str, Any], handlers: dict[str, Any]) -> None:
    """Do one after the other what three machines do at once, with files in the place of pipes."""
    (folder / "worker").mkdir()
    sent, said = folder / "sent", folder / "stream.jsonl"
    with sent.open("wb") as into:
        ansible_runner.run(streamer="transmit", _output=into, **wanted)
    with sent.open("rb") as out, said.open("wb") as into:
        ansible_runner.run(streamer="worker", _input=out, _output=into, private_data_dir=str(folder / "worker"))
    (folder / "processed").mkdir()
    with said.open("rb") as out:
        ansible_runner.run(
            streamer="process",
            _input=out,
            private_data_dir=str(folder / "processed"),
            ident="job",
            quiet=True,
            **handlers,
        )


_WAYS = {"run": _run, "run_async": _run_async, "process": _process}


if __name__ == "__main__":
    run(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], dict(word.split("=", 1) for word in sys.argv[4:]))
