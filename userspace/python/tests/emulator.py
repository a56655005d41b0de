# SPDX-License-Identifier: GPL-2.0-or-later
"""emulator.py TTY [WRONG]: looks at its line every 10 turns until it reads a q.

Answers each read with the turn and the bytes, and prints these and the time on
standard error; WRONG is
added to the second answer. A mark each 1000 turns, and a value with each answer.
"""

import sys
import time
from typing import Optional

import crr


def turn(tty: crr.Tty, turns: int) -> Optional[bytes]:
    """One turn of the guest."""
    if turns % 1000 == 0:
        tty.clock.set(turns)
        tty.mark(f"turn {turns}")
    if turns % 10 or not tty.clock.due(turns):
        return None
    return tty.read(64)


def main() -> int:
    tty = crr.Tty(sys.argv[1])
    wrong = sys.argv[2] if len(sys.argv) > 2 else ""
    turns = answers = 0
    while True:
        turns += 1
        keys = turn(tty, turns)
        if keys is None:
            continue
        answers += 1
        now = tty.value(7, time.time_ns())
        print(turns, keys, now, file=sys.stderr)
        answer = f"{turns}:{keys.decode()}{wrong if answers == 2 else ''}\n"
        assert tty.write(answer.encode()) == len(answer)
        if b"q" in keys:
            return 42 if "status" in sys.argv else 0


try:
    sys.exit(main())
except crr.Diverged as error:
    print("diverged:", error, file=sys.stderr)
    sys.exit(7)
