# SPDX-License-Identifier: Apache-2.0
"""The modules of awx.awx 24.6.1, as the package ansible 13 has them, against a server that runs what they launch."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest

from tests.api.test_awx_command import served
from tests.web.browsers import CACHE

__all__ = ["served"]

MADE = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - awx.awx.project: {name: web, organization: Default, scm_type: manual, local_path: web, wait: false}
    - awx.awx.inventory: {name: all of it, organization: Default, variables: {colour: red}}
    - awx.awx.host: {name: web1, inventory: all of it, variables: {ansible_connection: local}}
    - awx.awx.group: {name: front, inventory: all of it, hosts: [web1]}
    - awx.awx.label: {name: nightly, organization: Default}
    - awx.awx.execution_environment: {name: ee, image: quay.io/x/ee}
    - awx.awx.job_template:
        {name: deploy, project: web, playbook: site.yml, inventory: all of it, labels: [nightly],
         ask_limit_on_launch: true, extra_vars: {a: 1}}
"""
LAUNCHED = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - awx.awx.job_launch: {job_template: deploy, limit: web1, wait: true, interval: 0.5, timeout: 60}
      register: job
    - awx.awx.job_wait: {job_id: "{{ job.id }}", interval: 0.5, timeout: 60}
      register: waited
    - awx.awx.job_list: {status: successful}
      register: jobs
    - assert: {that: [job.status == "successful", waited.status == "successful", jobs.count == 1]}
    - awx.awx.credential: {name: c, organization: Default, credential_type: Machine}
      ignore_errors: true
      register: credential
    - assert: {that: ["'forge_events keeps no credentials' in credential.msg"]}
    - awx.awx.job_template: {name: deploy, state: absent}
    - awx.awx.inventory: {name: all of it, organization: Default, state: absent}
"""


@pytest.fixture(scope="session")
def collection():
    """Return a folder of collections that has awx.awx; skip where the package cannot be fetched."""
    folder = CACHE / "awx-collection"
    if not (folder / "complete").exists():
        # For a newer Python than this one, which is no matter: nothing of it is run but the collection.
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command = [*pip, "--python-version", "3.13", "--dest", str(folder), "ansible==13.*"]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("the package ansible 13 cannot be fetched here")
        wheel = next(folder.glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            parts = [name for name in archive.namelist() if name.startswith("ansible_collections/awx/awx/")]
            archive.extractall(folder, parts)
        wheel.unlink()
        (folder / "complete").touch()
    return folder


def test_the_modules_of_awx_make_launch_and_change_nothing_twice(served, collection, tmp_path):
    """Checks 12, 13 and 16."""
    environment = {
        **served,
        "ANSIBLE_COLLECTIONS_PATH": str(collection),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_LOCALHOST_WARNING": "False",
    }

    def played(text):
        (tmp_path / "play.yml").write_text(text)
        command = ["ansible-playbook", "-i", "localhost,", str(tmp_path / "play.yml")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "changed=7 " in played(MADE)
    assert "changed=0 " in played(MADE)
    assert "changed=3 " in played(LAUNCHED)
