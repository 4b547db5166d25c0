# SPDX-License-Identifier: Apache-2.0
"""A home whose dispatchers get messages by a real Redis."""

from __future__ import annotations

import pytest

from tests.broker.servers import PROGRAM, Dispatchers, serving
from tests.cli.conftest import cli

__all__ = ["cli"]

PLAY = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.raw: while [ -e {{ playbook_dir }}/hold ]; do sleep 0.1; done
"""


@pytest.fixture
def redis(tmp_path):
    if PROGRAM is None:
        pytest.skip("there is no redis-server on this machine; tools/ci-packages installs it")
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def home(cli, redis):
    """Return the command line of a home with a broker; its playbook ends when there is no file ``hold`` beside it."""
    cli.settings["FORGE_EVENTS_BROKER_URL"] = redis.url
    (cli.home / "site.yml").write_text(PLAY)
    return cli


@pytest.fixture
def dispatchers(home, tmp_path):
    made = Dispatchers(home, tmp_path)
    yield made
    made.end()
