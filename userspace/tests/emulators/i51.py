#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
i51.py: write, in Intel's hex format, a program for an 8051 that says that it is
ready, looks at its UART until there is a key, echoes it, and says how often it has
looked: the two bytes of the count, combined, modulo 64. At q it stops the
simulator, by its interface at 0xffff.
"""

CODE = """
75 98 50    mov scon, #50h
75 89 20    mov tmod, #20h
75 8d fd    mov th1, #0fdh
d2 8e       setb tr1
d2 99       setb ti
74 0a       mov a, #10
11 35       acall put
78 00       key: mov r0, #0
7a 00       mov r2, #0
08          look: inc r0
b8 00 01    cjne r0, #0, same
0a          inc r2
30 98 f8    same: jnb ri, look
c2 98       clr ri
e5 99       mov a, sbuf
f9          mov r1, a
11 35       acall put
e8          mov a, r0
6a          xrl a, r2
54 3f       anl a, #3fh
24 30       add a, #'0'
11 35       acall put
b9 71 e2    cjne r1, #'q', key
90 ff ff    mov dptr, #0ffffh
74 73       mov a, #'s'
f0          movx @dptr, a
30 99 fd    put: jnb ti, put
c2 99       clr ti
f5 99       mov sbuf, a
22          ret
"""


def record(kind, data):
    body = bytes((len(data), 0, 0, kind)) + data
    return ":" + (body + bytes((-sum(body) & 255,))).hex().upper()


words = [line[:11] for line in CODE.strip().split("\n")]
print(record(0, bytes.fromhex("".join(words))))
print(record(1, b""))
