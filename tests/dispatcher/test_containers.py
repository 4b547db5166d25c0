# SPDX-License-Identifier: Apache-2.0
"""Jobs in execution environments, run by a real podman from a thin image."""

from __future__ import annotations


def test_the_image_has_ansible_core_and_none_of_ours(podman, image):
    assert "core" in podman("run", "--rm", image, "ansible-playbook", "--version").stdout
    assert (
        "No module named"
        in podman("run", "--rm", image, "python", "-c", "import forge_events", is_checked=False).stderr
    )
    assert podman("run", "--rm", image, "sh", "-c", "echo $HOME; id -u").stdout == "/home/runner\n0\n"
