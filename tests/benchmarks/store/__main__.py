# SPDX-License-Identifier: Apache-2.0
"""Measure the PostgreSQL store on a server of its own, each figure beside its baseline; says what misses its target.

The server is set up as a new one is, with ``fsync`` on.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import platform
import sys
import tempfile
from typing import TYPE_CHECKING

from forge_events.store import upgrade
from tests import postgresql
from tests.benchmarks.store import cleanup, ingest, large, plot, scale
from tests.benchmarks.store.population import populate
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.store.scale import Figures
    from tests.postgresql import Server

PARTS = ("ingest", "scale", "large", "cleanup")
SCALES = (10, 1_000, 10_000, 100_000, 1_000_000)
BASE = 1_000
RAW_SHARE, GROWTH, LARGE_MS = 0.6, 2.0, 20.0
SETTINGS = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "512MB", "max_wal_size": "4GB"}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make bench-store", description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given again")
    parser.add_argument("--scales", type=int, nargs="+", default=SCALES, help="how many jobs are recorded")
    parser.add_argument("--events", type=int, default=60_000, help="of a spool that is ingested")
    parser.add_argument("--large", type=int, default=1_000_000, help="events of the large job")
    parser.add_argument("--old-jobs", type=int, default=10_000, help="that are cleaned up")
    parser.add_argument("--postgresql-bin", type=pathlib.Path, help="the folder of another PostgreSQL's programs")
    parser.add_argument("--docs", action="store_true", help="write the table of the scales and its plot to docs/")
    return parser.parse_args()


class Bench:
    """The parts, each of which yields lines to print."""

    def __init__(self, server: Server, options: argparse.Namespace) -> None:
        self.server = server
        self.options = options
        self.missed = 0

    def database(self, name: str) -> str:
        """Make a new database with all tables, and return its URL."""
        self.server.execute(f"CREATE DATABASE {name}")
        url = self.server.url(name)
        upgrade(url)
        return url

    def verdict(self, *, is_met: bool) -> str:
        """Return a word, and count what was missed."""
        self.missed += not is_met
        return "met" if is_met else "MISSED"

    def ingest(self) -> Iterator[str]:
        """Compare the receiver with the server's own COPY."""
        with tempfile.TemporaryDirectory() as folder:
            url = self.database("ingest")
            found = ingest.measure(self.server, url, pathlib.Path(folder), self.options.events)
        share = found.one / found.raw
        yield f"server's COPY, no index, unlogged  {found.raw:9,.0f} rows/s of {found.size:,.0f} bytes of spool"
        yield f"one receiver                       {found.one:9,.0f} events/s, {share:.2f} of that"
        yield f"   target: at least {RAW_SHARE:.2f} of it {self.verdict(is_met=share >= RAW_SHARE)}"
        two = f"two receivers, on {os.cpu_count()} cores".ljust(35)
        yield f"{two}{found.two:9,.0f} events/s, {found.two / found.one:.2f} of one"

    def scale(self) -> Iterator[str]:
        """Measure everyday work at each scale."""
        found: dict[int, Figures] = {}
        for count in self.options.scales:
            url = self.database(f"scale_{count}")
            found[count] = scale.measure(url, count)
            self.server.execute(f"DROP DATABASE scale_{count} WITH (FORCE)")
            yield f"{count:,} jobs: " + ", ".join(f"{what} {ms:.1f} ms" for what, ms in found[count].items())
        table = list(self.table(found))
        yield from table
        if self.options.docs:
            (ROOT / "docs/images/store-scale.svg").write_text(plot.draw(found))
            (ROOT / "docs/measured/store-scale.txt").write_text("\n".join(table) + "\n")

    def table(self, found: dict[int, Figures]) -> Iterator[str]:
        """Lay the figures out, with how they grow from the base to the most."""
        most = max(found)
        yield " ".join(["milliseconds, median".ljust(34), *(f"{count:>10,}" for count in found), f"{'growth':>8}"])
        for what in found[most]:
            growth = found[most][what] / found[BASE][what] if BASE in found else 0.0
            figures = [f"{figures[what]:10.2f}" for figures in found.values()]
            yield " ".join([what.ljust(34), *figures, f"{growth:8.2f}", self.verdict(is_met=growth < GROWTH)])

    def large(self) -> Iterator[str]:
        """Measure one large job."""
        url = self.database("large")
        for what, ms in large.measure(url, self.options.large).items():
            yield f"{self.options.large:,} events, {what.ljust(24)} {ms:8.2f} ms {self.verdict(is_met=ms < LARGE_MS)}"
        small = self.database("small")
        large.measure(small, 2_000)
        found = [large.memory(each, "latest") for each in (url, small)]
        yield f"memory of `events --jsonl`: {found[0]:.0f} MiB, and {found[1]:.0f} MiB for 2,000 events"

    def cleanup(self) -> Iterator[str]:
        """Clean up beside readers and writers."""
        url = self.database("cleanup")
        populate(url, self.options.old_jobs)
        found = cleanup.measure(url)
        yield f"{found.dropped_count:,} jobs dropped in {found.took:.1f} s beside {found.work_count:,} reads and writes"
        yield f"longest work: {found.calm * 1000:.0f} ms before, {found.busy * 1000:.0f} ms meanwhile"
        yield f"failed statements: {len(found.errors)} {self.verdict(is_met=not found.errors)} {found.errors[:1]}"


def main() -> int:
    """Run the parts; return 1 if a target was missed."""
    options = arguments()
    with postgresql.server(options.postgresql_bin) as server:
        server.start(**SETTINGS)
        ((version,),) = server.execute("SHOW server_version")
        print(f"PostgreSQL {version}, Python {platform.python_version()}, {os.cpu_count()} cores")
        bench = Bench(server, options)
        for part in options.part or PARTS:
            print(f"\n{part}")
            for line in getattr(bench, part)():
                print(f"  {line}", flush=True)
    return 1 if bench.missed else 0


if __name__ == "__main__":
    sys.exit(main())
