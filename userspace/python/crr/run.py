# SPDX-License-Identifier: LGPL-2.1-or-later
"""Record and replay a command, by crrctl(1)."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Any, Optional, Sequence, Union

from .log import PathLike
from .session import Divergence

Output = Union[str, bytes]

# Exit statuses of crrctl record itself.
_OWN = range(123, 128)


@dataclass(frozen=True)
class Recording:
    """A run that was recorded: the log, and what the command has left."""

    log: str
    status: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Replay:
    """How a replay has ended.

    outcome: replayed, diverged, stalled, early, stopped, incomplete, unwritten,
    timeout, interrupted or failed, as in crrctl(1). status is the exit status of
    crrctl; that of the command if the outcome is replayed.
    """

    log: str
    outcome: str
    status: int
    stdout: bytes
    stderr: bytes
    counter: int
    records: int
    divergence: Optional[Divergence]

    @property
    def exact(self) -> bool:
        """Whether the run was the recorded one, to its end."""
        return self.outcome in ("replayed", "stopped")

    @property
    def report(self) -> str:
        """What crrctl has said, and the command, on standard error."""
        return self.stderr.decode("utf-8", "replace")


class CrrctlError(RuntimeError):
    """crrctl could not record, or could not begin a replay: the message says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message.strip() or f"crrctl: exit status {status}")
        self.status = status


class ReplayError(AssertionError):
    """A replay was not exact: replay has all of it, and the message is the report."""

    def __init__(self, replay: Replay) -> None:
        super().__init__(replay.report.strip() or replay.outcome)
        self.replay = replay


def _run(arguments: "list[str]", **options: Any) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
        **options,
    )


def _words(command: "Sequence[str]") -> "list[str]":
    if isinstance(command, (str, bytes)) or not command:
        raise ValueError("a command is a list of one or more words")
    return list(command)


def _argument(path: PathLike) -> str:
    """A path that is not taken for an option."""
    name = os.fsdecode(path)
    return f"./{name}" if name.startswith("-") else name


def record(
    command: "Sequence[str]",
    log: PathLike,
    *,
    peer: Optional[str] = None,
    ttys: "Sequence[str]" = (),
    preload: bool = False,
    gated: bool = False,
    qemu: bool = False,
    counter: Optional[str] = None,
    timeout: Optional[float] = None,
    force: bool = False,
    options: "Sequence[str]" = (),
    crrctl: str = "crrctl",
) -> Recording:
    """Record a command, on a new pty or on ttys: {} in its words is the first one.

    peer is a shell command at the other end of a new pty; without one, nobody types.
    timeout is in seconds. options are further ones of crrctl record. Raises
    CrrctlError if it cannot be recorded; the exit status of the command is in the
    result.
    """
    arguments = [crrctl, "record", "--quiet", f"--output={os.fsdecode(log)}"]
    if peer is None and not ttys:
        peer = "cat > /dev/null"
    arguments += [f"--peer={peer}"] if peer is not None else []
    for name, on in (("preload", preload), ("gated", gated), ("qemu", qemu)):
        arguments += [f"--{name}"] if on else []
    arguments += [f"--counter={counter}"] if counter is not None else []
    arguments += [f"--timeout={timeout}"] if timeout is not None else []
    arguments += ["--force"] if force else []
    done = _run([*arguments, *options, *ttys, "--", *_words(command)])
    if done.returncode in _OWN:
        raise CrrctlError(done.returncode, done.stderr.decode("utf-8", "replace"))
    return Recording(os.fsdecode(log), done.returncode, done.stdout, done.stderr)


def replay(
    log: PathLike,
    command: "Optional[Sequence[str]]" = None,
    *,
    stall: Optional[float] = None,
    timeout: Optional[float] = None,
    check: bool = True,
    options: "Sequence[str]" = (),
    crrctl: str = "crrctl",
) -> Replay:
    """Replay a log to a command, or to the one that the log contains.

    The latter only if command is None: use it for logs that you have made yourself.
    stall and timeout are in seconds: see crrctl(1). options are further ones of
    crrctl replay, or ttys. Raises ReplayError if the run was not exact, unless check
    is False; CrrctlError if it could not begin.
    """
    arguments = [crrctl, "replay", "--quiet"]
    arguments += ["--stored"] if command is None else []
    arguments += [f"--stall={stall}"] if stall is not None else []
    arguments += [f"--timeout={timeout}"] if timeout is not None else []
    with tempfile.TemporaryFile() as result:
        fd = result.fileno()
        arguments += [f"--json=/dev/fd/{fd}", _argument(log), *options]
        arguments += ["--", *_words(command)] if command is not None else []
        done = _run(arguments, pass_fds=(fd,))
        result.seek(0)
        said = result.read()
    if not said:
        raise CrrctlError(done.returncode, done.stderr.decode("utf-8", "replace"))
    members = json.loads(said)
    divergence = members.get("divergence")
    ended = Replay(
        log=os.fsdecode(log),
        outcome=members["outcome"],
        status=done.returncode,
        stdout=done.stdout,
        stderr=done.stderr,
        counter=int(members["counter"]),
        records=int(members["records"]),
        divergence=Divergence.from_json(divergence) if divergence else None,
    )
    if check and not ended.exact:
        raise ReplayError(ended)
    return ended


def diff(
    log: PathLike,
    other: PathLike,
    *,
    options: "Sequence[str]" = (),
    crrctl: str = "crrctl",
) -> Optional[str]:
    """Where two logs differ, as crrctl log diff prints it; None if they do not."""
    done = _run([crrctl, "log", "diff", *options, _argument(log), _argument(other)])
    if done.returncode == 0:
        return None
    if done.returncode != 1 or not done.stdout:
        raise CrrctlError(done.returncode, done.stderr.decode("utf-8", "replace"))
    return done.stdout.decode("utf-8", "replace")
