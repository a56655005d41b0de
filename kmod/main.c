// SPDX-License-Identifier: GPL-2.0-only
/*
 * n_crr: a line discipline that records what an emulator sees of its serial
 * line, and replays it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>
#include <linux/tty.h>
#include <linux/utsname.h>

#include "callbacks.h"
#include "compat.h"
#include "ldisc.h"

/* The numbers of crr_number_is_unused(), except N_CRR. */
#define CRR_FREE_NUMBERS "4, 8, 9, 10, 12, 16"

static int ldisc = N_CRR;
module_param(ldisc, int, 0444);
MODULE_PARM_DESC(ldisc, "number of the line discipline (default 29; or " CRR_FREE_NUMBERS ")");

bool crr_unprivileged;
module_param_named(unprivileged, crr_unprivileged, bool, 0644);
MODULE_PARM_DESC(unprivileged, "whoever has opened a tty may record and replay it (default N)");

/*
 * The tty core lets two modules register the same number. The first one loses
 * it, and when either is unloaded it belongs to neither. The core does not say
 * which numbers are taken, and other modules may come later. So only numbers
 * are accepted that no kernel since 5.10 uses. N_IRDA (11) has no discipline
 * either, but some UART drivers switch to infrared when it is set.
 */
static bool __init crr_number_is_unused(int number)
{
	switch (number) {
	case N_CRR:	/* N_DEVELOPMENT */
	case 4:		/* N_STRIP: removed */
	case 8:		/* N_MASC: never merged */
	case 9:		/* N_R3964: removed */
	case 10:	/* N_PROFIBUS_FDL: never merged */
	case 12:	/* N_SMSBLOCK: never merged */
	case 16:	/* N_GIGASET_M101: removed */
		return true;
	case N_TTY:
		return IS_ENABLED(CONFIG_CRR_AS_N_TTY);
	default:
		return false;
	}
}

static int __init crr_init(void)
{
	if (!crr_number_is_unused(ldisc)) {
		pr_err("ldisc=%d is not accepted: use %d or one of %s\n", ldisc,
		       N_CRR, CRR_FREE_NUMBERS);
		return -EINVAL;
	}
	if (crr_kernel_is_untested())
		pr_notice("Linux %s has not been tested; the newest tested version is %d.%d\n",
			  init_utsname()->release, CRR_TESTED_MAJOR,
			  CRR_TESTED_MINOR);
	return crr_ldisc_register(ldisc);
}

static void __exit crr_exit(void)
{
	crr_ldisc_unregister();
	/* Our RCU callbacks free lines, sessions and clocks. */
	rcu_barrier();
}

module_init(crr_init);
module_exit(crr_exit);

MODULE_DESCRIPTION("Record and replay of serial lines, beneath the emulator");
MODULE_AUTHOR("The crr developers");
MODULE_LICENSE("GPL");
