# SPDX-License-Identifier: Apache-2.0
"""Draw times over the number of jobs, both by powers of ten, as an SVG picture."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.store.scale import Figures

__all__ = ["draw"]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _LEGEND = 820, 420, 60, 50, 20, 270
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_LOW, _HIGH = -1, 3  # 0.1 ms to 1 s


def draw(found: Mapping[int, Figures]) -> str:
    """Return the picture: a line for each kind of work, milliseconds upwards, jobs to the right."""
    counts = sorted(found)
    lines = [_line(name, number, counts, found) for number, name in enumerate(found[counts[0]])]
    parts = [*_axes(counts), *lines]
    body = "\n".join(parts)
    space = 'xmlns="http://www.w3.org/2000/svg"'
    head = f'<svg {space} viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="13">'
    return f'{head}\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'


def _x(count: int, counts: Sequence[int]) -> float:
    low, high = math.log10(counts[0]), math.log10(counts[-1])
    return _LEFT + (math.log10(count) - low) / max(high - low, 1) * (_WIDTH - _LEFT - _LEGEND)


def _y(milliseconds: float) -> float:
    share = (math.log10(max(milliseconds, 10**_LOW)) - _LOW) / (_HIGH - _LOW)
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _axes(counts: Sequence[int]) -> list[str]:
    right = _WIDTH - _LEGEND
    found = []
    for power in range(_LOW, _HIGH + 1):
        y = _y(10.0**power)
        found.append(f'<line x1="{_LEFT}" y1="{y:.0f}" x2="{right}" y2="{y:.0f}" stroke="#ddd"/>')
        found.append(f'<text x="{_LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g} ms</text>')
    for count in counts:
        x = _x(count, counts)
        found.append(f'<text x="{x:.0f}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">{count:,}</text>')
    found.append(f'<text x="{(_LEFT + right) / 2:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">jobs recorded</text>')
    return found


def _line(name: str, number: int, counts: Sequence[int], found: Mapping[int, Figures]) -> str:
    colour = _COLOURS[number % len(_COLOURS)]
    points = " ".join(f"{_x(count, counts):.0f},{_y(found[count][name]):.0f}" for count in counts)
    y = _TOP + 20 + number * 22
    x = _WIDTH - _LEGEND + 16
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<line x1="{x}" y1="{y - 4}" x2="{x + 20}" y2="{y - 4}" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{x + 26}" y="{y}">{html.escape(name)}</text>'
    )
