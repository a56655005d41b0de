#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console.py FIRMWARE TTY: a Cortex-M3 with a UART, in Unicorn. Needs python3-unicorn."""
import sys

import crr
from unicorn import UC_ARCH_ARM, UC_HOOK_BLOCK, UC_MODE_MCLASS, UC_MODE_THUMB, Uc

tty = crr.Tty(sys.argv[2])
executed = 0  # bytes of blocks: the counter
key = b""


def block(_uc, _address, size, _data):
    global executed
    executed += size


def uart_read(_uc, register, _size, _data):
    global key
    if not key and tty.clock.due(executed):
        key = tty.read(1) or b""
    if register == 0:  # STATUS
        return len(key)
    taken, key = key, b""  # DATA
    return taken[0] if taken else 0


def uart_write(uc, register, _size, value, _data):
    tty.clock.set(executed)
    if register == 4:  # DATA
        tty.write(bytes([value & 0xFF]))
    else:  # STOP
        uc.emu_stop()


machine = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
machine.mem_map(0, 0x1000)
with open(sys.argv[1], "rb") as firmware:
    machine.mem_write(0, firmware.read())
machine.mmio_map(0x40000000, 0x1000, uart_read, None, uart_write, None)
machine.hook_add(UC_HOOK_BLOCK, block)
machine.emu_start(1, -1)
