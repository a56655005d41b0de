// SPDX-License-Identifier: GPL-2.0-only
/*
 * n_crr: a line discipline that records what an emulator sees of its serial
 * line, and replays it.
 */
#include <linux/init.h>
#include <linux/module.h>

#include "crr.h"

static int ldisc = N_CRR;
module_param(ldisc, int, 0444);
MODULE_PARM_DESC(ldisc, "number of the line discipline (default 29)");

bool crr_unprivileged;
module_param_named(unprivileged, crr_unprivileged, bool, 0644);
MODULE_PARM_DESC(unprivileged, "whoever has opened a tty may record and replay it (default N)");

static int __init crr_init(void)
{
	return crr_ldisc_register(ldisc);
}

static void __exit crr_exit(void)
{
	crr_ldisc_unregister();
	/* Lines, sessions and clocks are freed by RCU callbacks of ours. */
	rcu_barrier();
}

module_init(crr_init);
module_exit(crr_exit);

MODULE_DESCRIPTION("Record and replay of serial lines, beneath the emulator");
MODULE_AUTHOR("The crr developers");
MODULE_LICENSE("GPL");
