# SPDX-License-Identifier: Apache-2.0
"""Of an installation in which all is well one thing is broken at a time: exactly the check of that thing fails."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import socket
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from forge_events.doctor import check, keeping
from forge_events.doctor.check import Subject, Verdict, run
from forge_events.doctor.examining import examine
from forge_events.errors import UnknownJob
from forge_events.launches import Launch
from forge_events.nodes import Machine, NodeType
from forge_events.settings import Settings
from forge_events.store import open_store
from forge_events.store.records import Process, Role
from forge_events.templates import JobTemplate
from tests.store.queueing import held, launched

if TYPE_CHECKING:
    from forge_events.store import Store
from tests.stores import faulty

LONG = datetime.timedelta(minutes=10)
SECRET = {"secret": "3f2a91bc"}


class Installation(NamedTuple):
    """A machine on which everything works."""

    settings: Settings
    store: Store
    now: datetime.datetime

    def process(self, role, ago=datetime.timedelta(0), pid=4711, **facts):
        at = self.now - ago
        return Process(0, "a", "machine of a", pid, at, at, role=role, facts=facts)

    def sign_on(self, role, ago=datetime.timedelta(0), **facts):
        return self.store.processes.sign_on(self.process(role, ago, **facts), lost_after=600)

    def dispatcher(self, node="a", ago=datetime.timedelta(0), offset=0.0):
        process = self.process(Role.DISPATCHER, ago)._replace(node=node, machine=f"machine of {node}")
        machine = Machine(cpu=4, memory=2**33, clock_offset=offset)
        return self.store.nodes.sign_on(process, machine, "1", lost_after=60)

    def lose(self, role):
        """Have nobody see those any more that do one thing."""
        for one in self.store.processes.all():
            if one.role is role:
                self.store.processes.beat(one, self.now - LONG)
                if role is Role.DISPATCHER:
                    self.store.nodes.beat(one, Machine(cpu=4, memory=2**33), self.now - LONG)

    def template(self, **launch):
        what = Launch.of(**{"playbook": "site.yml", "project": str(self.settings.home), **launch})
        self.store.templates.add(JobTemplate.of(name="web", launch=what, created=self.now, modified=self.now))

    def spool(self, name="11111111-2222-3333-4444-555555555555"):
        """Leave what nobody has received for ten minutes."""
        path = self.settings.spool_dir / f"{name}.jsonl"
        path.write_text(f'{{"header":{{"format":1,"job_uuid":"{name}","started":"2026-01-01T00:00:00+00:00"}}}}\n')
        old = self.now.timestamp() - LONG.total_seconds()
        os.utime(path, (old, old))


@pytest.fixture
def well(tmp_path, url):
    home = tmp_path / "installation"
    (home / "spool").mkdir(parents=True)
    (home / "site.yml").write_text("[]\n")
    settings = Settings(home=home, database_url=url, node="a", heartbeat=100.0)
    with open_store(url) as store:
        found = Installation(settings, store, store.now())
        found.dispatcher()
        found.sign_on(Role.RECEIVER, spool_dir=str(settings.spool_dir))
        found.sign_on(Role.WEB, **SECRET)
        found.sign_on(Role.RELAY, **SECRET)
        found.template()
        yield found


def failing(found):
    return {name: finding for name, finding in found if finding.verdict is Verdict.FAIL}


def unanswered(well):
    well.lose(Role.DISPATCHER)
    launched(well.store, at=well.now - LONG, created=well.now - LONG)
    return "no dispatcher runs: 1 job pending, the oldest for 10 min"


def not_decided(well):
    launched(well.store, at=well.now - LONG, created=well.now - LONG)
    return "job 1 has been pending for 10 min"


def no_node(well):
    held(well.store, launched(well.store), "needs 5 forks")
    well.store.nodes.change("a", enabled=False)
    return "1 job waiting for capacity, the oldest is job 1: needs 5 forks"


def lost_node(well):
    well.store.nodes.register("b", well.now, node_type=NodeType.EXECUTION)
    well.dispatcher("b", LONG)
    return "node b: its dispatcher was last seen"


def killed_receiver(well):
    well.lose(Role.RECEIVER)
    well.spool()
    return "1 spool, 112 bytes, not received for 10 min"


def deaf_receiver(well):
    well.spool()
    return "although a receiver is seen"


def full_disk(well, monkeypatch):
    usage = shutil._ntuple_diskusage(10**12, 10**12 - 2**20, 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    return "has 1 MiB left"


def other_secret(well):
    well.sign_on(Role.RELAY, secret="ffffffff")
    return "(3f2a91bc, ffffffff ≠ 3f2a91bc)"


def killed_relay(well):
    well.lose(Role.RELAY)
    return "wsrelay, process 4711 on a, was last seen 10 min"


def moved_project(well):
    (well.settings.home / "site.yml").unlink()
    return "template web: there is no playbook"


def no_engine(well, monkeypatch):
    well.store.templates.delete("web")
    well.template(execution_environment="localhost/ee")
    monkeypatch.setenv("PATH", str(well.settings.home))
    return "podman is not on this machine, and template web needs it"


def wrong_clock(well):
    well.lose(Role.DISPATCHER)
    well.dispatcher(offset=-62.0)
    return "a: its clock is 62 s behind"


BROKEN: dict[str, Any] = {
    "dispatcher": unanswered,
    "pending": not_decided,
    "capacity": no_node,
    "nodes": lost_node,
    "receiver": killed_receiver,
    "receiver, deaf": deaf_receiver,
    "spools": full_disk,
    "websocket": other_secret,
    "websocket, killed": killed_relay,
    "projects": moved_project,
    "images": no_engine,
    "clock": wrong_clock,
}


def test_where_all_is_well_nothing_is_wrong(well):
    found = dict(examine(well.settings))
    assert {name: finding for name, finding in found.items() if finding.verdict is not Verdict.OK} == {}
    assert "pid" not in str(found["websocket"])


@pytest.mark.parametrize("broken", BROKEN)
def test_exactly_the_check_of_what_is_broken_fails(well, monkeypatch, broken):
    breaks = BROKEN[broken]
    words = breaks(well, monkeypatch) if breaks.__code__.co_argcount == 2 else breaks(well)
    found = failing(examine(well.settings))
    assert list(found) == [broken.partition(",")[0]]
    (finding,) = found.values()
    assert words in finding.words
    assert finding.remedy


def test_a_receiver_of_another_folder_is_told(well):
    well.lose(Role.RECEIVER)
    well.store.processes.sign_on(well.process(Role.RECEIVER, spool_dir="/elsewhere"), lost_after=60)
    well.spool()
    (finding,) = failing(examine(well.settings)).values()
    assert "the receiver reads /elsewhere, and these are in" in finding.words
    assert "FORGE_EVENTS_SPOOL_DIR" in finding.remedy


def test_a_job_is_looked_at_with_what_concerns_it(well):
    well.lose(Role.DISPATCHER)
    job = launched(well.store)
    found = dict(examine(well.settings, str(job.id)))
    assert list(found) == ["database", "job", "dispatcher", "pending", "capacity", "nodes", "projects"]
    assert found["job"].words.startswith("job 1 is pending: no dispatcher is running")
    assert list(failing(found.items())) == ["dispatcher"]
    with pytest.raises(UnknownJob):
        examine(well.settings, "4711")


def test_a_fresh_home_is_well_and_stays_as_it_is(tmp_path):
    ((name, finding),) = examine(Settings(home=tmp_path / "new"))
    assert (name, finding.verdict) == ("database", Verdict.OK)
    assert not (tmp_path / "new").exists()


def test_a_database_that_is_none_is_all_that_fails(tmp_path):
    (tmp_path / "events.db").write_text("no database, and longer than the header of one would be, for sure; " * 10)
    found = examine(Settings(home=tmp_path))
    assert list(failing(found)) == ["database"]
    assert {finding.verdict for _, finding in found[1:]} == {Verdict.UNKNOWN}


def test_no_password_is_told(tmp_path):
    found = examine(Settings(home=tmp_path, database_url="postgresql://me:geheim@127.0.0.1:1/events"))
    assert list(failing(found)) == ["database"]
    assert "geheim" not in str(found)


def answer(server, said):
    accepted, _ = server.accept()
    with accepted:
        accepted.sendall(said)


@pytest.mark.parametrize("kind", ["absent", "file", "deaf", "stranger", "receptor"])
def test_receptor_is_looked_for_where_its_socket_is_set(tmp_path, kind):
    path = tmp_path / "receptor.sock"
    settings = Settings(home=tmp_path, receptor_socket=path, node="a")
    open_store(settings.database_url).close()
    path.touch() if kind == "file" else None
    with contextlib.ExitStack() as closing:
        if kind in ("deaf", "stranger", "receptor"):
            server = closing.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(str(path))
            server.listen(1)
        if kind in ("stranger", "receptor"):
            said = b"Receptor Control, node exec1\n" if kind == "receptor" else b"220 mail\n"
            answering = threading.Thread(target=answer, args=(server, said))
            answering.start()
            closing.callback(answering.join)
        found = dict(examine(settings))
    assert ("mesh" in failing(found.items())) == (kind != "receptor")
    assert {"absent": "no socket at", "file": "no socket at", "deaf": "does not answer"}.get(kind, "") in found[
        "mesh"
    ].words


@pytest.mark.parametrize(("days", "verdict"), [(1, Verdict.FAIL), (10, Verdict.WARN), (400, Verdict.OK)])
def test_a_disk_that_fills_up_is_told_in_time(well, days, verdict):
    def usage(own, *arguments, **options):
        return own(*arguments, **options)._replace(
            free=days * 2**30, data_size=2**30, source_size=2**30, daily_source_size=2**30
        )

    subject = Subject(well.settings, faulty(well.store, usage=usage), well.now)
    finding = keeping.disk(subject)
    assert (finding.verdict, f"enough for {days} days" in finding.words) == (verdict, True)


def test_a_check_that_hangs_or_fails_keeps_no_other_from_its_end(monkeypatch):
    monkeypatch.setattr(check, "WITHIN", 0.2)
    hangs: Any = threading.Event()

    def fails():
        raise RuntimeError("geheim")

    found = run([("a", hangs.wait), ("b", fails), ("c", lambda: check.fine("well")), ("d", lambda: None)])
    hangs.set()
    assert [(name, finding.verdict) for name, finding in found] == [
        ("a", Verdict.UNKNOWN),
        ("b", Verdict.UNKNOWN),
        ("c", Verdict.OK),
    ]
    assert "geheim" not in str(found)
