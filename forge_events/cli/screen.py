# SPDX-License-Identifier: Apache-2.0
"""Write for people and for programs: colours on a terminal, plain text in a pipe, JSON where it is asked for."""

from __future__ import annotations

import datetime
import functools
import json
import sys
from typing import TYPE_CHECKING, Any

from forge_events.durations import lasted
from forge_events.tree import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel
    from rich.console import Console
    from rich.table import Table

__all__ = [
    "as_dict",
    "console",
    "counted",
    "local_time",
    "seconds",
    "size",
    "style_of",
    "tell",
    "write_json",
    "write_line",
    "write_table",
]

_UNLIMITED = 100_000
_STYLES = {
    "successful": "green",
    "running": "yellow",
    "failed": "red",
    "error": "bold red",
    "canceled": "magenta",
    "ready": "green",
    "unavailable": "red",
    "disabled": "magenta",
}


@functools.cache
def console() -> Console:
    """Return the console of stdout: colours on a terminal, unless ``NO_COLOR`` is set; as wide as need be elsewhere."""
    from rich.console import Console

    terminal = Console()
    if not terminal.is_terminal:
        return Console(color_system=None, width=_UNLIMITED, highlight=False, markup=False, emoji=False)
    has_colours = not terminal.no_color and not terminal.is_dumb_terminal
    return Console(color_system="auto" if has_colours else None, highlight=False, markup=False, emoji=False)


def write_json(value: Any, *, indent: int | None = 2) -> None:
    """Write a value as JSON, in ASCII: any text survives any pipe."""
    sys.stdout.write(json.dumps(value, indent=indent, default=_plain) + "\n")


def as_dict(model: BaseModel) -> dict[str, Any]:
    """Return a model as :func:`write_json` takes it."""
    return model.model_dump()


def write_line(text: str, style: str = "") -> None:
    """Write one line, in a style where there are colours."""
    _print(text, style)


def tell(message: str) -> None:
    """Write one line to stderr: what has to be known beside the output."""
    sys.stderr.write(f"forge-events: {printable(message)}\n")


def write_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    styles: Sequence[str] = (),
    *,
    spare: Sequence[str] = (),
) -> None:
    """Write a table; a style for each row, or none.

    :param spare: columns that are left out one by one where the table would be wider than the terminal.
    """
    table = _table(headers, rows, styles)
    for header in spare:
        if _width_of(table) > console().width:
            place = headers.index(header)
            headers = [*headers[:place], *headers[place + 1 :]]
            rows = [[*row[:place], *row[place + 1 :]] for row in rows]
            table = _table(headers, rows, styles)
    with console().capture() as captured:
        console().print(table)
    for line in captured.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")


def _width_of(table: Table) -> int:
    """Return how wide a table is where nothing of it is folded; rich measures no further than its terminal is wide."""
    return console().measure(table, options=console().options.update_width(_UNLIMITED)).maximum


def _table(headers: Sequence[str], rows: Sequence[Sequence[object]], styles: Sequence[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, justify="right" if header in _NUMBERS else "left", overflow="fold")
    for number, row in enumerate(rows):
        cells = [Text(printable("" if cell is None else str(cell))) for cell in row]
        table.add_row(*cells, style=styles[number] if styles else "")
    return table


def style_of(status: str) -> str:
    """Return the style in which a status is written."""
    return _STYLES.get(status, "")


def local_time(time: datetime.datetime | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return a time as people read it, in their own time zone, or in UTC where that zone has no such time."""
    if time is None:
        return ""
    try:
        return time.astimezone().strftime(form)
    except (OverflowError, ValueError):
        return time.strftime(form)


def seconds(elapsed: float | None) -> str:
    """Return a duration as people read it."""
    return "" if elapsed is None else lasted(elapsed)


def size(count: float) -> str:
    """Return a number of bytes as people read it."""
    from pydantic import ByteSize

    return ByteSize(count).human_readable(separator=" ")


def counted(count: int, noun: str) -> str:
    """Return a number with what it counts."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


_COUNTS = {"OK", "CHANGED", "UNREACHABLE", "FAILED", "SKIPPED", "RESCUED", "IGNORED"}
_FORKS = {"CAPACITY", "CONSUMED", "REMAINING"}
_AMOUNTS = {"BLOCK", "JOBS", "ACTIVE", "LEAVES", "EVENTS", "SIZE", "RECORDED", "ON DISK"}
_NUMBERS = frozenset({"ID", *_AMOUNTS, *_COUNTS, *_FORKS})


def _print(text: str, style: str) -> None:
    if style and console().color_system:
        # No line is folded: a drawing that is wider than the terminal is still a drawing.
        console().print(text, style=style, soft_wrap=True)
    else:
        sys.stdout.write(text + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
