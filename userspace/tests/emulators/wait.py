#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
wait.py WAY COUNT LINE: a program in Python that knows nothing of crr. Reads COUNT
keys from its line, in one of the ways in which such programs do, and says how
often it had looked in vain before each. It is ready when it writes so.
"""

import asyncio
import os
import selectors
import random
import sys
import threading
import time
import tty

SELECTORS = {
    "default": selectors.DefaultSelector,
    "select": selectors.SelectSelector,
    "poll": selectors.PollSelector,
    "epoll": selectors.EpollSelector,
}
# pyserial's timeout of a read, in seconds, and its length.
SERIAL = {
    "serial-nonblocking": (0, 1),
    "serial-timeout": (0.01, 1),
    "serial-rest": (0.01, 64),
    "serial-blocking": (None, 1),
}


class Keys:
    """What has been read, and what is said of it."""

    def __init__(self, count, write):
        self.left = count
        self.vain = 0
        self.write = write
        write(b"ready\n")

    def take(self, read):
        """The result of a look at the line: bytes, or none."""
        if not read:
            self.vain += 1
        for byte in read or b"":
            print(f"{chr(byte)} after {self.vain}", flush=True)
            self.write(b"<%c>" % byte)
            self.vain = 0
            self.left -= 1


def by_selector(fd, keys, way):
    with SELECTORS[way]() as selector:
        selector.register(fd, selectors.EVENT_READ)
        while keys.left:
            keys.take(os.read(fd, 1) if selector.select(0.01) else b"")


def by_asyncio(fd, keys):
    async def main():
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def readable():
            keys.take(os.read(fd, 1))
            if not keys.left:
                done.set_result(None)

        loop.add_reader(fd, readable)
        await done

    asyncio.run(main())


def by_clock(fd, keys):
    """A program that decides by the time, and sleeps, and waits for a thread."""
    random.seed(time.time_ns())
    never = threading.Event()
    while keys.left:
        turns = 0
        end = time.monotonic() + 0.005
        while time.monotonic() < end:
            turns += 1
        time.sleep(0.001)
        never.wait(0.001)
        try:
            keys.take(os.read(fd, 1))
        except BlockingIOError:
            keys.take(b"")
        print(time.time_ns(), turns, random.random(), flush=True)


def by_serial(path, count, way):
    import serial

    if way == "serial-waiting":
        with serial.Serial(path, timeout=0) as line:
            keys = Keys(count, line.write)
            while keys.left:
                keys.take(line.read(1) if line.in_waiting else b"")
        return
    timeout, length = SERIAL[way]
    with serial.Serial(path, timeout=timeout) as line:
        keys = Keys(count, line.write)
        while keys.left:
            keys.take(line.read(length))


def main():
    way, count, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if way.startswith("serial"):
        by_serial(path, count, way)
        return
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(fd)
    keys = Keys(count, lambda data: os.write(fd, data))
    if way == "asyncio":
        by_asyncio(fd, keys)
    elif way == "clock":
        by_clock(fd, keys)
    else:
        by_selector(fd, keys, way)


main()
