# SPDX-License-Identifier: LGPL-2.1-or-later
"""libcrr by ctypes. What it looks like is asked of the library itself."""

import ctypes
import errno
import os
import sys
from ctypes import (
    POINTER,
    byref,
    c_bool,
    c_char_p,
    c_int,
    c_int64,
    c_size_t,
    c_ssize_t,
    c_uint,
    c_uint32,
    c_uint64,
    c_void_p,
)
from types import TracebackType
from typing import Any, Optional, Type, TypeVar


def _load() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcrr.so.0", use_errno=True)
    except OSError as error:
        raise OSError(f"{error}: install libcrr, or set LD_LIBRARY_PATH") from error


# name: (result, arguments). A result of c_int or c_int64 below 0, or a pointer that
# is NULL, is an error, of which errno tells more.
_FUNCTIONS: "dict[str, tuple[Any, ...]]" = {
    "crr_version": (c_char_p,),
    "crr_constant": (c_bool, c_char_p, POINTER(c_uint64)),
    "crr_member": (c_bool, c_char_p, POINTER(c_size_t), POINTER(c_size_t)),
    "crr_tty_open": (c_void_p, c_char_p, c_uint),
    "crr_tty_adopt": (c_void_p, c_int),
    "crr_tty_close": (None, c_void_p),
    "crr_tty_fd": (c_int, c_void_p),
    "crr_tty_clock": (c_void_p, c_void_p),
    "crr_tty_attached": (c_bool, c_void_p),
    "crr_tty_read": (c_ssize_t, c_void_p, c_void_p, c_size_t),
    "crr_tty_read_all": (c_ssize_t, c_void_p, c_void_p, c_size_t),
    "crr_tty_write": (c_ssize_t, c_void_p, c_char_p, c_size_t),
    "crr_clock_due": (c_bool, c_void_p, c_uint64),
    "crr_clock_next_due": (c_uint64, c_void_p),
    "crr_clock_set": (None, c_void_p, c_uint64),
    "crr_modem": (c_int, c_void_p, c_void_p),
    "crr_mark": (c_int, c_void_p, c_char_p),
    "crr_value": (c_int, c_void_p, c_uint32, POINTER(c_uint64)),
    "crr_position": (c_int, c_void_p, c_void_p),
    "crr_seek": (c_int, c_void_p, c_void_p),
    "crr_checkpoint_begin": (c_int, c_void_p, c_uint64, c_uint32),
    "crr_checkpoint_pending": (c_int, c_void_p),
    "crr_checkpoint_end": (c_int64, c_void_p),
    "crr_count": (c_int, c_int, c_uint64, POINTER(c_uint64)),
    "crr_ldisc": (c_int,),
    "crr_attach": (c_int, c_int),
    "crr_detach": (c_int, c_int),
    "crr_session_open": (c_int, c_int),
    "crr_session_join": (c_int, c_int, c_int),
    "crr_session_record": (c_int, c_int, c_uint, c_size_t),
    "crr_session_replay": (c_int, c_int, c_uint, c_size_t),
    "crr_session_stop": (c_int, c_int),
    "crr_session_divergence": (c_int, c_int, c_void_p),
    "crr_status": (c_int, c_int, c_void_p),
    "crr_state_name": (c_char_p, c_uint),
    "crr_reason_name": (c_char_p, c_uint),
    "crr_reason_text": (c_char_p, c_uint),
    "crr_type_name": (c_char_p, c_uint),
    "crr_divergence_name": (c_char_p, c_uint),
    "crr_divergence_text": (c_char_p, c_uint),
    "crr_log_create": (c_void_p, c_int, c_void_p),
    "crr_log_append": (c_int, c_void_p, c_char_p, c_size_t),
    "crr_log_finish": (c_int, c_void_p),
    "crr_log_open": (c_void_p, c_int, c_void_p),
    "crr_log_close": (None, c_void_p),
    "crr_log_get_info": (c_void_p, c_void_p),
    "crr_log_next": (c_int, c_void_p, c_void_p, c_void_p),
    "crr_log_block": (
        c_int,
        c_void_p,
        POINTER(c_void_p),
        POINTER(c_size_t),
        c_void_p,
    ),
    "crr_log_ended": (c_bool, c_void_p),
    "crr_log_extent": (c_int, c_void_p, c_void_p),
    "crr_log_seek": (c_int, c_void_p, c_int, c_uint64),
}


class _Functions:
    """The functions, without the prefix crr_. They raise no exceptions.

    The library is loaded when the first one is used: the plugin of pytest is imported
    where nobody needs it.
    """

    def __getattr__(self, name: str) -> Any:
        if "crr_" + name not in _FUNCTIONS:
            raise AttributeError(name)
        library = _load()
        for each, (result, *arguments) in _FUNCTIONS.items():
            function = getattr(library, each)
            function.restype = result
            function.argtypes = arguments
            setattr(self, each[len("crr_") :], function)
        return getattr(self, name)


lib = _Functions()


class Diverged(OSError):
    """The replay has diverged from its log (ENOTRECOVERABLE)."""


class Ended(OSError):
    """The replay is past the end of its log (ENODATA)."""


_CLASSES = {errno.ENOTRECOVERABLE: Diverged, errno.ENODATA: Ended}


def os_error(code: int, what: Optional[str] = None) -> OSError:
    """The exception for an errno."""
    error = _CLASSES.get(code, OSError)
    if what is None:
        return error(code, os.strerror(code))
    return error(code, os.strerror(code), what)


def check(result: Any, what: Optional[str] = None) -> Any:
    """The result of a call of libcrr, unless it is an error: then raise that."""
    if result is None or result < 0:
        raise os_error(ctypes.get_errno(), what)
    return result


def number(what: str, value: int, bits: int) -> int:
    """An argument without a sign; ctypes would take any number modulo 2**bits."""
    if not 0 <= value < 1 << bits:
        raise OverflowError(f"{what} must be 0 to 2**{bits} - 1, and is {value}")
    return value


def string(what: str, value: "str | bytes | os.PathLike[str]") -> bytes:
    """A text or path as a string of C, which ends at a NUL."""
    encoded = os.fsencode(value)
    if b"\0" in encoded:
        raise ValueError(f"{what} must not contain a NUL")
    return encoded


def constant(name: str) -> int:
    """The value of a constant of crr.h or linux/crr.h, such as CRR_READ_MAX."""
    value = c_uint64()
    if not lib.constant(name.encode(), byref(value)):
        raise AttributeError(f"libcrr has no constant {name}")
    return value.value


def constant_names(prefix: str, names: "tuple[str, ...]") -> "dict[int, str]":
    """For values of which names has the last parts, in lower case."""
    return {constant(prefix + name.upper()): name for name in names}


def text(value: Optional[bytes]) -> str:
    """What a function of libcrr has returned as a text."""
    return "" if value is None else value.decode("ascii", "backslashreplace")


_Own = TypeVar("_Own", bound="Closing")


class Closing:
    """What has a close(): for with statements, and closed with its last reference."""

    def close(self) -> None:
        """Called at any time, also again, or when __init__() has failed."""
        raise NotImplementedError

    def __enter__(self: _Own) -> _Own:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class Struct:
    """A struct of the headers, whose members are read and set by name."""

    def __init__(self, name: str) -> None:
        self._name = name
        offset, size = self._place(name)
        self._memory = ctypes.create_string_buffer(size)

    @staticmethod
    def _place(name: str) -> "tuple[int, int]":
        offset, size = c_size_t(), c_size_t()
        if not lib.member(name.encode(), byref(offset), byref(size)):
            raise AttributeError(f"libcrr has no {name}")
        return offset.value, size.value

    @classmethod
    def at(cls, name: str, address: int) -> "Struct":
        """A copy of the struct at an address."""
        struct = cls(name)
        ctypes.memmove(struct._memory, address, len(struct._memory))
        return struct

    @property
    def pointer(self) -> Any:
        """To be passed to a function."""
        return ctypes.cast(self._memory, c_void_p)

    def data(self, member: str) -> bytes:
        """The bytes of a member."""
        offset, size = self._place(f"{self._name}.{member}")
        return self._memory.raw[offset : offset + size]

    def text(self, member: str) -> str:
        """A member that is a string."""
        return self.data(member).split(b"\0", 1)[0].decode("utf-8", "replace")

    def get(self, member: str, signed: bool = False) -> int:
        """A member that is a number."""
        return int.from_bytes(self.data(member), sys.byteorder, signed=signed)

    def numbers(self, member: str, size: int = 4) -> "tuple[int, ...]":
        """A member that is an array."""
        data = self.data(member)
        return tuple(
            int.from_bytes(data[at : at + size], sys.byteorder)
            for at in range(0, len(data), size)
        )

    def set(self, member: str, value: "int | bytes") -> None:
        """Set a member. Texts must leave room for a final zero."""
        offset, size = self._place(f"{self._name}.{member}")
        if isinstance(value, int):
            value = value.to_bytes(size, sys.byteorder)
        elif len(value) >= size:
            raise ValueError(f"{member}: more than {size - 1} bytes")
        elif b"\0" in value:
            raise ValueError(f"{member}: has a zero")
        ctypes.memmove(
            ctypes.addressof(self._memory) + offset, value, len(value)
        )
