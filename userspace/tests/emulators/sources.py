#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
sources.py [LINE]: a program that does all that crr cannot record, and all that it
can record with its library: on its line, or on a pty of its own. Prints what its
three waits found.
"""

import fcntl
import os
import pty
import select
import signal
import sys
import termios
import threading

found = []


def wait(*fds):
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    found.append(len(poll.poll(10)))


def main():
    if len(sys.argv) > 1:
        line = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
    else:
        line, _ = pty.openpty()
    full, end = os.pipe()
    os.write(end, b"x")
    wait(line, full)
    wait(line)
    thread = threading.Thread(target=wait, args=(line,))
    thread.start()
    thread.join()
    signal.setitimer(signal.ITIMER_REAL, 1000)
    os.getrandom(1)
    try:
        fcntl.ioctl(line, termios.TIOCMGET, bytes(4))
    except OSError:
        pass
    print(*found)


main()
