# SPDX-License-Identifier: Apache-2.0
"""Run a playbook with ansible-runner alone: ``python -m tests.recorders.runner FOLDER [--check] BOOK``."""

from __future__ import annotations

import pathlib
import sys

import ansible_runner

from tests.recorders.ways import PLAYBOOKS


def main(folder: str, *words: str) -> None:
    """Run to the end; how it ended is in the artifacts."""
    pathlib.Path(folder).mkdir(parents=True)
    ansible_runner.run(
        private_data_dir=folder,
        project_dir=str(PLAYBOOKS),
        playbook=words[-1],
        inventory=str(PLAYBOOKS / "hosts"),
        cmdline=" ".join(words[:-1]) or None,
        quiet=True,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
