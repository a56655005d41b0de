# SPDX-License-Identifier: LGPL-2.1-or-later
"""For controllers: a session, which records or replays."""

import errno
import os
from dataclasses import dataclass, field
from typing import Any, Optional, Protocol, Union

from ._lib import Closing, Struct, check, constant, lib, number, text


class HasFileno(Protocol):
    """A tty: crr.Tty, or a file."""

    def fileno(self) -> int:
        """Its fd."""


TtyLike = Union[int, HasFileno]


def _fd(tty: TtyLike) -> int:
    return number("fd", tty if isinstance(tty, int) else tty.fileno(), 31)


@dataclass(frozen=True)
class Status:
    """struct crr_status: what a session does. crr(4) describes the members."""

    state: str
    reason: str
    facts: int
    stream: Optional[int]
    streams: int
    waiting: int
    counter: int
    sequence: int
    records: int
    bytes_in: int
    bytes_out: int
    buffered: int
    buffer_size: int
    next_due: Optional[int]
    horizon: int
    remaining: int
    discarded: int
    dropped: int
    position: int
    received: int
    looks: int
    guesses: int

    @classmethod
    def of(cls, fd: int) -> "Status":
        """Of a tty with N_CRR, a session or a clock."""
        struct = Struct("crr_status")
        check(lib.status(fd, struct.pointer))
        values: "dict[str, Any]" = {}
        for name in cls.__dataclass_fields__:
            values[name] = struct.get(name)
        values["state"] = text(lib.state_name(values["state"]))
        values["reason"] = text(lib.reason_name(values["reason"]))
        if values["stream"] == constant("CRR_NO_STREAM"):
            values["stream"] = None
        if values["next_due"] == constant("CRR_NEVER"):
            values["next_due"] = None
        return cls(**values)


@dataclass(frozen=True)
class Divergence:
    """How a run diverged from its log: struct crr_divergence.

    kind is late, early, extra, length, content or left, and text its description.
    sequence and expected_counter are None if no record was expected. expected and
    got are bytes of the record and of the run, from the first one that differs
    on, which is offset in the record. position is the number of bytes of the stream
    before the record.
    """

    kind: str
    text: str
    stream: int
    sequence: Optional[int]
    expected_counter: Optional[int]
    counter: int
    expected_type: Optional[str]
    type: Optional[str]
    expected_length: int
    length: int
    position: int
    offset: int
    expected: bytes
    got: bytes
    full: bool = field(default=False)

    @classmethod
    def of(cls, session: int) -> Optional["Divergence"]:
        """Of a session; None if it has not diverged."""
        struct = Struct("crr_divergence")
        try:
            check(lib.session_divergence(session, struct.pointer))
        except OSError as error:
            if error.errno == errno.ENODATA:
                return None
            raise
        kind = struct.get("kind")
        sequence = struct.get("sequence")
        counter = struct.get("expected_counter")
        return cls(
            kind=text(lib.divergence_name(kind)),
            text=text(lib.divergence_text(kind)),
            stream=struct.get("stream"),
            sequence=None if sequence == constant("CRR_NO_SEQUENCE") else sequence,
            expected_counter=None if counter == constant("CRR_NEVER") else counter,
            counter=struct.get("counter"),
            expected_type=text(lib.type_name(struct.get("expected_type"))) or None,
            type=text(lib.type_name(struct.get("type"))) or None,
            expected_length=struct.get("expected_length"),
            length=struct.get("length"),
            position=struct.get("position"),
            offset=struct.get("offset"),
            expected=struct.data("expected")[: struct.get("expected_bytes")],
            got=struct.data("got")[: struct.get("bytes")],
            full=bool(struct.get("facts") & constant("CRR_DIVERGENCE_FULL")),
        )

    @classmethod
    def from_json(cls, members: "dict[str, Any]") -> "Divergence":
        """Of the result of crrctl replay --json."""

        def counted(name: str) -> Optional[int]:
            return int(members[name]) if name in members else None

        return cls(
            kind=members["kind"],
            text=members["text"],
            stream=members["stream"],
            sequence=counted("seq"),
            expected_counter=counted("expected_counter"),
            counter=int(members["counter"]),
            expected_type=members.get("expected_type"),
            type=members.get("type"),
            expected_length=members["expected_length"],
            length=members["length"],
            position=int(members["position"]),
            offset=members["offset"],
            expected=bytes.fromhex(members["expected"]),
            got=bytes.fromhex(members["got"]),
            full=members["full"],
        )


def ldisc() -> int:
    """The number of N_CRR in this kernel. OSError, ENOENT: no module is loaded."""
    number: int = check(lib.ldisc())
    return number


def attach(tty: TtyLike) -> None:
    """Attach N_CRR to a tty, until its last fd is closed. ENOENT: no module."""
    check(lib.attach(_fd(tty)))


def detach(tty: TtyLike) -> None:
    """Detach N_CRR from a tty, and set N_TTY."""
    check(lib.detach(_fd(tty)))


class Session(Closing):
    """The session of one or several ttys that have N_CRR.

    Makes it, or takes over an orphaned one; the first tty is stream 0. The ttys must
    be open for reading and writing. crr(4) describes read(2), write(2) and poll(2)
    of the session's fd: read() and feed() are these.
    """

    _fd = -1

    def __init__(self, tty: TtyLike, *others: TtyLike) -> None:
        self._fd = check(lib.session_open(_fd(tty)))
        try:
            for other in others:
                self.join(other)
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """The fd, for poll(2)."""
        if self._fd < 0:
            raise ValueError("the session is closed")
        return self._fd

    def close(self) -> None:
        """Close it. A recording goes on without a controller: stop() it before."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def join(self, tty: TtyLike) -> int:
        """Add a tty. Returns the number of its stream."""
        number: int = check(lib.session_join(self.fileno(), _fd(tty)))
        return number

    def record(
        self, *, capture: bool = True, gated: bool = False, buffer_size: int = 0
    ) -> None:
        """Start recording. buffer_size is in bytes, 0 for the default.

        Raises OSError: EBUSY if it is not idle, or (for a moment) if a read or write
        is in flight.
        """
        flags = constant("CRR_RECORD_CAPTURE") if capture else 0
        flags |= constant("CRR_RECORD_GATED") if gated else 0
        size = number("buffer_size", buffer_size, 32)
        check(lib.session_record(self.fileno(), flags, size))

    def replay(
        self, *, gated: bool = False, mute: bool = False, buffer_size: int = 0
    ) -> None:
        """Start the replay of the records that feed() is given.

        gated if the log was recorded so: LogInfo.delivery. mute: write no output to
        the device.
        """
        flags = constant("CRR_REPLAY_GATED") if gated else 0
        flags |= constant("CRR_REPLAY_MUTE") if mute else 0
        size = number("buffer_size", buffer_size, 32)
        check(lib.session_replay(self.fileno(), flags, size))

    def read(self, size: int = 1 << 16) -> bytes:
        """Records of the recording, for LogWriter.append(); b"" at its end.

        Raises BlockingIOError if the fd is nonblocking and there are none yet.
        """
        return os.read(self.fileno(), size)

    def feed(self, records: bytes) -> int:
        """Feed records, as of Log.blocks(). Returns how many bytes were taken."""
        return os.write(self.fileno(), records)

    def stop(self) -> None:
        """Stop recording or replay. Raises OSError, ENODATA, if it is idle."""
        check(lib.session_stop(self.fileno()))

    def status(self) -> Status:
        """The state of the session."""
        return Status.of(self.fileno())

    def divergence(self) -> Optional[Divergence]:
        """How the replay has diverged from its log; None if it has not."""
        return Divergence.of(self.fileno())
