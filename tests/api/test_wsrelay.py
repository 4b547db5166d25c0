# SPDX-License-Identifier: Apache-2.0
"""The relay: it wakes web machines that hear nothing of the database, and whoever has another secret wakes nobody."""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from forge_events import serving, settings
from forge_events.api.live import Live
from forge_events.api.relay import Gate, Relay, fingerprint, proof
from forge_events.errors import InvalidSettings
from forge_events.store import open_store
from tests.api.sockets import connected
from tests.api.sockets import serving as served
from tests.api.test_websocket import many, running_job
from tests.store.making import append

SECRET, OTHER = "s" * 32, "t" * 40


def test_a_proof_is_good_once_and_for_a_minute():
    gate, header = Gate(SECRET), proof(SECRET, 1000.0)
    assert re.fullmatch(r"HMAC-SHA256 1000\.[0-9a-f]{16}:[0-9a-f]{64}", header)
    assert not gate.admits(header, 1061.0) and not gate.admits(header, 939.0)
    assert gate.admits(header, 1059.0)
    assert not gate.admits(header, 1059.0)
    assert gate.admits(proof(SECRET, 1000.0), 1000.0)


def test_a_proof_is_good_once_for_all_processes_of_a_machine(tmp_path):
    header, now = proof(SECRET, time.time()), time.time()
    one, other = Gate(SECRET, tmp_path / "proofs"), Gate(SECRET, tmp_path / "proofs")
    assert one.admits(header, now) and not other.admits(header, now)
    assert other.admits(proof(SECRET, now), now)
    assert Gate(SECRET, tmp_path / "proofs").admits(proof(SECRET, now + 300), now + 300)
    assert len(list((tmp_path / "proofs").iterdir())) == 1  # those that nobody takes any more are forgotten


@pytest.mark.parametrize(
    "header",
    ["", "HMAC-SHA256", "HMAC-SHA256 1000:", proof(OTHER, 1000.0), proof(SECRET, 1000.0)[:-1], "HMAC-SHA256 x.1:00"],
    ids=["nothing", "a name", "no proof", "of another secret", "cut", "no time"],
)
def test_what_is_no_proof_lets_nobody_in(header):
    assert not Gate(SECRET).admits(header, 1000.0)


def test_without_a_secret_nobody_is_let_in():
    assert not Gate("").admits(proof("", 1000.0), 1000.0)


def test_a_short_secret_is_refused():
    with pytest.raises(InvalidSettings, match="FORGE_BROADCAST_WEBSOCKET_SECRET"):
        Relay(None, [], "short", print)  # type: ignore[arg-type]


@pytest.fixture
def deaf(url, tmp_path, monkeypatch):
    """Return the address of a web machine that hears nothing of the database, and looks by itself once in a minute."""

    async def hears_nothing(_: Live) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(Live, "_listen", hears_nothing)
    monkeypatch.setattr("forge_events.api.live.PATIENCE", 60.0)
    monkeypatch.setenv("FORGE_BROADCAST_WEBSOCKET_SECRET", SECRET)
    found = settings.Settings(home=tmp_path / "home", database_url=url)
    with open_store(url) as store:
        token, _ = serving.local_access(store, tmp_path / "home")
    with served(serving.application(found, serving.Address("127.0.0.1", 0))) as address:
        yield address, {"Authorization": f"Bearer {token}"}


def test_the_relay_wakes_a_web_machine_that_hears_nothing(store, url, deaf):
    """Check 27, the second half."""
    address, headers = deaf
    job = running_job(store)

    async def talk():
        told: list[str] = []
        connecting = asyncio.Event()

        def tell(line: str) -> None:
            told.append(line)
            connecting.set()

        with open_store(url) as own:
            relaying = asyncio.ensure_future(Relay(own, [f"http://{address}"], SECRET, tell).run())
            async with connected(address, additional_headers=headers) as client:
                await client.ask(groups={"job_events": [job.id], "jobs": ["status_changed"]})
                await client.next()
                await asyncio.wait_for(connecting.wait(), 20)
                await asyncio.sleep(0.3)
                took = []
                for counter in range(1, 8):
                    began = time.monotonic()
                    append(store, job, many(job, counter, counter))
                    assert (await client.next())["counter"] == counter
                    took.append(time.monotonic() - began)
                    await asyncio.sleep(0.05)
            relaying.cancel()
            await asyncio.gather(relaying, return_exceptions=True)
        return told, sorted(took)

    told, took = asyncio.run(talk())
    assert told == [f"http://{address}: connected"]
    assert took[3] < 0.5  # the machine looks by itself once in 60 seconds


def test_a_relay_with_another_secret_is_refused_and_both_are_named(store, url, deaf):
    """Check 27, the first half."""
    address, _ = deaf
    told: list[str] = []

    async def talk():
        has_told = asyncio.Event()

        def tell(line: str) -> None:
            told.append(line)
            has_told.set()

        with open_store(url) as own:
            relaying = asyncio.ensure_future(Relay(own, [f"http://{address}"], OTHER, tell).run())
            await asyncio.wait_for(has_told.wait(), 20)
            relaying.cancel()
            await asyncio.gather(relaying, return_exceptions=True)

    asyncio.run(talk())
    assert fingerprint(OTHER) in told[0] and fingerprint(SECRET) in told[0] and OTHER not in told[0]
