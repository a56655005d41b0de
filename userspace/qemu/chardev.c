// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * QEMU's character devices on the session's ttys: which they are, and what they
 * do for the guest.
 *
 * Four methods of their classes are replaced. Output goes through the plugin,
 * which knows the guest's time, and through a descriptor that blocks: QEMU's own
 * does not, so that the guest would notice at a moment of the wall clock that
 * the tty is full. A device that wants to wait until it can write is called by the
 * main loop, again at a moment of the wall clock, even if it could write at once
 * (a SiFive UART whose FIFO wraps around does so): it is called by a timer of the
 * guest's clock instead. A device that was full tells that it has space again,
 * which QEMU's own character devices for files and ports do not want to know. The
 * modem lines are the host's, and crr never sees who asks for them: the guest is
 * told that there are none, as with a pipe.
 *
 * Where the methods are in the class depends on QEMU's version. They are found
 * by what different classes have there.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "crr-qemu.h"

/* sizeof(ObjectClass), with which each class begins; and where to stop. */
#define FIRST_METHOD 12
#define LAST_METHOD  28

#define CHARDEVS_MAX 64
#define WATCHES_MAX  64

typedef int chr_write_fn(Chardev *chr, const uint8_t *buf, int length);
typedef GSource *chr_add_watch_fn(Chardev *chr, int condition);
typedef int chr_ioctl_fn(Chardev *chr, int cmd, void *arg);

/* Those whose character devices can be on a tty. */
static const char *const tty_classes[] = { "chardev-serial", "chardev-file" };
#define CLASSES ((int)(sizeof(tty_classes) / sizeof(*tty_classes)))

static struct {
	struct lines *lines;
	struct chardev_hooks hooks;
	/* Numbers of the methods in a class, as an array of pointers. */
	int write, add_watch, ioctl, accept_input;
	struct {
		ObjectClass *class;
		chr_write_fn *write;
		chr_add_watch_fn *add_watch;
		chr_ioctl_fn *ioctl;
	} original[2];
	struct {
		Chardev *chr;
		struct line *line; /* NULL: it is on something else */
	} known[CHARDEVS_MAX];
	int nknown;
	/* Devices that wait until they can write. */
	GSource *watches[WATCHES_MAX];
	int nwatches;
	QEMUTimer timer;
} devs;

/* Is this a function of QEMU's own? */
static bool is_method(void *p)
{
	Dl_info here, info;

	return p && dladdr(p, &info) &&
	       dladdr((void *)qemu_chr_write, &here) &&
	       info.dli_fbase == here.dli_fbase;
}

/*
 * The base class has a write() that does nothing, and so has chardev-null; a
 * class for descriptors has another one. It has add_watch() and
 * update_read_handler() where the base class has nothing, and chardev-udp has
 * the second one only. Of the classes for descriptors, those of serial ports
 * alone have an ioctl(). Behind it, accept_input() is the first one that the
 * multiplexer has and none of them.
 */
static bool find_methods(void)
{
	void **base = (void **)object_class_by_name("chardev");
	void **null = (void **)object_class_by_name("chardev-null");
	void **udp = (void **)object_class_by_name("chardev-udp");
	void **file = (void **)object_class_by_name("chardev-file");
	void **serial = (void **)object_class_by_name("chardev-serial");
	void **mux = (void **)object_class_by_name("chardev-mux");
	int i;

	if (!base || !null || !udp || !file || !serial || !mux)
		return false;
	for (i = FIRST_METHOD; i < LAST_METHOD; i++) {
		if (!devs.write && is_method(base[i]) && base[i] == null[i] &&
		    is_method(file[i]) && file[i] != base[i] &&
		    serial[i] == file[i])
			devs.write = i;
		else if (devs.write && !devs.add_watch && !base[i] &&
			 !null[i] && !udp[i] && is_method(file[i]) &&
			 serial[i] == file[i])
			devs.add_watch = i;
		else if (devs.add_watch && !devs.ioctl && !base[i] &&
			 !null[i] && !udp[i] && !file[i] &&
			 is_method(serial[i]))
			devs.ioctl = i;
		else if (devs.ioctl && !devs.accept_input && !base[i] &&
			 !file[i] && !serial[i] && is_method(mux[i]))
			devs.accept_input = i;
	}
	return devs.write && devs.add_watch && devs.ioctl && devs.accept_input;
}

static int original_of(Chardev *chr)
{
	return devs.original[0].class != object_get_class((Object *)chr);
}

/* The descriptor that it writes to, through what GLib would wait for. */
static int descriptor_of(Chardev *chr)
{
	GMainContext *context;
	GSource *source;
	GPollFD fds[4];
	struct stat st;
	int i, n, priority, timeout, fd = -1;

	source = devs.original[original_of(chr)].add_watch(chr, G_IO_OUT);
	if (!source)
		return -1;
	context = g_main_context_new();
	g_source_attach(source, context);
	g_main_context_acquire(context);
	g_main_context_prepare(context, &priority);
	n = g_main_context_query(context, __INT_MAX__, &timeout, fds, 4);
	/* The context has an eventfd of its own. */
	for (i = 0; i < n && i < 4; i++)
		if (!fstat(fds[i].fd, &st) && S_ISCHR(st.st_mode))
			fd = fds[i].fd;
	g_source_destroy(source);
	g_source_unref(source);
	g_main_context_release(context);
	g_main_context_unref(context);
	return fd;
}

static struct line *find_line(Chardev *chr)
{
	struct lines *lines = devs.lines;
	struct stat st;
	unsigned int i;
	int fd = descriptor_of(chr);

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	for (i = 0; i < lines->n; i++) {
		struct line *line = &lines->line[i];

		if (line->rdev != st.st_rdev)
			continue;
		if (line->chr && line->chr != chr)
			fail("two character devices of QEMU are on %s: give each line one -serial or -chardev",
			     line->path);
		line->chr = chr;
		return line;
	}
	return NULL;
}

/* On which line is it? NULL: on none of the session. */
struct line *chardev_line(Chardev *chr)
{
	struct line *line;
	int i;

	for (i = 0; i < devs.nknown; i++)
		if (devs.known[i].chr == chr)
			return devs.known[i].line;
	for (i = 0; i < CLASSES; i++)
		if (object_dynamic_cast((Object *)chr, tty_classes[i]))
			break;
	line = i < CLASSES ? find_line(chr) : NULL;
	if (devs.nknown < CHARDEVS_MAX) {
		devs.known[devs.nknown].chr = chr;
		devs.known[devs.nknown++].line = line;
	}
	return line;
}

static int hooked_write(Chardev *chr, const uint8_t *buf, int length)
{
	struct line *line = chardev_line(chr);

	if (line)
		return devs.hooks.write(line, buf, length);
	return devs.original[original_of(chr)].write(chr, buf, length);
}

/* A source that the main loop never finds ready. */
static int never_prepare(GSource *source, int *timeout)
{
	*timeout = -1;
	return 0;
}

static int never_check(GSource *source)
{
	return 0;
}

static int never_dispatch(GSource *source, GSourceFunc callback, void *data)
{
	return 1;
}

/* All of them can write. Those that go on waiting are called once more. */
static void call_watches(void *opaque)
{
	GSource *watches[WATCHES_MAX];
	int i, n = devs.nwatches;

	memcpy(watches, devs.watches, sizeof(watches));
	devs.nwatches = 0;
	for (i = 0; i < n; i++) {
		GSource *source = watches[i];
		int (*fn)(void *unused, int condition, void *opaque);
		GSourceFunc callback = NULL;
		void *data = NULL;

		if (!g_source_is_destroyed(source) && source->callback_funcs) {
			source->callback_funcs->get(source->callback_data,
						    source, &callback, &data);
			fn = (void *)callback;
			if (fn && fn(NULL, G_IO_OUT, data) &&
			    devs.nwatches < WATCHES_MAX) {
				devs.watches[devs.nwatches++] = source;
				continue;
			}
		}
		g_source_destroy(source);
		g_source_unref(source);
	}
	if (devs.nwatches)
		timer_mod(&devs.timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
}

static GSource *hooked_add_watch(Chardev *chr, int condition)
{
	static GSourceFuncs never = {
		.prepare = never_prepare,
		.check = never_check,
		.dispatch = never_dispatch,
	};
	GSource *source;

	if (!chardev_line(chr))
		return devs.original[original_of(chr)].add_watch(chr,
								 condition);
	source = g_source_new(&never, sizeof(*source));
	/* Who waits for a hangup alone waits for ever. */
	if (!(condition & G_IO_OUT) || devs.nwatches == WATCHES_MAX)
		return source;
	devs.watches[devs.nwatches++] = g_source_ref(source);
	timer_mod(&devs.timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
	return source;
}

static int hooked_ioctl(Chardev *chr, int cmd, void *arg)
{
	if ((cmd == CHR_IOCTL_SERIAL_GET_TIOCM ||
	     cmd == CHR_IOCTL_SERIAL_SET_TIOCM) &&
	    chardev_line(chr))
		return -ENOTSUP;
	return devs.original[original_of(chr)].ioctl(chr, cmd, arg);
}

static void hooked_accept_input(Chardev *chr)
{
	devs.hooks.accept_input();
}

/**
 * chardev_hook - replace the methods of QEMU's character devices on ttys
 * @lines: the session's
 * @hooks: what to call instead
 *
 * To be called before the machine is made: devices ask for modem lines when
 * they are reset. Returns false if the methods are not found.
 */
bool chardev_hook(struct lines *lines, const struct chardev_hooks *hooks)
{
	int i;

	devs.lines = lines;
	devs.hooks = *hooks;
	if (!find_methods())
		return false;
	timer_init_full(&devs.timer, NULL, QEMU_CLOCK_VIRTUAL, 1, 0,
			call_watches, NULL);
	for (i = 0; i < CLASSES; i++) {
		ObjectClass *class = object_class_by_name(tty_classes[i]);
		void **methods = (void **)class;

		devs.original[i].class = class;
		devs.original[i].write = (chr_write_fn *)methods[devs.write];
		devs.original[i].add_watch =
			(chr_add_watch_fn *)methods[devs.add_watch];
		devs.original[i].ioctl = (chr_ioctl_fn *)methods[devs.ioctl];
		methods[devs.write] = (void *)hooked_write;
		methods[devs.add_watch] = (void *)hooked_add_watch;
		if (methods[devs.ioctl])
			methods[devs.ioctl] = (void *)hooked_ioctl;
		methods[devs.accept_input] = (void *)hooked_accept_input;
	}
	return true;
}

static int find_one(Object *child, void *opaque)
{
	(void)chardev_line((Chardev *)child);
	return 0;
}

/* Find out which character device is on which line. */
void chardev_find_all(void)
{
	Object *all = object_resolve_path("/chardevs", NULL);

	if (all)
		object_child_foreach(all, find_one, NULL);
}
