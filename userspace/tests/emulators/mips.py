#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
mips.py: write, for gxemul's testmips, a program that says that it is ready, looks at
its console until there is a key, echoes it, and says how often it has looked,
modulo 64. It halts at q.
"""

import struct
import sys

WORDS = (
    0x3C08B000,  # lui t0, 0xb000: the console
    0x24090072,  # li t1, 'r'
    0xA1090000,  # sb t1, 0(t0)
    0x2409000A,  # li t1, '\n'
    0xA1090000,  # sb t1, 0(t0)
    0x24090000,  # key: li t1, 0
    0x25290001,  # look: addiu t1, t1, 1
    0x910A0000,  # lbu t2, 0(t0)
    0x1140FFFD,  # beqz t2, look
    0x00000000,  # nop
    0xA10A0000,  # sb t2, 0(t0)
    0x3129003F,  # andi t1, t1, 63
    0x25290030,  # addiu t1, t1, '0'
    0xA1090000,  # sb t1, 0(t0)
    0x240B0071,  # li t3, 'q'
    0x154BFFF5,  # bne t2, t3, key
    0x00000000,  # nop
    0xA1000010,  # sb zero, 16(t0): halt
)

sys.stdout.buffer.write(struct.pack(f">{len(WORDS)}I", *WORDS))
