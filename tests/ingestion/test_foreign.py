# SPDX-License-Identifier: Apache-2.0
"""Whatever somebody puts into the folder of the spools is told of once and set aside; no link in it is followed."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from forge_events.events import EventFilter
from forge_events.ingestion import damage
from forge_events.ingestion.receiver import Receiver, drain
from forge_events.jobs import JobStatus
from tests.ingestion.spools import Spool, job_of, kept_of, now

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

ALL = EventFilter()


FOREIGN: dict[str, Callable[[pathlib.Path], object]] = {
    "a link in a circle": lambda path: path.symlink_to(path.name),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link that leads nowhere": lambda path: path.symlink_to("nowhere"),
    "a link to a folder": lambda path: path.symlink_to("/etc"),
    "a pipe": os.mkfifo,
    "a socket": lambda path: os.mknod(path, 0o600 | stat.S_IFSOCK),
    "a folder": lambda path: (path / "with something in it").mkdir(parents=True),
    "zeros": lambda path: path.write_bytes(bytes(1000) + b"\n"),
    "nesting": lambda path: path.write_bytes(b'{"header":' * 100_000 + b"\n"),
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("stem", ["x", "x" * 249])
def test_what_is_no_spool_is_told_of_once_and_stops_no_other(store, folder, name, stem):
    path = folder / f"{stem}.jsonl"
    FOREIGN[name](path)
    good = Spool(folder).done()
    told = [received for received in drain(folder, store, now()) if received.problem]
    assert [received.path for received in told] == [path]
    assert "\n" not in told[0].problem
    assert store.job(good.uuid).status is JobStatus.SUCCESSFUL
    assert drain(folder, store, now()) == []
    assert os.path.lexists(kept_of(told[0]))
    assert not os.path.lexists(path)


def test_a_spool_behind_a_link_is_not_read(store, folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    spool = Spool(elsewhere).done()
    (folder / "x.jsonl").symlink_to(spool.path)
    (received,) = drain(folder, store, now())
    assert received.problem == "it is a symbolic link, which is not followed"
    assert store.jobs() == []
    assert spool.path.exists()


def test_many_things_of_one_name_are_all_kept(store, folder):
    for number in range(3):
        (folder / "x.jsonl").write_text(f"{number}\n")
        drain(folder, store, now())
    assert sorted(path.read_text() for path in folder.iterdir()) == ["0\n", "1\n", "2\n"]


def test_a_receiver_tells_once_of_what_it_cannot_move(store, folder, monkeypatch):
    monkeypatch.setattr("forge_events.ingestion.receiver.set_aside", lambda _path: None)
    (folder / "x.jsonl").symlink_to("x.jsonl")
    receiver = Receiver(folder, store)
    assert [bool(received.problem) for received in receiver.turn(now())] == [True]
    assert list(receiver.turn(now())) == []


# The file that keeps damaged lines


def damaged(folder: pathlib.Path) -> tuple[Spool, pathlib.Path]:
    spool = Spool(folder).root().line(b"garbage").stats().eof()
    return spool, damage.kept_in(spool.path)


@pytest.mark.parametrize(
    "content", [b"\0\0\0\n", b"hello\n", b"[1]\n", b"no end", b'{"position": []}\n', b"\xff\n", b"1\n"]
)
def test_what_others_wrote_among_the_damaged_lines_stays(store, folder, content):
    spool, kept = damaged(folder)
    kept.write_bytes(content)
    (received,) = drain(folder, store, now())
    assert job_of(received).status is JobStatus.SUCCESSFUL
    assert not spool.path.exists()
    *others, last = kept.read_bytes().splitlines(keepends=True)
    assert b"".join(others).rstrip(b"\n") == content.rstrip(b"\n")
    assert json.loads(last)["line"] == "garbage\n"


@pytest.mark.parametrize("name", [name for name in FOREIGN if name not in ("zeros", "nesting")])
def test_damaged_lines_go_into_no_file_but_ours(store, folder, name):
    spool, kept = damaged(folder)
    FOREIGN[name](kept)
    (received,) = drain(folder, store, now())
    assert job_of(received).status is JobStatus.SUCCESSFUL
    assert not spool.path.exists()
    assert json.loads(kept.read_bytes())["line"] == "garbage\n"
    assert os.path.lexists(kept.with_name(f"{kept.name}.broken"))


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_file_elsewhere_is_neither_written_to_nor_cut(store, folder, tmp_path, link):
    token = tmp_path / "token"
    token.write_bytes(b'{"position": the token')
    _spool, kept = damaged(folder)
    link(token, kept)
    drain(folder, store, now())
    assert token.read_bytes() == b'{"position": the token'
    assert json.loads(kept.read_bytes())["line"] == "garbage\n"


def test_who_keeps_the_damaged_lines_locked_holds_up_nobody(store, folder, monkeypatch):
    monkeypatch.setattr(damage, "_PAUSE", 0.001)
    spool, kept = damaged(folder)
    good = Spool(folder).done()
    with kept.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        told = [received.path for received in drain(folder, store, now()) if received.problem]
        assert told == [spool.path]
        assert store.job(good.uuid).status is JobStatus.SUCCESSFUL
    drain(folder, store, now())
    assert store.job(spool.uuid).status is JobStatus.SUCCESSFUL


def test_the_damaged_lines_of_a_name_as_long_as_can_be_are_kept(store, folder):
    spool = Spool(folder).root().line(b"garbage").stats().eof()
    path = spool.path.rename(folder / ("y" * 249 + ".jsonl"))
    (received,) = drain(folder, store, now())
    assert job_of(received).status is JobStatus.SUCCESSFUL
    assert received.kept is not None
    assert json.loads(received.kept.read_bytes())["line"] == "garbage\n"
    assert not path.exists()
