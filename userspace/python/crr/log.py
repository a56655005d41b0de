# SPDX-License-Identifier: LGPL-2.1-or-later
"""Log files. Neither the module nor root is needed."""

import ctypes
import errno
import os
from ctypes import byref, c_size_t, c_void_p
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Optional, Union

from ._lib import Closing, Struct, check, constant, constant_names, lib, number, text

PathLike = Union[str, "os.PathLike[str]"]


class LogError(ValueError):
    """A file is not a log, or is damaged or truncated at offset bytes."""

    def __init__(self, path: str, offset: int, what: str) -> None:
        super().__init__(f"{path}: at byte {offset}: {what}")
        self.path = path
        self.offset = offset


@dataclass(frozen=True)
class LogInfo:
    """How a log was made. What a log says of its command is not to be trusted.

    created: nanoseconds since 1970, 0 if not known. delivery: free or gated.
    counter: what the counter counts, such as cycles. run: JSON as in crr-log(5).
    """

    created: int = 0
    delivery: str = "free"
    counter: str = ""
    command: str = ""
    run: str = ""


@dataclass(frozen=True)
class Record:
    """A record of a log: crr(4) has the types and their members.

    members holds those that the type has besides these, for example empty_reads of
    a READ and result of a WRITE. data: the bytes of a READ and of a captured WRITE,
    the name of a STREAM, the label of a MARK. optional: it says nothing of what the
    emulator has seen, as TIME and TERMIOS.
    """

    type: str
    stream: int
    sequence: int
    counter: int
    flags: int = 0
    data: bytes = b""
    members: "Mapping[str, Any]" = field(default_factory=dict)
    optional: bool = False


# The members of struct crr_record that a type has. A name that ends in - is signed.
_INBOUND = ("empty_reads",)
_OUTBOUND = ("refused",)
_TERMIOS = tuple(
    f"termios.{name}"
    for name in ("iflag", "oflag", "cflag", "lflag", "ispeed", "ospeed")
)
_MEMBERS = {
    "STREAM": _TERMIOS,
    "READ": _INBOUND,
    "READ_ERROR": _INBOUND + ("error",),
    "EOF": _INBOUND,
    "PEER_CLOSED": _INBOUND,
    "HANGUP": _INBOUND,
    "WRITE": _OUTBOUND + ("requested", "result-", "offset", "crc32c"),
    "STREAM_END": _INBOUND + _OUTBOUND + ("reason",),
    "INQ": _INBOUND + ("value",),
    "OUTQ": _OUTBOUND + ("value",),
    "MODEM": _OUTBOUND + ("modem.error", "modem.lines", "modem.facts"),
    "MARK": _OUTBOUND,
    "VALUE": _OUTBOUND + ("kind", "number", "uses"),
    "TERMIOS": _TERMIOS,
    "TIME": ("time",),
}


def _record(struct: Struct) -> Record:
    kind = struct.get("type")
    name = text(lib.type_name(kind)) or hex(kind)
    members: "dict[str, Any]" = {}
    for member in _MEMBERS.get(name, ()):
        key = member.rstrip("-")
        value = struct.get(key, signed=member != key)
        members[key.rsplit(".", 1)[-1]] = value
    if name == "MODEM":
        members["counts"] = struct.numbers("modem.counts")
    length = struct.get("data_length")
    return Record(
        type=name,
        stream=struct.get("stream"),
        sequence=struct.get("sequence"),
        counter=struct.get("counter"),
        flags=struct.get("flags"),
        data=ctypes.string_at(struct.get("data"), length) if length else b"",
        members=members,
        optional=bool(kind & constant("CRR_TYPE_OPTIONAL")),
    )


class Log(Closing):
    """A log to be read: for record in crr.Log("a.crr").

    path is the name of a file, or an fd, which may be a pipe. Raises LogError if it
    is no log; iteration raises LogError where the file is damaged or truncated:
    what was before is valid.
    """

    _pointer: Optional[int] = None
    _fd = -1

    def __init__(self, path: "Union[PathLike, int]") -> None:
        self.path = str(path)
        self._error = Struct("crr_log_error")
        if isinstance(path, int):
            fd = number("fd", path, 31)
        else:
            fd = self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._pointer = self._check(lib.log_open(fd, self._error.pointer))
        except (OSError, LogError):
            self.close()
            raise
        info = Struct.at("crr_log_info", lib.log_get_info(self._pointer))
        names = constant_names("CRR_DELIVERY_", ("free", "gated"))
        self.info = LogInfo(
            created=info.get("created"),
            delivery=names[info.get("delivery")],
            counter=info.text("counter"),
            command=info.text("command"),
            run=info.text("run"),
        )

    def _check(self, result: Any) -> Any:
        try:
            return check(result, self.path)
        except OSError as error:
            if error.errno != errno.EBADMSG:
                raise
            raise LogError(
                self.path, self._error.get("offset"), self._error.text("text")
            ) from None

    @property
    def _open(self) -> int:
        if self._pointer is None:
            raise ValueError("the log is closed")
        return self._pointer

    def close(self) -> None:
        """Close it; an fd that was given is left open."""
        pointer, self._pointer = self._pointer, None
        if pointer is not None:
            lib.log_close(pointer)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def __iter__(self) -> "Iterator[Record]":
        struct = Struct("crr_record")
        while self._check(
            lib.log_next(self._open, struct.pointer, self._error.pointer)
        ):
            yield _record(struct)

    def blocks(self) -> "Iterator[bytes]":
        """Its records as they are fed to a session. Not together with iteration."""
        address, length = c_void_p(), c_size_t()
        while self._check(
            lib.log_block(
                self._open, byref(address), byref(length), self._error.pointer
            )
        ):
            yield ctypes.string_at(address.value or 0, length.value)

    @property
    def ended(self) -> bool:
        """Whether END was read: the log is complete."""
        ended: bool = lib.log_ended(self._open)
        return ended

    @property
    def size(self) -> Optional[int]:
        """Number of records without optional ones; None if it has no footer."""
        extent = Struct("crr_log_extent")
        if lib.log_extent(self._open, extent.pointer) < 0:
            return None
        return extent.get("records")

    def seek(
        self,
        *,
        sequence: Optional[int] = None,
        counter: Optional[int] = None,
        time: Optional[int] = None,
    ) -> None:
        """Go to the first record at or after one of these; time is in ns since 1970.

        Iteration goes on from there.
        """
        keys = {"SEQUENCE": sequence, "COUNTER": counter, "TIME": time}
        given = [(key, value) for key, value in keys.items() if value is not None]
        if len(given) != 1:
            raise TypeError("seek() needs one of sequence, counter and time")
        key, value = given[0]
        at = number(key.lower(), value, 64)
        check(lib.log_seek(self._open, constant(f"CRR_LOG_{key}"), at))


class LogWriter(Closing):
    """A log to be written; with the records that Session.read() returns.

    path must not exist yet, or is an fd, which may be a pipe.
    """

    _pointer: Optional[int] = None
    _fd = -1

    def __init__(
        self, path: "Union[PathLike, int]", info: LogInfo = LogInfo()
    ) -> None:
        struct = Struct("crr_log_info")
        struct.set("created", info.created)
        struct.set("delivery", constant(f"CRR_DELIVERY_{info.delivery.upper()}"))
        for name in ("counter", "command", "run"):
            struct.set(name, getattr(info, name).encode())
        if isinstance(path, int):
            fd = number("fd", path, 31)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            fd = self._fd = os.open(path, flags, 0o600)
        try:
            self._pointer = check(lib.log_create(fd, struct.pointer))
        except OSError:
            self.close()
            # Nobody else has it yet.
            if not isinstance(path, int):
                os.unlink(path)
            raise

    def append(self, records: bytes) -> None:
        """Add whole records. OSError, EBADMSG: one is not valid, or not the next."""
        if self._pointer is None:
            raise ValueError("the log is closed")
        check(lib.log_append(self._pointer, records, len(records)))

    def close(self) -> None:
        """Write the rest and the footer. OSError as of write(2)."""
        pointer, self._pointer = self._pointer, None
        fd, self._fd = self._fd, -1
        try:
            if pointer is not None:
                check(lib.log_finish(pointer))
        finally:
            if fd >= 0:
                os.close(fd)
