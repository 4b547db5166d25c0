# SPDX-License-Identifier: Apache-2.0
"""Whatever a result holds, its event is recorded and so are the ones after it."""

from __future__ import annotations

import json
import subprocess

import pytest

from .conftest import HERE

# What a value is recorded as; None where versions differ in what they let through to a callback.
KINDS = {
    "bytes": None,
    "date": None,
    "set": None,
    "nan": ["nan", "inf"],
    "nul": "a\x00b",
    "surrogate": None,
    "nested": None,
    "too deep": None,
    "large": "x" * 5_000_000,
    "keys": None,
    "many": {f"key {number}": [number] * 3 for number in range(20_000)},
}


LONG = ("date", "set", "keys")


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[pytest.mark.full] * (kind in LONG)) for kind in KINDS])
def test_a_strange_value_is_recorded(kind, ansible, lawful):
    variables = json.dumps({"kind": kind})
    run = ansible.play("strange.yml", "-e", variables)
    bare = ansible.play("strange.yml", "-e", variables, with_plugin=False)
    lawful(run)
    assert run.rc == bare.rc
    assert b"cannot record" not in run.output
    finals = [e for e in run.under("strange") if e.event in ("runner_on_ok", "runner_on_failed")]
    assert sorted(event.event_data["host"] for event in finals) == ["h1", "h2"]
    assert len(run.under("after", "runner_on_ok")) == 2
    expected = KINDS[kind]
    if expected is not None and finals[0].event == "runner_on_ok":
        assert finals[0].event_data["res"]["value"] == expected
    if kind == "nested" and finals[0].event == "runner_on_ok":
        assert str(finals[0].event_data["res"]["value"]).count("deeper") == 200


def test_a_result_over_the_limit_loses_its_largest_values(ansible, lawful):
    run = ansible.play("strange.yml", "-e", "kind=large", FORGE_EVENTS_MAX_RESULT_SIZE="10000")
    lawful(run)
    result = run.under("strange", "runner_on_ok")[0].event_data["res"]
    assert result["changed"] is False
    assert "<cut: " in result["value"] and 5_000 < len(result["value"]) < 12_000


def test_output_that_is_not_utf8_is_recorded(ansible, lawful):
    script = "-e", "line=printf '\\377\\376 raw \\000 nul'"
    run = ansible.play("raw.yml", *script)
    bare = ansible.play("raw.yml", *script, with_plugin=False)
    lawful(run)
    assert run.rc == bare.rc
    assert len([e for e in run.under("raw") if e.event != "runner_on_start"]) == 1
    assert run.stdout == run.output


def test_a_vaulted_value_stays_vaulted(ansible, lawful, tmp_path):
    password = tmp_path / "password"
    password.write_text("key")
    vault = [ansible.bin / "ansible-vault", "encrypt_string", "--vault-password-file", password, "hush-vault"]
    text = subprocess.run(vault, check=True, capture_output=True, text=True, env=ansible.environment()).stdout
    (tmp_path / "included.yml").write_text("- ansible.builtin.debug: {msg: included}\n")
    playbook = tmp_path / "vaulted.yml"
    playbook.write_text((HERE / "playbooks" / "vaulted.yml").read_text().replace("VAULTED", text.strip()))
    run = ansible.play(str(playbook), "--limit", "h1", "--vault-password-file", str(password))
    lawful(run)
    assert run.rc == 0
    assert b"hush-vault" not in run.spools[0].read_bytes()
