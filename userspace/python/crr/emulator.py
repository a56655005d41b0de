# SPDX-License-Identifier: LGPL-2.1-or-later
"""For emulators: a tty, and the clock that says when to read it."""

import ctypes
import errno
import os
from ctypes import byref, c_uint64
from dataclasses import dataclass
from typing import NamedTuple, Optional, Union

from ._lib import Closing, Struct, check, constant, lib, number, os_error, string
from .session import Status


class Position(NamedTuple):
    """A place in a log, to be saved with a snapshot: see Tty.position()."""

    sequence: int
    counter: int


@dataclass(frozen=True)
class Modem:
    """Modem lines (TIOCM_* of termios) and counts, as of TIOCMGET and TIOCGICOUNT.

    The counts are None if the device does not count.
    """

    lines: int
    cts: Optional[int]
    dsr: Optional[int]
    rng: Optional[int]
    dcd: Optional[int]
    rx: Optional[int]
    tx: Optional[int]
    frame: Optional[int]
    overrun: Optional[int]
    parity: Optional[int]
    brk: Optional[int]
    buf_overrun: Optional[int]


_COUNTS = (
    "cts",
    "dsr",
    "rng",
    "dcd",
    "rx",
    "tx",
    "frame",
    "overrun",
    "parity",
    "brk",
    "buf_overrun",
)


def _counter(value: int) -> int:
    return number("a counter", value, 64)


class Clock:
    """The counter of an emulator, and when to read the line.

    A counter is a number that never goes back, below 2**64: instructions, cycles or
    anything else that is the same in each run.
    """

    def __init__(self, tty: "Tty") -> None:
        self._tty = tty
        self._clock: int = lib.tty_clock(tty._open)

    @property
    def _pointer(self) -> int:
        """It is part of the tty, and goes with it."""
        if self._tty._pointer is None:
            raise ValueError("the tty of the clock is closed")
        return self._clock

    def due(self, counter: int) -> bool:
        """Store the counter, and say whether there is input.

        Call it wherever the emulator polls its line, at the same values of the
        counter in every run, and while it is true call Tty.read(). It makes no
        system call. On a tty without N_CRR it is always true.
        """
        due: bool = lib.clock_due(self._pointer, _counter(counter))
        return due

    @property
    def next_due(self) -> Optional[int]:
        """How far a replay may run before due() is true; None without a replay."""
        counter: int = lib.clock_next_due(self._pointer)
        return None if counter == constant("CRR_NEVER") else counter

    def set(self, counter: int) -> None:
        """Store the counter, and wake threads that sleep in read(2) until then."""
        lib.clock_set(self._pointer, _counter(counter))


class Tty(Closing):
    """A tty, as an emulator uses it.

    path is, for example, /dev/ttyS0. It is set to raw mode unless raw is False.
    Reads and writes may sleep if blocking is True. Everything also works on a tty
    without N_CRR. One thread at a time may use the object.

    Raises OSError with the errno of open(2), tcsetattr(3), ioctl(2) or mmap(2);
    ENOTTY if path is not a tty; EPROTONOSUPPORT if the library does not know the
    version of the module's clock pages.

    All methods that fail raise OSError, of which there are two subclasses:
    crr.Diverged (ENOTRECOVERABLE: the replay has diverged from its log) and
    crr.Ended (ENODATA: the replay is past the end of its log). Others are ERANGE
    (the counter has gone back), and EIO (recording or replay cannot go on; or the
    line was hung up).
    """

    _pointer: Optional[int] = None

    def __init__(
        self,
        path: "Union[str, bytes, os.PathLike[str]]",
        *,
        raw: bool = True,
        blocking: bool = False,
    ) -> None:
        flags = constant("CRR_TTY_RAW") if raw else 0
        if blocking:
            flags |= constant("CRR_TTY_BLOCKING")
        name = string("path", path)
        self._take(lib.tty_open(name, flags), os.fsdecode(name))

    @classmethod
    def adopt(cls, fd: int) -> "Tty":
        """Use a tty that is open already, for reading and writing.

        It is not changed, and close() does not close it. Raises OSError: ENOTTY if it
        is not a tty; EBADF if N_CRR is attached and fd is not open for reading and
        writing.
        """
        tty = cls.__new__(cls)
        tty._take(lib.tty_adopt(number("fd", fd, 31)), None)
        return tty

    def _take(self, pointer: Optional[int], name: Optional[str]) -> None:
        self._pointer = check(pointer, name)
        self._buffer = ctypes.create_string_buffer(constant("CRR_READ_MAX"))

    @property
    def clock(self) -> Clock:
        """The clock of its emulator. Keep it: each access makes an object."""
        return Clock(self)

    @property
    def _open(self) -> int:
        if self._pointer is None:
            raise ValueError("the tty is closed")
        return self._pointer

    def close(self) -> None:
        """Release the tty. Its clock must not be used from then on."""
        pointer, self._pointer = self._pointer, None
        if pointer is not None:
            lib.tty_close(pointer)

    def fileno(self) -> int:
        """The fd, for poll(2) and termios."""
        fd: int = lib.tty_fd(self._open)
        return fd

    @property
    def attached(self) -> bool:
        """Whether N_CRR is attached to the tty."""
        attached: bool = lib.tty_attached(self._open)
        return attached

    def read(self, size: int = -1) -> Optional[bytes]:
        """Read up to size bytes, by default as many as one read(2) can deliver.

        None if there is no input at this counter; b"" at an end of file, or after a
        hangup.
        """
        if size < 0:
            size = len(self._buffer)
        buffer = self._buffer
        if size > len(buffer):
            buffer = ctypes.create_string_buffer(size)
        while True:
            n = lib.tty_read(self._open, buffer, size)
            if n >= 0:
                return buffer.raw[:n]
            code = ctypes.get_errno()
            if code == errno.EAGAIN:
                return None
            # A signal: its handler may raise, else as all reads of Python.
            if code != errno.EINTR:
                raise os_error(code)

    def read_all(self, size: int) -> bytes:
        """Read size bytes, however long it takes; fewer if there is no more input.

        The counter must not move meanwhile. Signals do not end it, Ctrl-C neither.
        """
        buffer = ctypes.create_string_buffer(number("size", size, 31) or 1)
        n = check(lib.tty_read_all(self._open, buffer, size))
        return buffer.raw[:n]

    def write(self, data: bytes) -> int:
        """Write bytes. Returns how many were taken, which may be fewer.

        Raises BlockingIOError if there is no space at the moment.
        """
        data = bytes(data)
        while True:
            n: int = lib.tty_write(self._open, data, len(data))
            if n >= 0:
                return n
            code = ctypes.get_errno()
            if code != errno.EINTR:
                raise os_error(code)

    def modem(self) -> Modem:
        """Modem lines and counts, recorded and replayed. ENOTTY: it has none."""
        modem = Struct("crr_modem")
        check(lib.modem(self._open, modem.pointer))
        counted = modem.get("facts") & constant("CRR_MODEM_COUNTS")
        counts = (modem.get(name) if counted else None for name in _COUNTS)
        return Modem(modem.get("lines"), *counts)

    def mark(self, label: str) -> None:
        """Put a label into the log, which a replay must reach at the same counter.

        1 to CRR_MARK_MAX characters of printable ASCII and blanks. If it contains a
        hash of the emulator's state, a divergence is found long before it shows in
        the output.
        """
        check(lib.mark(self._open, string("label", label)))

    def value(self, kind: int, value: int) -> int:
        """A number from outside that does not come over the line, such as the time.

        kind says what it is: any number below 2**32 that the emulator chooses.
        Returns value; in a replay, the recorded one.
        """
        box = c_uint64(number("value", value, 64))
        check(lib.value(self._open, number("kind", kind, 32), byref(box)))
        return box.value

    def position(self) -> Position:
        """Where the emulator is, to be saved with a snapshot.

        Call it when nothing has been read, queried or written yet at the current
        counter; with gated delivery, outside of checkpoints.
        """
        position = Struct("crr_position")
        check(lib.position(self._open, position.pointer))
        return Position(position.get("sequence"), position.get("counter"))

    def seek(self, position: Position) -> None:
        """Go on at the position of a snapshot that was restored. EBUSY: recording."""
        struct = Struct("crr_position")
        struct.set("sequence", number("sequence", position.sequence, 64))
        struct.set("counter", _counter(position.counter))
        check(lib.seek(self._open, struct.pointer))

    def checkpoint_begin(self, counter: int, max_bytes: int = 0) -> None:
        """Gated delivery: let another thread read, at this counter.

        max_bytes that may be read on all ttys of the session; 0: any number.
        """
        most = number("max_bytes", max_bytes, 32)
        check(lib.checkpoint_begin(self._open, _counter(counter), most))

    def checkpoint_pending(self) -> bool:
        """Whether there is input left in a checkpoint, for those who let others read.

        With several ttys ask all of them, and again if Status.records has changed
        since before the first answer. OSError, EPROTO: no checkpoint has begun.
        """
        pending: int = check(lib.checkpoint_pending(self._open))
        return pending > 0

    def checkpoint_end(self) -> int:
        """Hide input again. Returns the number of bytes that were read meanwhile."""
        n: int = check(lib.checkpoint_end(self._open))
        return n

    def status(self) -> Status:
        """The state of its session. ENOTTY: the tty has no N_CRR."""
        return Status.of(self.fileno())


def count(fd: int, counter: int) -> Optional[int]:
    """Supply the counter by ioctl, without a clock; before each read or write.

    fd is the tty, open for reading and writing. Returns the counter at which there
    is input next, or None without a replay. Raises OSError: ERANGE if the counter
    goes back, EBUSY if it would move in a checkpoint, EBADF if the tty is not open
    for reading and writing, ENOTTY if it has no N_CRR, EIO after a hangup.
    """
    due = c_uint64()
    check(lib.count(number("fd", fd, 31), _counter(counter), byref(due)))
    return None if due.value == constant("CRR_NEVER") else due.value
