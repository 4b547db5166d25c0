# SPDX-License-Identifier: Apache-2.0
"""``doctor``: what is wrong, and what mends it, for people and for programs."""

from __future__ import annotations


def test_the_doctor_says_what_is_wrong_and_what_mends_it(anywhere):
    assert anywhere.good("doctor").lines[0].split()[:2] == ["ok", "database"]
    (anywhere.home / "site.yml").write_text("[]\n")
    anywhere("launch", "site.yml", cwd=anywhere.home)
    result = anywhere("doctor")
    assert (result.rc, result.err) == (1, b"")
    (told,) = [number for number, line in enumerate(result.lines) if line.startswith("FAIL")]
    assert "dispatcher  no dispatcher runs: 1 job pending" in result.lines[told]
    assert "-> `forge-events dispatcher`" in result.lines[told + 1]
    about = anywhere("doctor", "latest", "--json")
    assert about.rc == 1
    verdicts = {finding["check"]: finding["verdict"] for finding in about.json}
    assert verdicts["dispatcher"] == "fail"
    assert next(one for one in about.json if one["check"] == "job")["words"].startswith("job 1 is pending: no dispatch")
    assert "disk" not in verdicts


def test_a_job_that_is_not_there_is_told_as_everywhere(cli):
    assert cli("doctor", "4711").rc == 3
    assert cli("doctor", "\udcff").rc == 3
