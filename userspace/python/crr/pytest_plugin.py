# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixture crr of pytest: record and replay in a test.

A replay that is not exact fails the test, and the failure is crrctl's report: the
record, the counter and the first byte that differs.
"""

import pathlib
from typing import Any, Optional, Sequence, Union

import pytest

from . import run
from .log import PathLike

__all__ = ["Crr", "crr"]


class Crr:
    """What the fixture is: crr.record() and crr.replay() for a test.

    Logs are made in the directory of the test (tmp_path), and read from there, or, if
    it does not have them, from the present one.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory

    def path(self, log: PathLike) -> pathlib.Path:
        """Where a log is."""
        own = self.directory / log
        return own if own.exists() else pathlib.Path(log)

    def record(
        self, command: "Sequence[str]", log: PathLike = "test.crr", **keywords: Any
    ) -> run.Recording:
        """crr.record(), to a log in the directory of the test."""
        __tracebackhide__ = True
        try:
            return run.record(command, self.directory / log, **keywords)
        except run.CrrctlError as error:
            pytest.fail(str(error), pytrace=False)

    def replay(
        self,
        log: "Union[PathLike, run.Recording]" = "test.crr",
        command: "Optional[Sequence[str]]" = None,
        **keywords: Any,
    ) -> run.Replay:
        """crr.replay(). Fails the test, with the report, if the run is not exact."""
        __tracebackhide__ = True
        path: PathLike
        path = log.log if isinstance(log, run.Recording) else self.path(log)
        try:
            return run.replay(path, command, **keywords)
        except (run.CrrctlError, run.ReplayError) as error:
            pytest.fail(str(error), pytrace=False)


@pytest.fixture
def crr(tmp_path: pathlib.Path) -> Crr:
    """Record and replay in this test: crr.record(...), crr.replay(...)."""
    return Crr(tmp_path)
