// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const koffi = require('koffi');

const libc = koffi.load('libc.so.6');
const posix_openpt = libc.func('int posix_openpt(int flags)');
const unlockpt = libc.func('int unlockpt(int fd)');
const ptsname = libc.func('const char *ptsname(int fd)');

const { O_RDWR, O_NOCTTY, O_NONBLOCK } = fs.constants;

/* A new pty: the fd of its master, which does not block, and the path of its slave. */
exports.pty = () => {
	const master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);

	assert.ok(master >= 0 && unlockpt(master) === 0);
	return { master, path: ptsname(master) };
};
