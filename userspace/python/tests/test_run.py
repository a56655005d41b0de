# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands that crrctl records and replays, and the fixture of pytest."""

import os
import pathlib

import pytest

import crr
from crr.pytest_plugin import Crr

from conftest import EMULATOR, PEER

REPLAYS = int(os.environ.get("CRR_REPLAYS", "3"))


def test_replays(recorded: str) -> None:
    said = (pathlib.Path(recorded).parent / "stderr").read_bytes()
    for _ in range(REPLAYS):
        replay = crr.replay(recorded, [*EMULATOR, "{}"])
        assert replay.outcome == "replayed"
        assert replay.status == 0
        # Turns, bytes and times.
        assert replay.stderr == said
        assert replay.divergence is None


def test_stored(recorded: str) -> None:
    assert crr.replay(recorded).exact


def test_diverged(recorded: str) -> None:
    with pytest.raises(crr.ReplayError) as raised:
        crr.replay(recorded, [*EMULATOR, "{}", "?"])
    replay = raised.value.replay
    assert replay.outcome == "diverged"
    assert replay.status == 120
    assert replay.divergence is not None
    assert replay.divergence.kind == "length"
    assert b"\ndiverged: " in replay.stderr
    assert "the run diverged from" in str(raised.value)
    again = crr.replay(recorded, [*EMULATOR, "{}", "?"], check=False)
    assert again.divergence == replay.divergence
    assert not again.exact


def test_early(recorded: str) -> None:
    replay = crr.replay(recorded, ["true"], check=False)
    assert (replay.outcome, replay.status) == ("early", 122)


def test_errors(recorded: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(crr.CrrctlError) as raised:
        crr.replay(tmp_path / "none.crr", ["true"])
    assert "none.crr" in str(raised.value)
    with pytest.raises(crr.CrrctlError) as raised:
        crr.record(["true"], recorded)
    assert "exists" in str(raised.value)
    with pytest.raises(crr.CrrctlError):
        crr.record(["no/such/command"], tmp_path / "new.crr")
    assert not (tmp_path / "new.crr").exists()


def test_fixture(crr: Crr, module: None) -> None:
    recording = crr.record([*EMULATOR, "{}", "", "status"], peer=PEER)
    assert recording.status == 42
    assert crr.replay(recording).status == 42
    assert crr.replay("test.crr", [*EMULATOR, "{}", "", "status"]).exact


def test_fixture_fails(recorded: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        def test_firmware(crr):
            crr.replay({recorded!r}, {[*EMULATOR, '{}', '?']!r})
        """
    )
    result = pytester.runpytest("-p", "crr.pytest_plugin")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["crrctl: the run diverged from *", "  record *WRITE of stream 0", "  > * WRITE *"]
    )
    result.stdout.no_fnmatch_line("*raise ReplayError*")
