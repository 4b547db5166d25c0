# SPDX-License-Identifier: Apache-2.0
"""What all tests share: an environment in which nothing of the user's own Ansible or forge-events is in force."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from tests.podman import image, podman
from tests.stores import databases, postgresql_url, server, sqlite_url, store, url

__all__ = ["databases", "image", "podman", "postgresql_url", "server", "sqlite_url", "store", "url"]

ROOT = pathlib.Path(__file__).parent.parent
BIN = pathlib.Path(sys.executable).parent


# A shell that starts the tests in the background has them ignore Ctrl-C, and so every command that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgresql-bin", default=None, help="the folder of another PostgreSQL's programs")


CAMPAIGNS = (
    "acceptance/test_record_terminal.py",
    "api/test_awx",
    "api/test_websocket.py",
    "api/test_websocket_processes.py",
    "broker/",
    "callback/test_faults.py",
    "callback/test_strategies.py",
    "callback/test_terminal.py",
    "cli/test_calendar.py",
    "cli/test_forking.py",
    "cli/test_safe_launch.py",
    "dispatcher/test_clocks.py",
    "dispatcher/test_containers.py",
    "dispatcher/test_endings.py",
    "dispatcher/test_load.py",
    "dispatcher/test_notifier.py",
    "dispatcher/test_processes.py",
    "dispatcher/test_running.py",
    "ingestion/runner/test_recorder.py",
    "ingestion/runner/test_same_tree.py",
    "ingestion/test_any_spool.py",
    "ingestion/test_at_once.py",
    "ingestion/test_copies.py",
    "ingestion/test_recap.py",
    "ingestion/test_receiver_command.py",
    "ingestion/test_receiver_faults.py",
    "ingestion/test_receiver_outages.py",
    "matrix/",
    "notices/test_sending.py",
    "packaging/",
    "recorders/",
    "secrets/",
    "store/test_lifecycle.py",
    "store/test_processes.py",
    "supervision/",
    "web/test_browser.py",
)
"""What takes most of the time: many versions, many ways, real clients, browsers, containers, killed processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test` leaves to `make test-campaigns`."""
    tests = pathlib.Path(__file__).parent
    for item in items:
        if item.path.relative_to(tests).as_posix().startswith(CAMPAIGNS):
            item.add_marker(pytest.mark.campaign)


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Forget the user's settings, keep Ansible out of the user's home, and find this Python's commands first."""
    for name in [name for name in os.environ if name.startswith(("ANSIBLE_", "FORGE_EVENTS_", "_ANSIBLE_"))]:
        del os.environ[name]
    os.environ["ANSIBLE_HOME"] = str(tmp_path_factory.mktemp("ansible-home"))
    os.environ["FORGE_EVENTS_HOME"] = str(tmp_path_factory.mktemp("forge-events-home"))
    # Without these a test would depend on where it is started: colours need a terminal's name, and the folder for
    # Ansible's temporary files is by default in a home that a system user may not have.
    os.environ.setdefault("TERM", "xterm")
    os.environ["ANSIBLE_REMOTE_TMP"] = str(tmp_path_factory.mktemp("ansible-tmp"))
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    """Return the folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def tarball(root: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Build the collection as ``make collection`` does, and return its tarball."""
    folder = tmp_path_factory.mktemp("tarball")
    galaxy = [str(BIN / "ansible-galaxy"), "collection", "build", "--output-path", str(folder)]
    subprocess.run([*galaxy, str(root / "collection")], check=True, capture_output=True)
    return next(folder.glob("forge-events-*.tar.gz"))
