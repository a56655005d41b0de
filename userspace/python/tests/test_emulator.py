# SPDX-License-Identifier: GPL-2.0-or-later
"""The tty and the clock of an emulator, with and without N_CRR."""

import errno
import os
import select
import termios
from typing import Optional, Tuple

import pytest

import crr

Line = Tuple[int, str]


def readable(fd: object) -> None:
    """Wait until there is something to read."""
    select.select([fd], [], [])


def test_constants() -> None:
    assert crr.CRR_READ_MAX == 4096
    assert crr.N_CRR == 29
    assert crr.CRR_TYPE_TIME == 0x8002
    with pytest.raises(AttributeError):
        crr.CRR_NONE  # pylint: disable=pointless-statement
    assert crr.__version__


def test_not_a_tty() -> None:
    with pytest.raises(OSError) as raised:
        crr.Tty("/dev/null")
    assert raised.value.errno == errno.ENOTTY
    assert raised.value.filename == "/dev/null"
    with pytest.raises(FileNotFoundError):
        crr.Tty("/dev/no/such/tty")


def test_without_ldisc(line: Line) -> None:
    master, path = line
    with crr.Tty(path) as tty:
        assert not tty.attached
        clock = tty.clock
        assert clock.due(1)
        assert tty.clock.next_due is None
        assert tty.read() is None
        os.write(master, b"abc")
        readable(tty)
        assert tty.read(2) == b"ab"
        assert tty.read() == b"c"
        os.write(master, b"defg")
        assert tty.read_all(4) == b"defg"
        assert tty.write(b"xyz") == 3
        assert os.read(master, 10) == b"xyz"
        tty.mark("nothing happens")
        assert tty.value(1, 2**64 - 1) == 2**64 - 1
        with pytest.raises(OSError) as raised:
            tty.status()
        assert raised.value.errno == errno.ENOTTY
        with pytest.raises(OverflowError):
            tty.clock.due(2**64)
        with pytest.raises(OverflowError):
            tty.clock.set(-1)
        for call in (
            lambda: tty.value(2**32, 0),
            lambda: tty.checkpoint_begin(1, 2**32 + 2),
            lambda: crr.Tty.adopt(2**32 + tty.fileno()),
            lambda: crr.count(-1, 1),
        ):
            with pytest.raises(OverflowError):
                call()
        with pytest.raises(ValueError):
            tty.mark("a\0b")
        with pytest.raises(ValueError):
            crr.Tty(path + "\0x")
        assert tty.write(memoryview(b"abcdefgh").cast("I")) == 8
        # A pty has none.
        with pytest.raises(OSError):
            tty.modem()
        with pytest.raises(OSError):
            crr.count(tty.fileno(), 1)
    for call in (tty.read, lambda: clock.due(1), lambda: clock.next_due):
        with pytest.raises(ValueError):
            call()
    tty.close()


def test_adopted(line: Line) -> None:
    master, path = line
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    before = termios.tcgetattr(fd)
    tty = crr.Tty.adopt(fd)
    tty.close()
    assert termios.tcgetattr(fd) == before
    os.close(fd)
    with pytest.raises(OSError) as raised:
        crr.Tty.adopt(fd)
    assert raised.value.errno == errno.EBADF


def look(tty: crr.Tty, counter: int) -> Optional[bytes]:
    """As an emulator does."""
    return tty.read() if tty.clock.due(counter) else None


@pytest.mark.usefixtures("module")
def test_session(line: Line, tmp_path: "os.PathLike[str]") -> None:
    """Recorded and replayed by a controller in Python."""
    master, path = line
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    crr.attach(fd)
    log = os.fspath(tmp_path) + "/a.crr"
    with crr.Session(fd) as session, crr.Tty(path) as tty:
        assert tty.attached
        session.record()
        assert session.status().state == "recording"
        assert look(tty, 10) is None
        os.write(master, b"a")
        readable(tty)
        assert look(tty, 20) == b"a"
        assert tty.write(b"b") == 1
        tty.mark("here")
        place = tty.position()
        assert place.counter == 20
        with pytest.raises(OSError) as raised:
            tty.clock.set(15)
            tty.write(b"c")
        assert raised.value.errno == errno.ERANGE
        session.stop()
        with crr.LogWriter(log, crr.LogInfo(counter="cycles")) as writer:
            while records := session.read():
                writer.append(records)
        with pytest.raises(OSError) as raised:
            session.stop()
        assert raised.value.errno == errno.ENODATA
    with pytest.raises(FileExistsError):
        crr.LogWriter(log)
    with pytest.raises(ValueError):
        crr.LogWriter(log + ".new", crr.LogInfo(counter="c" * 64))

    with crr.Log(log) as read:
        types = [record.type for record in read if not record.optional]
        assert read.info.counter == "cycles"
        assert read.ended
    assert types == ["STREAM", "READ", "WRITE", "MARK", "STREAM_END", "END"]

    crr.attach(fd)
    for wrong in (False, True):
        with crr.Session(fd) as session, crr.Log(log) as read:
            session.replay()
            for block in read.blocks():
                assert session.feed(block) == len(block)
            tty = crr.Tty(path)
            assert tty.clock.next_due == 20
            assert look(tty, 18) is None
            assert not tty.clock.due(19)
            assert look(tty, 20) == b"a"
            assert session.divergence() is None
            if wrong:
                with pytest.raises(crr.Diverged):
                    tty.write(b"x")
                divergence = session.divergence()
                assert divergence is not None
                assert divergence.kind == "content"
                assert (divergence.expected, divergence.got) == (b"b", b"x")
                assert divergence.counter == divergence.expected_counter == 20
                assert divergence.type == "WRITE"
            else:
                assert tty.write(b"b") == 1
                tty.mark("here")
                assert session.divergence() is None
                with pytest.raises(crr.Ended):
                    look(tty, 21)
            session.stop()
            tty.close()
    crr.detach(fd)
    os.close(fd)


@pytest.mark.usefixtures("module")
def test_gated(line: Line) -> None:
    master, path = line
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    crr.attach(fd)
    with crr.Session(fd) as session, crr.Tty(path) as tty:
        session.record(gated=True)
        with pytest.raises(OSError) as raised:
            tty.checkpoint_end()
        assert raised.value.errno == errno.EPROTO
        with pytest.raises(OSError) as raised:
            tty.checkpoint_pending()
        assert raised.value.errno == errno.EPROTO
        os.write(master, b"abc")
        assert tty.read() is None
        counter = consumed = 0
        while not consumed:
            counter += 1
            tty.checkpoint_begin(counter, max_bytes=2)
            while tty.checkpoint_pending():
                assert tty.read() in (b"a", b"ab", b"b")
            consumed = tty.checkpoint_end()
        assert consumed in (1, 2)
        assert tty.read() is None
        session.stop()
    os.close(fd)
