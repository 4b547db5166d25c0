# SPDX-License-Identifier: Apache-2.0
"""Whatever a job printed: no page and no text commands a terminal, and none takes longer than it is long."""

from __future__ import annotations

import re
import time

import pytest

from forge_events.output import to_html, to_text
from forge_events.tree import printable

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
HOSTILE = "a\x1b]0;title\x07b\x1b[2Jc\x9b31md\x9d0;x\x9ce\x90q\x1b\\f\u202eg\u2066h\u200ei\x1b"
SIZE = 200_000
LONG = {
    "strings without an end": "\x1b]",
    "strings without an end, in one character": "\x9d",
    "sequences without an end": "\x1b[",
    "sequences of numbers without an end": "\x1b[1;",
    "escapes": "\x1b",
    "escapes and spaces": "\x1b ",
    "returns": "\r",
    "characters": "a",
}


def test_a_title_is_shown_as_the_text_is():
    page = "".join(to_html([HOSTILE], HOSTILE))
    assert CONTROLS.search(page) is None
    assert "<title>a\N{REPLACEMENT CHARACTER}]0;title" in page


def test_a_text_has_no_command_in_it_whatever_its_pieces():
    for size in (1, 3, 1000):
        pieces = [HOSTILE[start : start + size] for start in range(0, len(HOSTILE), size)]
        assert "".join(to_text(pieces)) == "abcdefghi"


def test_a_style_is_a_style_and_nothing_else_is():
    page = "".join(to_html(["\x1b[31mred\x1b[0m \x1b[" + "9" * 5000 + "m plain \x1b[1;" * 3 + "\n"], "t"))
    assert '<span style="color' in page
    assert "\x1b" not in page


@pytest.mark.parametrize("how", [lambda pieces: to_html(pieces, "t"), to_text], ids=["html", "text"])
@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("size", [7, SIZE])
def test_twice_as_much_takes_twice_as_long(how, name, size):
    text = LONG[name] * (SIZE // len(LONG[name]))
    start = time.process_time()
    for _ in how(text[place : place + size] for place in range(0, SIZE, size)):
        pass
    # What grows with the square takes minutes.
    assert time.process_time() - start < 5


def test_what_is_printed_on_one_line_is_what_is_there():
    assert CONTROLS.search(printable(HOSTILE)) is None
    assert printable("\u202egnp.exe") == "\\u202egnp.exe"
