# SPDX-License-Identifier: Apache-2.0
"""Where Ansible looks for callbacks: what is found here is what Ansible itself finds."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest

from forge_events.recording.environment import (
    Recording,
    child_environment,
    config_file,
    effective_path,
    is_ad_hoc,
    plugin_folder,
)


@pytest.fixture
def folder(tmp_path):
    for name in ("home", "work", "elsewhere"):
        (tmp_path / name).mkdir(mode=0o755)
    return tmp_path


def dumped(environ, directory, *names):
    """Return what ansible-config says that settings are."""
    command = ["ansible-config", "dump", "--format", "json"]
    done = subprocess.run(command, env=environ, cwd=directory, check=True, capture_output=True)
    found = {setting["name"]: setting["value"] for setting in json.loads(done.stdout) if "name" in setting}
    return [found[name] for name in names]


def expanded(paths, environ, directory):
    """Resolve entries as Ansible does with those of a variable."""
    home = environ["HOME"]
    full = [os.path.join(directory, path.replace("{{CWD}}", str(directory)).replace("~", home, 1)) for path in paths]  # noqa: PTH118 - as Ansible does
    return [os.path.normpath(os.path.expandvars(path)) for path in full]


@pytest.mark.parametrize(
    ("environ", "configs"),
    [
        ({}, {}),
        ({"ANSIBLE_HOME": "{folder}/ansible"}, {}),
        ({}, {"work": "callback_plugins = mine:/abs:~/in-home"}),
        ({}, {"work": 'callback_plugins = "quoted:too" ; a remark'}),
        ({}, {"work": "callback_plugins = {{{{CWD}}}}/here"}),
        ({}, {"home": "callback_plugins = of-the-user"}),
        ({}, {"home": "callback_plugins = of-the-user", "work": "callback_plugins = of-the-project"}),
        ({}, {"home": "callback_plugins = of-the-user", "work": "forks = 7"}),
        ({}, {"work": "home = relative-home"}),
        ({"ANSIBLE_HOME": "{folder}/ansible"}, {"work": "home = /other"}),
        (
            {"ANSIBLE_CONFIG": "{folder}/elsewhere"},
            {"elsewhere": "callback_plugins = x", "work": "callback_plugins = y"},
        ),
        ({"ANSIBLE_CONFIG": "{folder}/elsewhere/ansible.cfg"}, {"elsewhere": "callback_plugins = x"}),
        ({"ANSIBLE_CONFIG": "{folder}/none.cfg"}, {"work": "callback_plugins = y"}),
        ({"ANSIBLE_CALLBACK_PLUGINS": "rel:/abs:~/h"}, {"work": "callback_plugins = y"}),
        ({}, {"work": "callback_plugins = 100%/sure"}),
    ],
)
def test_the_path_is_the_one_that_ansible_itself_finds(folder, environ, configs):
    own = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "LC_ALL": "C.UTF-8"}
    env = {**own, **{name: value.format(folder=folder) for name, value in environ.items()}}
    for place, line in configs.items():
        name = ".ansible.cfg" if place == "home" else "ansible.cfg"
        (folder / place / name).write_text(f"[defaults]\n{line.format()}\n")
    found = effective_path(env, folder / "work")
    (wanted, config) = dumped(env, folder / "work", "DEFAULT_CALLBACK_PLUGIN_PATH", "CONFIG_FILE")
    assert expanded(found, env, folder / "work") == wanted
    assert str(config_file(env, folder / "work")) == str(config)


def test_a_config_in_a_folder_that_is_open_to_the_world_does_not_count(folder):
    (folder / "work" / "ansible.cfg").write_text("[defaults]\n")
    (folder / "work").chmod(0o777)
    assert config_file({"HOME": str(folder / "home")}, folder / "work") is None


@pytest.mark.parametrize("content", [b"no section\n", b"\xff\xfe[defaults]\n", b"[defaults\n", b"[defaults]\na\n"])
def test_a_config_that_cannot_be_read_is_ansibles_to_tell(folder, content):
    (folder / "work" / "ansible.cfg").write_bytes(content)
    assert effective_path({"HOME": str(folder / "home")}, folder / "work")[-1] == "/usr/share/ansible/plugins/callback"


def test_a_config_that_comes_through_a_pipe_is_left_to_ansible(folder):
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as pipe, os.fdopen(writer, "wb") as end:
        end.write(b"[defaults]\ncallback_plugins = elsewhere\n")
        end.flush()
        environ = {"HOME": str(folder / "home"), "ANSIBLE_CONFIG": f"/dev/fd/{reader}"}
        assert effective_path(environ, folder / "work")[-1] == "/usr/share/ansible/plugins/callback"
        end.close()
        assert pipe.read().startswith(b"[defaults]")


def composed(folder, command=("ansible-playbook",), **environ):
    wish = Recording(command, folder / "work", "the-uuid", folder / "spool", folder / "early")
    return child_environment({"HOME": str(folder / "home"), **environ}, wish, 4711)


def test_what_the_user_has_set_stays(folder):
    child = composed(folder, PYTHONPATH="/mine", ANSIBLE_CALLBACK_PLUGINS="a:b", OTHER="x")
    bootstrap, rest = child["PYTHONPATH"].split(":")
    assert pathlib.Path(bootstrap, "sitecustomize.py").is_file()
    assert rest == "/mine"
    assert child["ANSIBLE_CALLBACK_PLUGINS"] == f"a:b:{plugin_folder()}"
    assert child["OTHER"] == "x"
    assert "FORGE_EVENTS_JOB_NAME" not in child
    assert "ANSIBLE_STDOUT_CALLBACK" not in child


def test_our_folder_is_there_once_however_it_is_written(folder):
    (folder / "link").symlink_to(plugin_folder())
    for entry in (plugin_folder(), folder / "link", f"{plugin_folder()}/"):
        assert composed(folder, ANSIBLE_CALLBACK_PLUGINS=f"x:{entry}")["ANSIBLE_CALLBACK_PLUGINS"] == f"x:{entry}"


@pytest.mark.parametrize(
    ("command", "is_it"),
    [
        (["ansible", "all"], True),
        (["/opt/bin/ansible-console"], True),
        (["uv", "run", "ansible", "all"], True),
        (["ansible-playbook", "ansible"], False),
        (["make", "deploy"], False),
    ],
)
def test_ad_hoc_commands_are_recognised(command, is_it):
    assert is_ad_hoc(command) is is_it


def test_an_ad_hoc_command_is_told_to_load_ours_alone(folder):
    child = composed(folder, ["ansible", "all"], ANSIBLE_STDOUT_CALLBACK="yaml")
    assert child["ANSIBLE_CALLBACK_PLUGINS"] == str(plugin_folder())
    assert child["ANSIBLE_STDOUT_CALLBACK"] == "default"
    (folder / "work" / "ansible.cfg").write_text("[defaults]\nbin_ansible_callbacks = True\n")
    child = composed(folder, ["ansible", "all"], ANSIBLE_STDOUT_CALLBACK="yaml")
    assert child["ANSIBLE_STDOUT_CALLBACK"] == "yaml"
    assert "ANSIBLE_CALLBACKS_ENABLED" not in child
