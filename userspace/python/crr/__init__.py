# SPDX-License-Identifier: LGPL-2.1-or-later
"""Record and replay of serial lines, beneath the emulator: libcrr for Python.

For emulators: Tty and its Clock, and count(). For controllers: Session, attach(),
detach(), ldisc(). For log files: Log, LogWriter, diff(). To record and replay a
command: record(), replay(); in tests, the fixture crr of pytest.

Constants of linux/crr.h and crr.h are attributes: crr.CRR_READ_MAX.
"""

from ._lib import Diverged, Ended, constant, lib, text
from .emulator import Clock, Modem, Position, Tty, count
from .log import Log, LogError, LogInfo, LogWriter, Record
from .run import CrrctlError, Recording, Replay, ReplayError, diff, record, replay
from .session import Divergence, Session, Status, attach, detach, ldisc

__version__: str

__all__ = [
    "Clock",
    "CrrctlError",
    "Diverged",
    "Divergence",
    "Ended",
    "Log",
    "LogError",
    "LogInfo",
    "LogWriter",
    "Modem",
    "Position",
    "Record",
    "Recording",
    "Replay",
    "ReplayError",
    "Session",
    "Status",
    "Tty",
    "attach",
    "count",
    "detach",
    "diff",
    "ldisc",
    "record",
    "replay",
]


def __getattr__(name: str) -> "int | str":
    if name == "__version__":
        return text(lib.version())
    if name.startswith("CRR_") or name == "N_CRR":
        return constant(name)
    raise AttributeError(f"module 'crr' has no attribute '{name}'")
