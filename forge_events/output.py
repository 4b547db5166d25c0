# SPDX-License-Identifier: Apache-2.0
"""Turn the recorded output of a job into bytes for a terminal, plain text or HTML, piece by piece. Pure."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.style import Style
    from rich.text import Text

__all__ = ["cut_lines", "to_bytes", "to_html", "to_html_lines", "to_styled_lines", "to_text"]

# ECMA-48: control sequences (colours, cursor), strings with their terminator (titles, links), and two-byte escapes; the
# first two also with the one character of C1 that stands for ESC and the next one.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"
)
# The beginning of one at the end of a text. What has no end in sight is none.
_BEGINNING = re.compile(
    r"(?:(?:\x1b\[|\x9b)[0-?]{0,4096}[ -/]{0,64}"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]{0,4096}\x1b?"
    r"|\x1b[ -/]{0,64})\Z"
)
# What sets colours and weights, as long as somebody means it.
_STYLE = re.compile(r"\x1b\[[0-9;:]{0,256}m")
# Marks, embeddings, overrides and isolates of bidirectional text: what is shown behind them is not what is there.
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_CONTROL = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}]")
_NOT_HTML = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}\ud800-\udfff\ufffe\uffff]")
_PICTURED = re.compile(rf"[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f-\x9f{_BIDI}]")
_SURROGATE = re.compile("[\ud800-\udfff\ufffe\uffff]")
# Surrogates that do not stand for a byte; a terminal was never sent one.
_UNSENDABLE = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")
_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")

_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
</head>
<body style="color: #d9d9d9; background-color: #0c0c0c">
<pre style="white-space: pre-wrap">
"""
_FOOT = "</pre>\n</body>\n</html>\n"


def to_bytes(text: str) -> bytes:
    """Return the bytes that the terminal was sent: bytes that were no UTF-8 become themselves again."""
    return _UNSENDABLE.sub("?", text).encode("utf-8", "surrogateescape")


def to_text(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the output without colours and other commands to the terminal, one text for each piece and one for the end.

    A command that is spread over two pieces is recognised; the beginning of one waits for the rest.
    """
    held = ""
    for piece in pieces:
        text = held + piece
        beginning = _BEGINNING.search(text)
        end = beginning.start() if beginning else len(text)
        text, held = text[:end], text[end:]
        yield _stripped(text)
    yield _stripped(held)


def to_html(pieces: Iterable[str], title: str) -> Iterator[str]:
    """Yield an HTML page that shows the output in its colours; nothing in the output or title is taken for HTML."""
    yield _HEAD.format(title=_escaped(title))
    yield from (f"{line}\n" for line in to_html_lines(pieces))
    yield _FOOT


def to_html_lines(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the lines of the output as HTML, in their colours; nothing in them is taken for HTML."""
    from rich.ansi import AnsiDecoder

    decoder = AnsiDecoder()
    for line in _lines(pieces):
        yield "".join(_html_line(decoder.decode_line(_only_styles(line.rstrip("\r\n")))))


def to_styled_lines(text: str) -> list[str]:
    """Return the lines of a text, each with the colours that are in force where it begins; other commands are gone.

    What is no character becomes U+FFFD and a control character its picture: a page can show each line by itself.
    """
    lines: list[str] = []
    styles: list[str] = []
    for line in text.removesuffix("\n").split("\n"):
        shown = _only_styles(line.removesuffix("\r"))
        lines.append("".join(styles) + _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _PICTURED.sub(_picture, shown)))
        for style in _STYLE.findall(shown):
            styles = [] if style in ("\x1b[0m", "\x1b[m") else [*styles[-7:], style]
    return lines


def _picture(found: re.Match[str]) -> str:
    code = ord(found.group())
    return chr(0x2400 + code) if code < 0x20 else "\N{REPLACEMENT CHARACTER}"


def cut_lines(text: str, number: int, start: int, end: int | None) -> str:
    """Return the lines of a text from number ``start`` up to but not including ``end``; its first has ``number``."""
    lines = _LINE.findall(text)
    return "".join(lines[max(0, start - number) : None if end is None else max(0, end - number)])


def _stripped(text: str) -> str:
    return _CONTROL.sub("", _ESCAPE.sub("", text))


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Yield whole lines, whatever pieces they come in."""
    held: list[str] = []
    for piece in pieces:
        first, *more = piece.split("\n")
        held.append(first)
        if more:
            yield "".join(held)
            *whole, last = more
            yield from whole
            held = [last]
    if any(held):
        yield "".join(held)


def _only_styles(line: str) -> str:
    """Return a line without commands to the terminal other than those that set colours and weights.

    No other ESC is left: whoever reads the line next must not look for the end of what has none.
    """
    parts = _STYLE.split(_ESCAPE.sub(_style, line))
    styles = _STYLE.findall(_ESCAPE.sub(_style, line))
    shown = [part.replace("\x1b", "\N{REPLACEMENT CHARACTER}") for part in parts]
    return "".join(text for pair in zip(shown, [*styles, ""], strict=True) for text in pair)


def _style(escape: re.Match[str]) -> str:
    found = escape.group()
    return found if _STYLE.fullmatch(found) else ""


def _html_line(line: Text) -> Iterator[str]:
    for text, style in _runs(line):
        shown = _escaped(text)
        css = _css(style) if style is not None else ""
        yield f'<span style="{css}">{shown}</span>' if css else shown


def _escaped(text: str) -> str:
    return html.escape(_NOT_HTML.sub("\N{REPLACEMENT CHARACTER}", text))


def _runs(line: Text) -> Iterator[tuple[str, Style | None]]:
    """Yield the parts of a decoded line with their styles; spans neither overlap nor cover everything."""
    position = 0
    for start, end, style in line.spans:
        yield line.plain[position:start], None
        yield line.plain[start:end], style if not isinstance(style, str) else None
        position = end
    yield line.plain[position:], None


def _css(style: Style) -> str:
    from rich.terminal_theme import MONOKAI

    return html.escape(style.get_html_style(MONOKAI))
