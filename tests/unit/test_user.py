# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import pathlib
import pwd
import tempfile

import pytest

from forge_events import user

ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def login(monkeypatch, tmp_path):
    """Return what says who logged in."""

    def write(text):
        (tmp_path / "loginuid").write_text(text)
        monkeypatch.setattr(user, "_LOGIN", tmp_path / "loginuid")

    return write


def test_the_effective_user_is_known_by_name():
    assert user.effective_user() == ME


def test_a_user_without_a_name_is_a_number(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert user.effective_user() == "uid 54321"


def test_the_user_of_sudo_is_behind_what_it_runs(login):
    login("0")
    assert user.login_user({"SUDO_USER": "alice"}) == "alice"


def test_who_logged_in_stays_behind_what_another_user_runs(login, monkeypatch):
    login("54321")
    assert user.login_user({}) == "uid 54321"
    monkeypatch.setattr(os, "geteuid", lambda: 54322)
    assert user.login_user({"SUDO_USER": " "}) == "uid 54321"


@pytest.mark.parametrize("text", ["4294967295", "65534", "", "nonsense"])
def test_where_nobody_logged_in_it_is_the_user_of_the_process(login, text):
    login(text)
    assert user.login_user({}) == ME


@pytest.fixture
def _homeless(monkeypatch, tmp_path):
    def unknown(*_):
        raise RuntimeError

    monkeypatch.setattr(pathlib.Path, "expanduser", unknown)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.usefixtures("_homeless")
def test_without_a_home_data_lies_in_a_folder_of_the_users_own(tmp_path):
    folder = user.data_folder({})
    assert folder == tmp_path / f"forge-events-{os.geteuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert user.data_folder({}) == folder
    assert user.data_folder({"XDG_DATA_HOME": "/srv/data"}) == pathlib.Path("/srv/data/forge-events")


@pytest.mark.usefixtures("_homeless")
def test_a_folder_that_somebody_else_made_there_is_not_used(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"forge-events-{os.geteuid()}").symlink_to(elsewhere)
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        user.data_folder({})
