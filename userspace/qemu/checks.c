// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What would make a replay diverge is found before the machine starts: whatever
 * depends on the host's clock, or is done by another thread than the CPU's at a
 * moment that no replay repeats.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crr-qemu.h"

/* ---- What the plugin needs of QEMU ---- */

#define NEEDED(name) { #name, (const void *)&name }

static const struct {
	const char *name;
	const void *symbol;
} needed[] = {
	NEEDED(all_cpu_threads_idle),
	NEEDED(async_run_on_cpu),
	NEEDED(cpu_is_stopped),
	NEEDED(error_free),
	NEEDED(g_free),
	NEEDED(g_main_context_acquire),
	NEEDED(g_main_context_new),
	NEEDED(g_main_context_prepare),
	NEEDED(g_main_context_query),
	NEEDED(g_main_context_release),
	NEEDED(g_main_context_unref),
	NEEDED(g_source_attach),
	NEEDED(g_source_destroy),
	NEEDED(g_source_is_destroyed),
	NEEDED(g_source_new),
	NEEDED(g_source_ref),
	NEEDED(g_source_unref),
	NEEDED(icount_start_warp_timer),
	NEEDED(main_loop_poll_add_notifier),
	NEEDED(object_child_foreach),
	NEEDED(object_child_foreach_recursive),
	NEEDED(object_class_by_name),
	NEEDED(object_dynamic_cast),
	NEEDED(object_get_canonical_path_component),
	NEEDED(object_get_class),
	NEEDED(object_get_root),
	NEEDED(object_get_typename),
	NEEDED(object_property_find),
	NEEDED(object_property_get_bool),
	NEEDED(object_property_get_str),
	NEEDED(object_resolve_path),
	NEEDED(qdev_prop_register_global),
	NEEDED(qdict_get_qdict),
	NEEDED(qdict_get_try_bool),
	NEEDED(qdict_get_try_str),
	NEEDED(qdict_haskey),
	NEEDED(qdict_new),
	NEEDED(qemu_add_vm_change_state_handler),
	NEEDED(qemu_chr_be_can_write),
	NEEDED(qemu_chr_be_write_impl),
	NEEDED(qemu_chr_write),
	NEEDED(qemu_clock_deadline_ns_all),
	NEEDED(qemu_clock_get_ns),
	NEEDED(qemu_find_net_clients_except),
	NEEDED(qemu_find_opts_err),
	NEEDED(qemu_get_cpu),
	NEEDED(qemu_guest_random_seed_thread_part1),
	NEEDED(qemu_opt_get),
	NEEDED(qemu_opt_get_bool),
	NEEDED(qemu_opts_find),
	NEEDED(qemu_opts_foreach),
	NEEDED(qemu_register_shutdown_notifier),
	NEEDED(qemu_shutdown_requested_get),
	NEEDED(qlist_pop),
	NEEDED(qmp_marshal_query_block),
	NEEDED(qmp_quit),
	NEEDED(qtest_allowed),
	NEEDED(replay_mode),
	NEEDED(rtc_clock),
	NEEDED(runstate_is_running),
	NEEDED(timer_init_full),
	NEEDED(timer_mod),
	NEEDED(use_icount),
	NEEDED(vm_stop),
};

/* The first function or variable that this QEMU does not export; or NULL. */
const char *qemu_missing(void)
{
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!needed[i].symbol)
			return needed[i].name;
	if (!bql_lock_impl && !qemu_mutex_lock_iothread_impl)
		return "bql_lock_impl";
	if (!bql_unlock && !qemu_mutex_unlock_iothread)
		return "bql_unlock";
	return NULL;
}

/* ---- Options ---- */

static QemuOpts *options(const char *group)
{
	QemuOptsList *list = qemu_find_opts_err(group, NULL);

	return list ? qemu_opts_find(list, NULL) : NULL;
}

static unsigned int check_icount(void)
{
	QemuOpts *opts = options("icount");

	if (use_icount != ICOUNT_PRECISE || !opts ||
	    qemu_opt_get_bool(opts, "sleep", true)) {
		warn("the guest's clock depends on the host's: add -icount shift=3,sleep=off, or another shift of 0 to 10 (2^shift ns per instruction)");
		return 1;
	}
	if (replay_mode) {
		warn("-icount rr= records the same lines itself: leave it out");
		return 1;
	}
	return 0;
}

static unsigned int check_rtc(void)
{
	QemuOpts *opts = options("rtc");
	const char *base = opts ? qemu_opt_get(opts, "base") : NULL;

	if (rtc_clock == QEMU_CLOCK_VIRTUAL && base && strcmp(base, "utc") &&
	    strcmp(base, "localtime"))
		return 0;
	warn("the real-time clock is the host's: add -rtc base=2024-01-01T00:00:00,clock=vm, or another date");
	return 1;
}

static unsigned int check_seed(void)
{
	if (qemu_guest_random_seed_thread_part1())
		return 0;
	warn("random numbers differ from run to run: add -seed 1, or another number");
	return 1;
}

static unsigned int check_semihosting(void)
{
	if (!semihosting_enabled || !semihosting_enabled(false))
		return 0;
	warn("semihosting lets the guest read the host's clock and files: leave it out");
	return 1;
}

static unsigned int check_network(void)
{
	NetClientState *clients[1];

	if (qemu_find_net_clients_except(NULL, clients, NET_CLIENT_DRIVER_NIC,
					 1) <= 0)
		return 0;
	warn("the machine is on a network, which is not recorded: add -nic none");
	return 1;
}

/* ---- Disks ---- */

/* Devices that do their I/O while the guest waits; others finish at any time. */
static const char *const synchronous[] = {
	"cfi.pflash01", "cfi.pflash02", "sd-card", "sd-card-spi", "emmc",
	"m25p80-generic", "at24c-eeprom",
};

/* An overlay that QEMU has made for this run, and unlinked. */
static bool is_temporary(const char *path)
{
	const char *name = path ? strrchr(path, '/') : NULL;

	return name && !strncmp(name, "/vl.", 4) && access(path, F_OK);
}

static unsigned int check_drive(const QDict *drive)
{
	const char *id = qdict_get_try_str(drive, "device");
	const char *device = qdict_get_try_str(drive, "qdev");
	const QDict *medium;
	Object *obj;
	size_t i;

	/* Without a device the guest does not see it. */
	if (!qdict_haskey(drive, "inserted") || !device || !*device)
		return 0;
	if (!id || !*id)
		id = device;
	medium = qdict_get_qdict(drive, "inserted");
	obj = object_resolve_path(device, NULL);
	for (i = 0; i < sizeof(synchronous) / sizeof(*synchronous); i++)
		if (obj && object_dynamic_cast(obj, synchronous[i]))
			break;
	if (i == sizeof(synchronous) / sizeof(*synchronous)) {
		warn("drive %s: the guest sees when the host has finished its I/O: leave it out, and use an initrd, -kernel or pflash instead",
		     id);
		return 1;
	}
	if (!qdict_get_try_bool(medium, "ro", false) &&
	    !is_temporary(qdict_get_try_str(medium, "file"))) {
		warn("drive %s is writable, and the next run finds what this one has written: add snapshot=on or readonly=on to its -drive",
		     id);
		return 1;
	}
	return 0;
}

static unsigned int check_drives(void)
{
	QObject *drives = NULL;
	unsigned int faults = 0;
	QObject *drive;

	qmp_marshal_query_block(qdict_new(), &drives, NULL);
	/* They are few, and this is once: nothing is freed. */
	while (drives && (drive = qlist_pop((QList *)drives)))
		faults += check_drive((QDict *)drive);
	return faults;
}

/* ---- Devices ---- */

static const struct {
	const char *type;
	const char *why;
} unsafe[] = {
	{ "virtio-9p*", "gives the guest files of the host" },
	{ "usb-mtp", "gives the guest files of the host" },
	{ "vhost-*", "is served by another process or by the kernel" },
	{ "vfio-*", "is a device of the host's" },
	{ "usb-host", "is a device of the host's" },
	{ "usb-redir", "is a device of another host's" },
	{ "u2f-passthru", "is a device of the host's" },
	{ "ccid-card-*", "is a device of the host's" },
	{ "can-host-*", "is a bus of the host's" },
	{ "ivshmem-*", "shares memory with other processes" },
	{ "rng-*", "gives random numbers at any time" },
	{ "tpm-*", "is served by another process" },
	{ "virtio-crypto*", "works in another thread" },
	{ "cryptodev-*", "works in another thread" },
	{ "virtio-gpu*", "works in another thread" },
	{ "virtio-vga*", "works in another thread" },
	{ "virtio-snd*", "works in another thread" },
	{ "virtio-balloon*", "is driven by the host" },
	{ "virtio-mem*", "is driven by the host" },
	{ "virtio-pmem*", "works in another thread" },
	{ "virtio-input-host*", "is a device of the host's" },
	{ "input-linux", "is a device of the host's" },
	{ "iothread", "is another thread" },
};

/* Every -audiodev is one that plays nothing. */
static bool audio_is_none(void)
{
	static char arguments[1 << 16];
	FILE *file = fopen("/proc/self/cmdline", "re");
	bool any = false, all = true;
	size_t n, i;

	if (!file)
		return false;
	n = fread(arguments, 1, sizeof(arguments) - 1, file);
	fclose(file);
	for (i = 0; i < n; i += strlen(arguments + i) + 1) {
		const char *driver = arguments + i + strlen(arguments + i) + 1;

		if (strcmp(arguments + i, "-audiodev") &&
		    strcmp(arguments + i, "--audiodev"))
			continue;
		if (!strncmp(driver, "driver=", 7))
			driver += 7;
		any = true;
		all &= !strncmp(driver, "none", 4);
	}
	return any && all;
}

static bool has_audio(Object *obj)
{
	char *id;
	bool set;

	if (!object_property_find(obj, "audiodev"))
		return false;
	id = object_property_get_str(obj, "audiodev", NULL);
	set = id && *id;
	g_free(id);
	/* The machine itself, and PCs' speaker, have none unless told to. */
	if (!set && (object_dynamic_cast(obj, "machine") ||
		     object_dynamic_cast(obj, "isa-pcspk")))
		return false;
	return !(set && audio_is_none());
}

static int check_device(Object *obj, void *opaque)
{
	const char *type = object_get_typename(obj);
	unsigned int *faults = opaque;
	size_t i;

	for (i = 0; i < sizeof(unsafe) / sizeof(*unsafe); i++) {
		if (fnmatch(unsafe[i].type, type, 0))
			continue;
		warn("device %s %s: leave it out", type, unsafe[i].why);
		++*faults;
		return 0;
	}
	if (has_audio(obj)) {
		warn("device %s plays on the host, whose time it sees: leave it out, or give it -audiodev none,id=ID",
		     type);
		++*faults;
	}
	if (object_property_find(obj, "ioeventfd") &&
	    object_property_get_bool(obj, "ioeventfd", NULL)) {
		warn("device %s is served by another thread: add ioeventfd=off to its -device",
		     type);
		++*faults;
	}
	if (object_dynamic_cast(obj, "memory-backend") &&
	    object_property_get_bool(obj, "share", NULL)) {
		warn("%s shares the guest's memory with others: add share=off to its -object",
		     type);
		++*faults;
	}
	return 0;
}

/* ---- Character devices that are not the session's ---- */

struct monitor {
	const char *chardev;
	bool found;
};

static int is_monitor(void *opaque, QemuOpts *opts, Error **errp)
{
	const char *chardev = qemu_opt_get(opts, "chardev");
	struct monitor *monitor = opaque;

	monitor->found |= chardev && !strcmp(chardev, monitor->chardev);
	return 0;
}

/* A debugger's or a monitor's: what they do is the user's doing. */
static bool is_control(const char *name)
{
	struct monitor monitor = { .chardev = name };
	QemuOptsList *list = qemu_find_opts_err("mon", NULL);

	if (!strncmp(name, "gdb", 3))
		return true;
	if (list)
		qemu_opts_foreach(list, is_monitor, &monitor, NULL);
	return monitor.found;
}

static int check_chardev(Object *obj, void *opaque)
{
	/* They have no input, and take all output at once. */
	static const char *const mute[] = {
		"chardev-null", "chardev-ringbuf", "chardev-vc",
		/* The debugger's console. */
		"chardev-gdb",
	};
	const char *type = object_get_typename(obj);
	const char *name = object_get_canonical_path_component(obj);
	unsigned int *faults = opaque;
	size_t i, length = strlen(name);
	bool mine = chardev_line((Chardev *)obj);

	/* The base of one that several share: -serial mon:PATH */
	if (mine && length > 5 && !strcmp(name + length - 5, "-base")) {
		warn("chardev %s is shared with the monitor, or with another device: give the line a -serial or -chardev of its own",
		     name);
		++*faults;
	}
	for (i = 0; i < sizeof(mute) / sizeof(*mute); i++)
		mine |= !strcmp(type, mute[i]);
	if (!mine && strcmp(type, "chardev-file") && !is_control(name)) {
		warn("chardev %s (%s) is not recorded: give it a tty of the session, or 'null'",
		     name, type + strlen("chardev-"));
		++*faults;
	}
	return 0;
}

/* ---- All of it ---- */

/* Prints each fault, and returns how many there are. */
unsigned int check_machine(void)
{
	Object *chardevs = object_resolve_path("/chardevs", NULL);
	unsigned int faults = 0;

	faults += check_icount();
	faults += check_rtc();
	faults += check_seed();
	faults += check_semihosting();
	faults += check_network();
	faults += check_drives();
	object_child_foreach_recursive(object_get_root(), check_device,
				       &faults);
	if (chardevs)
		object_child_foreach(chardevs, check_chardev, &faults);
	return faults;
}

/*
 * QEMU shortens what the CPU executes at a time for timers of the host's clock,
 * which a display has. It is not there yet when the machine starts.
 */
bool check_host_timers(void)
{
	if (qemu_clock_deadline_ns_all(QEMU_CLOCK_REALTIME,
				       (int)QEMU_TIMER_ATTR_ALL) < 0)
		return true;
	warn("a display, or something else with a timer of the host's clock, is in use, which would make a replay diverge: add -display none");
	return false;
}
