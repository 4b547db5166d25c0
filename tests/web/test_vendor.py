# SPDX-License-Identifier: Apache-2.0
"""What the page is made of: all of it is here, small, and what others wrote is as it was fetched."""

from __future__ import annotations

import gzip
import hashlib
import json
import pathlib
import re

import pytest

import forge_events.web

WEB = pathlib.Path(forge_events.web.__file__).parent
VENDOR = WEB / "static/vendor"
LISTED = json.loads((VENDOR / "vendor.json").read_text())
OWN = sorted(WEB.glob("static/js/*.js"))


def test_each_file_of_others_is_listed():
    assert {file.name for file in VENDOR.glob("*.js")} == set(LISTED)


@pytest.mark.parametrize("name", LISTED)
def test_a_file_of_others_is_as_it_was_fetched_and_its_licence_is_here(name, root):
    facts = LISTED[name]
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == facts["sha256"]
    package, version = facts["package"].rsplit("@", 1)
    assert name == f"{package}-{version}.js"
    assert (root / "LICENSES" / f"{facts['licence']}-{package}.txt").is_file()


def test_nothing_is_fetched_from_elsewhere():
    for file in [*OWN, *WEB.glob("static/css/*.css"), *WEB.glob("templates/*.html")]:
        text = file.read_text().replace("http://www.w3.org/", "")
        assert not re.search(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", re.sub(r"//.*", "", text)), file
        assert "@import" not in text and "<style" not in text and " onclick" not in text, file


def test_scripts_are_small():
    sizes = [len(gzip.compress(file.read_bytes(), 9)) for file in [*OWN, *VENDOR.glob("*.js")]]
    assert sum(sizes) <= 30_000
