// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ttys that take what is written to them, at once and for ever, and never
 * receive anything: what a write costs in the tty core and the discipline, and
 * nothing of a device. For measurements alone; Debian's kernels have none.
 */
#include <linux/module.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>

#include "compat.h"

#define NULLTTY_LINES	64

/* What a driver's write returns: int, or since 6.6 ssize_t. */
typedef typeof(((const struct tty_operations *)0)->write(NULL, NULL, 0)) taken_t;

static struct tty_driver *nulltty_driver;
static struct tty_port nulltty_ports[NULLTTY_LINES];
static const struct tty_port_operations nulltty_port_ops;

static int nulltty_open(struct tty_struct *tty, struct file *file)
{
	return tty_port_open(tty->port, tty, file);
}

static void nulltty_close(struct tty_struct *tty, struct file *file)
{
	tty_port_close(tty->port, tty, file);
}

static void nulltty_hangup(struct tty_struct *tty)
{
	tty_port_hangup(tty->port);
}

static taken_t nulltty_write(struct tty_struct *tty, const unsigned char *buf,
			     crr_count_t count)
{
	return count;
}

static unsigned int nulltty_write_room(struct tty_struct *tty)
{
	return 65536;
}

static const struct tty_operations nulltty_ops = {
	.open = nulltty_open,
	.close = nulltty_close,
	.hangup = nulltty_hangup,
	.write = nulltty_write,
	.write_room = nulltty_write_room,
};

static int __init nulltty_init(void)
{
	struct tty_driver *driver;
	int ret;

	driver = tty_alloc_driver(NULLTTY_LINES, TTY_DRIVER_RESET_TERMIOS |
				  TTY_DRIVER_REAL_RAW);
	if (IS_ERR(driver))
		return PTR_ERR(driver);
	driver->driver_name = "nulltty";
	driver->name = "ttyNull";
	driver->type = TTY_DRIVER_TYPE_SERIAL;
	driver->init_termios = tty_std_termios;
	tty_set_operations(driver, &nulltty_ops);
	for (int i = 0; i < NULLTTY_LINES; i++) {
		tty_port_init(&nulltty_ports[i]);
		nulltty_ports[i].ops = &nulltty_port_ops;
		tty_port_link_device(&nulltty_ports[i], driver, i);
	}
	ret = tty_register_driver(driver);
	if (ret) {
		tty_driver_kref_put(driver);
		return ret;
	}
	nulltty_driver = driver;
	return 0;
}
module_init(nulltty_init);

static void __exit nulltty_exit(void)
{
	tty_unregister_driver(nulltty_driver);
	tty_driver_kref_put(nulltty_driver);
	for (int i = 0; i < NULLTTY_LINES; i++)
		tty_port_destroy(&nulltty_ports[i]);
}
module_exit(nulltty_exit);

MODULE_DESCRIPTION("Ttys that take everything, for measurements");
MODULE_LICENSE("GPL");
