# SPDX-License-Identifier: Apache-2.0
"""What the plugin may cost, what it does cost, and whether that is within it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.benchmarks.rounds import Measured

__all__ = ["Row", "end_to_end", "growth", "peak", "per_result", "table"]

RATIO = 1.02
PER_RESULT = 0.11  # milliseconds of CPU
PEAK = 3.0  # MiB
GROWTH = 1.0  # MiB from 10,000 results to 100,000, over what the same run without the plugin grows by


class Row(NamedTuple):
    """One figure; ``target`` and ``is_met`` are None where it only gives the scale."""

    what: str
    figure: str
    target: str | None = None
    is_met: bool | None = None
    detail: str = ""

    def without_target(self) -> Row:
        """Return the figure as one that only gives the scale."""
        return self._replace(target=None, is_met=None)


def end_to_end(label: str, found: dict[str, Measured]) -> Iterable[Row]:
    """Compare CPU and wall time of whole runs, as ratios of medians."""
    base = found["none"]
    for name, measured in found.items():
        for what in ("cpu", "wall") if name != "none" else ():
            ratio = measured.median(what) / base.median(what)
            pairs = [one / other for one, other in zip(getattr(measured, what), getattr(base, what), strict=True)]
            detail = f"{base.median(what):.2f} s without; rounds {min(pairs):.3f} to {max(pairs):.3f}"
            row = Row(f"{label}, {what}, {name}", f"{ratio:.3f}", f"<= {RATIO}", ratio <= RATIO, detail)
            yield row if name == "forge" else row.without_target()


def per_result(label: str, found: dict[str, Measured], result_count: int) -> Iterable[Row]:
    """Tell the CPU that a recorder adds for each result."""
    base = found["none"].median("cpu")
    for name, measured in found.items():
        if name != "none":
            added = (measured.median("cpu") - base) / result_count * 1000
            detail = f"{base / result_count * 1000:.3f} ms without"
            row = Row(f"{label}, {name}", f"{added:.3f} ms", f"<= {PER_RESULT} ms", added <= PER_RESULT, detail)
            yield row if name == "forge" else row.without_target()


def peak(label: str, found: dict[str, Measured]) -> Iterable[Row]:
    """Tell how much larger Ansible's own process becomes."""
    base = found["none"].median("peak")
    for name, measured in found.items():
        if name != "none" and measured.peak:
            added = (measured.median("peak") - base) / 1024
            detail = f"{base / 1024:.1f} MiB without"
            row = Row(f"{label}, {name}", f"{added:+.1f} MiB", f"<= +{PEAK} MiB", added <= PEAK, detail)
            yield row if name == "forge" else row.without_target()


def growth(label: str, found: dict[str, Measured]) -> Iterable[Row]:
    """Tell how much more the process grows with the plugin than without, from the first mark to the last."""

    def grown(name: str) -> float:
        marks = found[name].marks[-1]
        return (marks[max(marks)] - marks[min(marks)]) / 1024

    added = grown("forge") - grown("none")
    detail = f"{grown('forge'):+.1f} MiB with, {grown('none'):+.1f} MiB without"
    yield Row(f"{label}, forge", f"{added:+.1f} MiB", f"<= +{GROWTH} MiB", added <= GROWTH, detail)


def table(rows: list[Row]) -> str:
    """Lay rows out in columns."""
    words = {True: "met", False: "MISSED", None: ""}
    cells = [(row.what, row.figure, row.target or "", words[row.is_met], row.detail) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, [*widths, 0], strict=True)) for line in cells
    )
