// SPDX-License-Identifier: GPL-2.0-or-later
/* Compiled only: what may be called with what, and what it returns. */
import { checkpoint, constant, type Counter, type CrrError, member, NEVER,
	 type Position, READ_MAX, Tty, version } from 'crr';

export async function calls(tty: Tty, counter: Counter): Promise<void> {
	const bytes: Buffer | null = tty.read(READ_MAX);
	const written: number = tty.write(bytes ?? 'text');
	const due: boolean = tty.clock.due(counter) && tty.clock.nextDue < NEVER;
	const position: Position = tty.position();
	const now: bigint = tty.value(1, Date.now());
	const count: number = await checkpoint([tty], 7, () => written, 16);

	tty.seek({ sequence: 0, counter: position.counter });
	tty.mark(`${version} ${due} ${now} ${count} ${constant('N_CRR')}`);
	tty.checkpointBegin(member('crr_status').size);
	/* @ts-expect-error: a counter is a number */
	tty.clock.set('7');
	/* @ts-expect-error: read-only */
	tty.clock.nextDue = 7n;
	/* @ts-expect-error: Tty.open() makes one */
	new Tty();
	try {
		Tty.open('/dev/ttyS0', { raw: true, blocking: false });
	} catch (error) {
		const code: string = (error as CrrError).code;

		tty.mark(code);
	}
}
