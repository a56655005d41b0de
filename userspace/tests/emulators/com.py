#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
com.py: write, for DOS, a program that says that it is ready, looks at COM1 until
there is a key, echoes it, and says how often it has looked, as i51.py. It ends at q.
"""

import sys

CODE = """
ba fb 03    mov dx, 3fbh
b0 03       mov al, 3
ee          out dx, al
b0 0a       mov al, 10
e8 31 00    call put
31 db       key: xor bx, bx
43          look: inc bx
ba fd 03    mov dx, 3fdh
ec          in al, dx
a8 01       test al, 1
74 f7       jz look
ba f8 03    mov dx, 3f8h
ec          in al, dx
88 c1       mov cl, al
e8 1d 00    call put
88 d8       mov al, bl
30 f8       xor al, bh
24 3f       and al, 3fh
04 30       add al, '0'
e8 12 00    call put
80 f9 71    cmp cl, 'q'
75 dc       jne key
ba fd 03    sent: mov dx, 3fdh
ec          in al, dx
a8 40       test al, 40h
74 f8       jz sent
b8 00 4c    mov ax, 4c00h
cd 21       int 21h
88 c4       put: mov ah, al
ba fd 03    mov dx, 3fdh
ec          full: in al, dx
a8 20       test al, 20h
74 fb       jz full
88 e0       mov al, ah
ba f8 03    mov dx, 3f8h
ee          out dx, al
c3          ret
"""

words = [line[:11] for line in CODE.strip().split("\n")]
sys.stdout.buffer.write(bytes.fromhex("".join(words)))
