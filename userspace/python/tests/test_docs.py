# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs in docs/python.md."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import crr

from conftest import HERE

TEXT = (HERE.parent.parent.parent / "docs" / "python.md").read_text("utf-8")
PROGRAMS = dict(re.findall(r"```python\n# ([a-z_]+\.py)\n(.*?)```", TEXT, re.S))


@pytest.mark.usefixtures("module")
def test_programs(pytester: pytest.Pytester) -> None:
    assert sorted(PROGRAMS) == ["emulator.py", "log.py", "test_firmware.py"]
    for name, program in PROGRAMS.items():
        pathlib.Path(name).write_text(program, "utf-8")
    result = pytester.runpytest("-p", "crr.pytest_plugin", "--basetemp=logs")
    result.assert_outcomes(passed=1)

    log = sorted(pathlib.Path("logs").glob("test_echo0/test.crr"))[0]
    said = subprocess.run(
        [sys.executable, "log.py", os.fspath(log)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    assert "WRITE" in said and "q" in said
    with crr.Log(log) as read:
        assert f" {read.size} records\n" in said
