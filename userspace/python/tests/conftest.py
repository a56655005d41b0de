# SPDX-License-Identifier: GPL-2.0-or-later
"""What several tests use."""

import os
import pathlib
import pty
import subprocess
import sys
import tty
from typing import Iterator, Tuple

import pytest

import crr

pytest_plugins = ["pytester", "crr.pytest_plugin"]

HERE = pathlib.Path(__file__).parent
EMULATOR = [sys.executable, str(HERE / "emulator.py")]


def loaded() -> bool:
    """Whether the module is."""
    try:
        return crr.ldisc() > 0
    except OSError:
        return False


@pytest.fixture
def module() -> None:
    """For tests that need it."""
    if not loaded():
        pytest.skip("the module is not loaded")


@pytest.fixture
def line() -> "Iterator[Tuple[int, str]]":
    """The master of a pty in raw mode, and the path of its slave."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


# Types at random times, and ends when the emulator does.
PEER = """for key in a b cd e f q; do
	sleep 0.0$(($(od -A n -N 1 -t u1 /dev/urandom) % 100))
	printf $key
done
exec cat > /dev/null"""


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A log of the emulator."""
    if not loaded():
        pytest.skip("the module is not loaded")
    log = tmp_path_factory.mktemp("recorded") / "a.crr"
    recording = crr.record([*EMULATOR, "{}"], log, peer=PEER, counter="turns")
    assert recording.status == 0, recording.stderr
    assert recording.stderr.count(b"\n") > 1
    (log.parent / "stderr").write_bytes(recording.stderr)
    return str(log)


def crrctl(*arguments: str) -> str:
    """What it prints."""
    return subprocess.run(
        ["crrctl", *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
