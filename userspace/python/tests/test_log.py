# SPDX-License-Identifier: GPL-2.0-or-later
"""Log files, as Python and crrctl see them."""

import json
import os
import pathlib

import pytest

import crr

from conftest import HERE, crrctl

GOLDEN = HERE.parent.parent / "tests" / "golden"
LOGS = [
    name
    for name in sorted(GOLDEN.glob("*.crr"))
    if not name.name.startswith("killed")
]


@pytest.mark.parametrize("path", LOGS, ids=lambda path: str(path.stem))
def test_same_as_crrctl(path: pathlib.Path) -> None:
    lines = crrctl("log", "dump", "--json", str(path)).splitlines()
    with crr.Log(path) as log:
        records = list(log)
        assert log.ended
    assert len(lines) == len(records)
    for line, record in zip(lines, records):
        members = json.loads(line)
        assert members["type"] == record.type
        assert int(members["seq"]) == record.sequence
        assert int(members["counter"]) == record.counter
        assert members["stream"] == record.stream
        if "data" in members:
            assert bytes.fromhex(members["data"]) == record.data
        for name in ("name", "label"):
            if name in members:
                assert members[name].encode() == record.data
        same = set(members) & set(record.members) - {"error", "reason", "result"}
        for name in same:
            if name in ("crc32c", "iflag", "oflag", "cflag", "lflag"):
                continue
            assert int(members[name]) == record.members[name], name
        if record.type == "WRITE" and record.members["result"] >= 0:
            assert members["result"] == record.members["result"]


def test_seek() -> None:
    with crr.Log(GOLDEN / "console.crr") as log:
        records = [record for record in log if not record.optional]
        assert log.size == len(records)
        middle = records[len(records) // 2]
        log.seek(sequence=middle.sequence)
        found = next(iter(log))
        while found.optional:
            found = next(iter(log))
        assert found == middle
        log.seek(counter=records[-1].counter)
        assert next(iter(log)).counter == records[-1].counter
        with pytest.raises(TypeError):
            log.seek()
        with pytest.raises(TypeError):
            log.seek(sequence=1, counter=1)


def test_no_log(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "text"
    path.write_text("no log")
    with pytest.raises(crr.LogError) as raised:
        crr.Log(path)
    assert raised.value.path == str(path)
    with pytest.raises(FileNotFoundError):
        crr.Log(tmp_path / "none")


def test_truncated(tmp_path: pathlib.Path) -> None:
    whole = (GOLDEN / "console.crr").read_bytes()
    path = tmp_path / "short.crr"
    path.write_bytes(whole[: len(whole) // 2])
    with crr.Log(path) as log:
        with pytest.raises(crr.LogError) as raised:
            for _ in log:
                pass
        assert 0 < raised.value.offset <= len(whole)
        assert not log.ended


def test_pipe() -> None:
    reading, writing = os.pipe()
    os.write(writing, (GOLDEN / "values.crr").read_bytes())
    os.close(writing)
    with crr.Log(reading) as log:
        assert log.size is None
        assert [record.type for record in log][-1] == "END"
    os.close(reading)


def test_writer_leaves_nothing(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "new.crr"
    for info in (crr.LogInfo(counter="\x01"), crr.LogInfo(command="\x02")):
        with pytest.raises(OSError):
            crr.LogWriter(path, info)
        assert not path.exists()
    crr.LogWriter(path).close()
    with crr.Log(path) as log:
        assert not list(log)


def test_diff(tmp_path: pathlib.Path) -> None:
    log = GOLDEN / "console.crr"
    assert crr.diff(log, log) is None
    text = crrctl("log", "export", "--format", "text", str(log))
    changed = tmp_path / "text"
    changed.write_text(text.replace('WRITE "', 'WRITE "~', 1))
    crrctl("log", "import", str(changed), str(tmp_path / "b.crr"))
    found = crr.diff(log, tmp_path / "b.crr")
    assert found is not None and "WRITE" in found
    with pytest.raises(crr.CrrctlError):
        crr.diff(log, tmp_path / "none.crr")
