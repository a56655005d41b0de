// SPDX-License-Identifier: GPL-2.0-or-later
/* The programs in the README, as files: import looks for packages above them. */
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const readme = path.join(path.dirname(require.resolve('crr')), 'README.md');

exports.examples = () => {
	const blocks = fs.readFileSync(readme, 'utf8')
		.matchAll(/^```js\n(.*?)^```/gms);

	return Object.fromEntries(Array.from(blocks, ([, code], i) => {
		const name = `example${i + 1}.` +
			(/^import /m.test(code) ? 'mjs' : 'cjs');
		const file = path.join(__dirname, name);

		fs.writeFileSync(file, code);
		return [name, file];
	}));
};
