# SPDX-License-Identifier: Apache-2.0
"""The recorded output as bytes, text and HTML."""

from __future__ import annotations

import html.parser
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_events.output import cut_lines, to_bytes, to_html, to_text

COLOURED = (
    "\x1b[0;32mok: [a] => <b>&\"'\x1b[0m plain \x1b]8;;http://x\x07link\x1b]8;;\x07 \x1b[1;31mbold\nred\x1b[0m é\n"
)


def text_of(*pieces):
    return "".join(to_text(pieces))


def test_text_has_no_colours_and_no_commands():
    assert text_of(COLOURED) == "ok: [a] => <b>&\"' plain link bold\nred é\n"
    assert text_of("\x1b]0;title\x1b\\a\x1b(Bb\x1b7c\x07\x08\x1b[2Kd\te\r\n") == "abcd\te\n"


def test_what_only_looks_like_the_start_of_a_command_stays():
    assert text_of("a \x1b] b, never ended") == "a ] b, never ended"
    assert text_of("100% [done]\n") == "100% [done]\n"


@given(st.lists(st.integers(min_value=0, max_value=len(COLOURED)), max_size=8))
def test_commands_are_found_wherever_the_pieces_end(cuts):
    ends = [0, *sorted(cuts), len(COLOURED)]
    pieces = [COLOURED[a:b] for a, b in itertools.pairwise(ends)]
    assert text_of(*pieces) == text_of(COLOURED)
    assert "".join(to_html(pieces, "t")) == "".join(to_html([COLOURED], "t"))


@pytest.mark.parametrize(
    "text", ["\x1b]" * 100_000, "\x1b]" + "a" * 1_000_000, "\x1b[" + "1;" * 400_000, "\x1b" * 300_000]
)
def test_hostile_output_takes_no_longer_than_other_output(text):
    assert "\x1b" not in text_of(text)


def test_text_passes_one_piece_at_a_time():
    pieces = to_text(iter(["one\n", "two \x1b[3", "1mthree\n"]))
    assert next(pieces) == "one\n"
    assert next(pieces) == "two "
    assert next(pieces) == "three\n"


class Page(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.is_inside = [], "", False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.is_inside |= tag == "pre"

    def handle_endtag(self, tag):
        self.is_inside &= tag != "pre"

    def handle_data(self, data):
        self.text += data if self.is_inside else ""


def test_html_shows_the_text_in_its_colours_and_nothing_of_it_is_markup():
    page = Page("".join(to_html([COLOURED], "<script>")))
    assert page.text.lstrip("\n") == text_of(COLOURED)
    assert {tag for tag, _ in page.tags} == {"html", "head", "meta", "title", "body", "pre", "span"}
    styles = [attributes["style"] for tag, attributes in page.tags if tag == "span"]
    assert len(styles) == 3
    assert "font-weight: bold" in styles[1]
    assert "font-weight: bold" in styles[2]


def test_html_holds_no_character_that_html_forbids():
    page = "".join(to_html(["a\x00b\x07c\udcff\ufffe\n"], "t"))
    assert not re.search("[\x00-\x08\x0e-\x1f\ud800-\udfff\ufffe]", page)
    page.encode()


def test_bytes_that_were_no_utf_8_become_themselves_again():
    assert to_bytes("é\udcff\n") == b"\xc3\xa9\xff\n"
    assert to_bytes("\ud800x") == b"?x"


@given(st.binary(max_size=200))
def test_any_bytes_survive(data):
    assert to_bytes(data.decode("utf-8", "surrogateescape")) == data


def test_lines_are_cut_at_newlines_only():
    text = "a\x0b\u2028\rb\nc\nd"
    assert cut_lines(text, 10, 0, None) == text
    assert cut_lines(text, 10, 11, None) == "c\nd"
    assert cut_lines(text, 10, 0, 11) == "a\x0b\u2028\rb\n"
    assert cut_lines(text, 10, 12, 13) == "d"
    assert cut_lines(text, 10, 13, None) == ""
    assert cut_lines(text, 10, 0, 10) == ""
