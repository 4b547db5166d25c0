# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import pathlib
import platform
import subprocess
import sys

import pytest

from forge_events.errors import InvalidSettings
from forge_events.settings import Settings, load
from forge_events.store.location import shown, sqlite_file
from tests.conftest import ROOT

TIMES = ("HEARTBEAT", "NODE_LOST_AFTER", "JOB_LEASE")

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG is Linux's")


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.upper().startswith("FORGE_EVENTS_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@linux
def test_without_settings_everything_is_in_the_users_data_folder(tmp_path):
    home = tmp_path / ".local" / "share" / "forge-events"
    found = load()
    assert (found.home, found.spool_dir) == (home, home / "spool")
    assert found.database_url == f"sqlite:///{home}/events.db"
    assert sqlite_file(found.database_url) == home / "events.db"


@linux
def test_the_data_folder_of_the_desktop_is_respected(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert load().home == tmp_path / "data" / "forge-events"


def test_one_folder_holds_everything(monkeypatch, tmp_path):
    monkeypatch.setenv("FORGE_EVENTS_HOME", str(tmp_path / "x"))
    found = load()
    assert (found.home, found.spool_dir) == (tmp_path / "x", tmp_path / "x" / "spool")
    assert found.database_url == f"sqlite:///{tmp_path}/x/events.db"


def test_each_setting_has_its_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("FORGE_EVENTS_HOME", str(tmp_path / "x"))
    monkeypatch.setenv("FORGE_EVENTS_SPOOL_DIR", str(tmp_path / "y"))
    monkeypatch.setenv("FORGE_EVENTS_DATABASE_URL", "sqlite:///z.db")
    found = load()
    assert (found.home, found.spool_dir, found.database_url) == (tmp_path / "x", tmp_path / "y", "sqlite:///z.db")


@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields])
def test_an_empty_variable_counts_as_unset(monkeypatch, name):
    expected = load()
    monkeypatch.setenv(f"FORGE_EVENTS_{name}", "")
    assert load() == expected


def test_another_variable_is_no_setting(monkeypatch):
    expected = load()
    monkeypatch.setenv("FORGE_EVENTS_JOB_NAME", "x")
    assert load() == expected


def test_a_folder_of_the_user_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("FORGE_EVENTS_HOME", "~/mine")
    assert load().home == tmp_path / "mine"


def test_a_relative_folder_is_relative_to_the_working_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORGE_EVENTS_SPOOL_DIR", "here")
    monkeypatch.setenv("FORGE_EVENTS_HOME", "there")
    found = load()
    monkeypatch.chdir("/")
    assert (found.spool_dir, found.home) == (tmp_path / "here", tmp_path / "there")
    assert found.database_url == f"sqlite:///{tmp_path}/there/events.db"


@pytest.mark.parametrize("name", ["HOME", "SPOOL_DIR", "WORK_DIR"])
def test_a_file_cannot_be_a_folder(monkeypatch, tmp_path, name):
    (tmp_path / "file").touch()
    monkeypatch.setenv(f"FORGE_EVENTS_{name}", str(tmp_path / "file"))
    with pytest.raises(InvalidSettings) as caught:
        load()
    assert str(caught.value) == f"the setting FORGE_EVENTS_{name} cannot be used: {tmp_path}/file is not a folder"


def test_a_user_who_is_not_there_is_told_of(monkeypatch):
    monkeypatch.setenv("FORGE_EVENTS_HOME", "~no-such-user-at-all/x")
    with pytest.raises(InvalidSettings, match="FORGE_EVENTS_HOME"):
        load()


def test_without_settings_a_machine_is_a_node_by_its_name(tmp_path):
    found = load()
    assert found.node == platform.node()
    assert (found.heartbeat, found.node_lost_after, found.job_lease) == (10, 30, 300)
    assert (found.impact, found.container_engine) == ("hosts", "podman")
    assert found.work_dir == found.home / "work"


def test_a_machine_without_a_name_is_localhost(monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "")
    assert load().node == "localhost"


def test_a_node_is_lost_after_three_heartbeats_unless_it_is_said(monkeypatch):
    monkeypatch.setenv("FORGE_EVENTS_HEARTBEAT", "0.5")
    assert load().node_lost_after == 1.5
    monkeypatch.setenv("FORGE_EVENTS_NODE_LOST_AFTER", "0.6")
    assert load().node_lost_after == 0.6


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        *((name, value, "") for name in TIMES for value in ("0", "-1", "nan", "inf", "1e10", "soon", "10 s")),
        ("NODE_LOST_AFTER", "10", "it has to be more than FORGE_EVENTS_HEARTBEAT, which is 10 s"),
        ("IMPACT", "much", "Input should be 'hosts' or 'forks'"),
        ("CONTAINER_ENGINE", "lxc", "Input should be 'podman' or 'docker'"),
        ("NODE", " ", "the name of a node is 1 to 253 characters that can be seen"),
        ("NODE", "a\nb", "the name of a node is"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(monkeypatch, name, value, reason):
    monkeypatch.setenv(f"FORGE_EVENTS_{name}", value)
    with pytest.raises(InvalidSettings) as caught:
        load()
    assert str(caught.value).startswith(f"the setting FORGE_EVENTS_{name} cannot be used: {reason}")


def test_a_heartbeat_that_cannot_be_is_not_blamed_on_another_setting(monkeypatch):
    monkeypatch.setenv("FORGE_EVENTS_HEARTBEAT", "x")
    monkeypatch.setenv("FORGE_EVENTS_NODE_LOST_AFTER", "5")
    with pytest.raises(InvalidSettings, match="FORGE_EVENTS_HEARTBEAT"):
        load()


def test_reading_the_settings_makes_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("FORGE_EVENTS_HOME", str(tmp_path / "x"))
    load()
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"FORGE_EVENTS_HOME": ""},
        {"FORGE_EVENTS_HOME": "/srv/events/"},
        {"FORGE_EVENTS_HOME": "/srv/./x/../events"},
        {"FORGE_EVENTS_HOME": "~/events"},
        {"FORGE_EVENTS_HOME": "events"},
        pytest.param({"XDG_DATA_HOME": "/srv/data"}, marks=linux),
        pytest.param({"XDG_DATA_HOME": "/srv/data", "FORGE_EVENTS_HOME": "/srv/events"}, marks=linux),
        pytest.param({"XDG_DATA_HOME": " "}, marks=linux),
        pytest.param({"XDG_DATA_HOME": "relative"}, marks=linux),
    ],
)
def test_the_plugin_finds_the_same_folder(monkeypatch, tmp_path, environ):
    monkeypatch.chdir(tmp_path)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    code = (
        f"import os, sys; sys.path.insert(0, {str(ROOT / 'plugins')!r});"
        "from plugin_utils._recorder import spool_directory; print(spool_directory(dict(os.environ)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == f"{load().spool_dir}\n"


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        load().home = pathlib.Path("/")  # type: ignore[misc]


def test_every_setting_is_described():
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///a.db", "a.db"),
        ("sqlite:////srv/a.db", "/srv/a.db"),
        ("sqlite:////srv/a?b#c%20d.db", "/srv/a?b#c%20d.db"),
        ("sqlite:///", None),
        ("sqlite:///:memory:", None),
        ("sqlite://", None),
        ("postgresql://h/d", None),
        ("/srv/a.db", None),
        ("", None),
    ],
)
def test_the_file_that_a_url_names(url, file):
    assert sqlite_file(url) == (None if file is None else pathlib.Path(file))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://me:geheim@h/d", "postgresql://h/d"),
        ("postgresql://me:ge@heim:x@h/d", "postgresql://h/d"),
        ("postgresql://me@h/d", "postgresql://h/d"),
        ("postgresql://h/d?password=geheim&x=1", "postgresql://h/d"),
        ("sqlite:////srv/a@b.db", "sqlite:////srv/a@b.db"),
        ("postgresql://me:ge/heim@h/d", "postgresql://..."),
        ("postgresql://me:ge?heim@h/d", "postgresql://..."),
        ("postgresql://me:ge#heim@h/d", "postgresql://..."),
        ("postgresql://h:5432,i/d?user=me@x&password=geheim", "postgresql://..."),
        ("postgresql:///d?host=/run/postgresql", "postgresql:///d"),
        ("postgresql+psycopg://me:geheim@h/d?x=1", "postgresql+psycopg://h/d"),
        ("host=h password=geheim", "..."),
        ("me:geheim@h/d", "..."),
        ("/srv/a.db", "/srv/a.db"),
    ],
)
def test_no_password_is_shown(url, expected):
    assert shown(url) == expected
