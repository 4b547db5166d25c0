# SPDX-License-Identifier: Apache-2.0
"""The benchmark measures what it says, on runs of a few results."""

from __future__ import annotations

import pytest

from tests.benchmarks import playbooks, process, recorders, rounds, targets


@pytest.mark.parametrize("strategy", ["instant", "linear"])
def test_a_recorder_is_measured_beside_none_in_every_round(tmp_path, strategy):
    playbook = playbooks.make(tmp_path / "bench", 3, 4, strategy)
    both = [recorders.nothing(playbook.folder), recorders.forge(playbook.folder)]
    found = rounds.in_turns(playbook, both, 2)  # raises if a result is not recorded
    assert list(found) == ["none", "forge"]
    for measured in found.values():
        assert [len(measured.cpu), len(measured.wall), len(measured.peak)] == [2, 2, 2]
        assert min(measured.cpu) > 0
        assert min(measured.peak) > 10_000


def test_results_that_are_not_recorded_stop_the_benchmark(tmp_path):
    playbook = playbooks.make(tmp_path / "bench", 2, 2, "instant")._replace(result_count=5)
    with pytest.raises(RuntimeError, match="4 of 5 results"):
        rounds.in_turns(playbook, [recorders.forge(playbook.folder)], 1)


def test_a_command_that_fails_stops_the_benchmark(tmp_path):
    with pytest.raises(RuntimeError, match="ended with 3"):
        process.run(["sh", "-c", "exit 3"], {}, tmp_path)


def measured(cpu, peak=0):
    return rounds.Measured([cpu], [cpu], [peak], [])


def test_a_target_is_missed_by_the_plugin_alone():
    found = {"none": measured(1.0), "forge": measured(1.03), "ara": measured(9.0)}
    assert [row.is_met for row in targets.end_to_end("run", found)] == [False, False, None, None]
    (met, scale) = targets.per_result("result", found, 1000)
    assert (met.figure, met.is_met, scale.is_met) == ("0.030 ms", True, None)
    assert "MISSED" in targets.table(list(targets.end_to_end("run", found)))


def test_memory_is_told_in_mebibytes():
    (row,) = targets.peak("memory", {"none": measured(1, 50 * 1024), "forge": measured(1, 54 * 1024)})
    assert (row.figure, row.is_met) == ("+4.0 MiB", False)
