/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What crr-qemu.so uses of QEMU.
 *
 * A QEMU that is built with modules exports its global functions. All of them
 * are declared weak, so that one binary can be loaded by any QEMU: what that
 * QEMU does not export is NULL. qemu_missing() has the list of what is needed.
 * Only types that QEMU has not changed since 7.2 are declared here; everything
 * else is opaque.
 */
#ifndef CRR_QEMU_H
#define CRR_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct CPUState CPUState;
typedef struct Chardev Chardev;
typedef struct Error Error;
typedef struct GMainContext GMainContext;
typedef struct NetClientState NetClientState;
typedef struct Object Object;
typedef struct ObjectClass ObjectClass;
typedef struct QDict QDict;
typedef struct QList QList;
typedef struct QObject QObject;
typedef struct QemuOpts QemuOpts;
typedef struct QemuOptsList QemuOptsList;

#define WEAK __attribute__((weak))

/* ---- Plugins ---- */

typedef struct qemu_info_t {
	const char *target_name;
	struct {
		int min;
		int cur;
	} version;
	bool system_emulation;
	struct {
		int smp_vcpus;
		int max_vcpus;
	} system;
} qemu_info_t;

/* What a plugin exports. */
extern int qemu_plugin_version;
int qemu_plugin_install(uint64_t id, const qemu_info_t *info, int argc,
			char **argv);

/* These tell one version of the plugin interface from another. */
WEAK void qemu_plugin_scoreboard_new(void);
WEAK void qemu_plugin_read_memory_vaddr(void);
WEAK void qemu_plugin_write_memory_vaddr(void);
WEAK void qemu_plugin_register_vcpu_discon_cb(void);
WEAK void qemu_plugin_register_vcpu_syscall_filter_cb(void);

/* The version of the interface: that of the newest function that is there. */
static inline int qemu_newest_version(void)
{
	if (qemu_plugin_register_vcpu_syscall_filter_cb)
		return 7;
	if (qemu_plugin_register_vcpu_discon_cb)
		return 6;
	if (qemu_plugin_write_memory_vaddr)
		return 5;
	if (qemu_plugin_read_memory_vaddr)
		return 4;
	return qemu_plugin_scoreboard_new ? 2 : 1;
}

/* ---- Clocks and timers ---- */

enum {
	QEMU_CLOCK_REALTIME,
	QEMU_CLOCK_VIRTUAL,
};

#define QEMU_TIMER_ATTR_EXTERNAL 1
#define QEMU_TIMER_ATTR_ALL	 0xffffffff

#define ICOUNT_PRECISE 1

/* 48 bytes in all versions so far. */
typedef struct QEMUTimer {
	long space[16];
} QEMUTimer;

WEAK int64_t qemu_clock_get_ns(int clock);
WEAK int64_t qemu_clock_deadline_ns_all(int clock, int attributes);
WEAK void timer_init_full(QEMUTimer *timer, void *group, int clock, int scale,
			  int attributes, void (*fn)(void *), void *opaque);
WEAK void timer_mod(QEMUTimer *timer, int64_t expires);
WEAK void timer_del(QEMUTimer *timer);
WEAK void icount_start_warp_timer(void);
WEAK extern int use_icount;
WEAK extern int rtc_clock;
WEAK extern int replay_mode;
WEAK extern bool qtest_allowed;

/* One instruction in each translated block: the first to 8.0, then the second. */
WEAK extern int singlestep;
WEAK extern bool one_insn_per_tb;

/* ---- CPUs, the machine, the main loop ---- */

typedef union {
	int host_int;
	unsigned long host_ulong;
	void *host_ptr;
	uint64_t target_ptr;
} run_on_cpu_data;

WEAK CPUState *qemu_get_cpu(int index);
WEAK bool all_cpu_threads_idle(void);
WEAK bool cpu_is_stopped(CPUState *cpu);
WEAK void async_run_on_cpu(CPUState *cpu,
			   void (*fn)(CPUState *cpu, run_on_cpu_data data),
			   run_on_cpu_data data);

/* The big lock: the first pair to 8.2, the second one from 9.0. */
WEAK void qemu_mutex_lock_iothread_impl(const char *file, int line);
WEAK void qemu_mutex_unlock_iothread(void);
WEAK void bql_lock_impl(const char *file, int line);
WEAK void bql_unlock(void);

#define RUN_STATE_PAUSED	     4
#define SHUTDOWN_CAUSE_GUEST_SHUTDOWN 6
#define SHUTDOWN_CAUSE_GUEST_PANIC    8

WEAK bool runstate_is_running(void);
WEAK void *qemu_add_vm_change_state_handler(void (*fn)(void *, bool, int),
					    void *opaque);
WEAK int vm_stop(int state);
WEAK void qmp_quit(Error **errp);
WEAK int qemu_shutdown_requested_get(void);

typedef struct Notifier {
	void (*notify)(struct Notifier *notifier, void *data);
	void *node[2];
} Notifier;

enum {
	MAIN_LOOP_POLL_FILL,
	MAIN_LOOP_POLL_ERR,
	MAIN_LOOP_POLL_OK,
};

typedef struct MainLoopPoll {
	int state;
	uint32_t timeout; /* in milliseconds */
	void *pollfds;
} MainLoopPoll;

WEAK void main_loop_poll_add_notifier(Notifier *notifier);
WEAK void qemu_register_shutdown_notifier(Notifier *notifier);

/* ---- Objects, options ---- */

WEAK Object *object_get_root(void);
WEAK Object *object_resolve_path(const char *path, bool *ambiguous);
WEAK int object_child_foreach(Object *parent,
			      int (*fn)(Object *child, void *opaque),
			      void *opaque);
WEAK int object_child_foreach_recursive(Object *parent,
					int (*fn)(Object *child, void *opaque),
					void *opaque);
WEAK const char *object_get_typename(const Object *obj);
WEAK const char *object_get_canonical_path_component(const Object *obj);
WEAK ObjectClass *object_get_class(Object *obj);
WEAK ObjectClass *object_class_by_name(const char *name);
WEAK Object *object_dynamic_cast(Object *obj, const char *name);
WEAK void *object_property_find(Object *obj, const char *name);
WEAK bool object_property_get_bool(Object *obj, const char *name, Error **errp);
WEAK char *object_property_get_str(Object *obj, const char *name,
				   Error **errp);

typedef struct GlobalProperty {
	const char *driver;
	const char *property;
	const char *value;
	bool used;
	bool optional;
} GlobalProperty;

WEAK void qdev_prop_register_global(GlobalProperty *prop);

WEAK QemuOptsList *qemu_find_opts_err(const char *group, Error **errp);
WEAK QemuOpts *qemu_opts_find(QemuOptsList *list, const char *id);
WEAK const char *qemu_opt_get(QemuOpts *opts, const char *name);
WEAK bool qemu_opt_get_bool(QemuOpts *opts, const char *name, bool def);
WEAK int qemu_opts_foreach(QemuOptsList *list,
			   int (*fn)(void *opaque, QemuOpts *opts,
				     Error **errp),
			   void *opaque, Error **errp);
WEAK void error_free(Error *err);

/* ---- What the guest has ---- */

#define NET_CLIENT_DRIVER_NIC 1

WEAK int qemu_find_net_clients_except(const char *id, NetClientState **clients,
				      int type, int max);
WEAK uint64_t qemu_guest_random_seed_thread_part1(void);
WEAK bool semihosting_enabled(bool is_user);

WEAK QDict *qdict_new(void);
WEAK int qdict_haskey(const QDict *dict, const char *key);
WEAK QDict *qdict_get_qdict(const QDict *dict, const char *key);
WEAK bool qdict_get_try_bool(const QDict *dict, const char *key, bool def);
WEAK const char *qdict_get_try_str(const QDict *dict, const char *key);
WEAK QObject *qlist_pop(QList *list);
WEAK void qmp_marshal_query_block(QDict *args, QObject **ret, Error **errp);

/* ---- Character devices ---- */

WEAK int qemu_chr_be_can_write(Chardev *chr);
WEAK void qemu_chr_be_write_impl(Chardev *chr, const uint8_t *buf, int length);
WEAK int qemu_chr_write(Chardev *chr, const uint8_t *buf, int length, bool all);

#define CHR_IOCTL_SERIAL_SET_TIOCM 13
#define CHR_IOCTL_SERIAL_GET_TIOCM 14

/* ---- GLib ---- */

typedef struct GPollFD {
	int fd;
	unsigned short events;
	unsigned short revents;
} GPollFD;

#define G_IO_OUT 4

typedef int (*GSourceFunc)(void *data);
typedef struct GSource GSource;

typedef struct GSourceCallbackFuncs {
	void (*ref)(void *data);
	void (*unref)(void *data);
	void (*get)(void *data, GSource *source, GSourceFunc *fn, void **arg);
} GSourceCallbackFuncs;

typedef struct GSourceFuncs {
	int (*prepare)(GSource *source, int *timeout);
	int (*check)(GSource *source);
	int (*dispatch)(GSource *source, GSourceFunc callback, void *data);
	void (*finalize)(GSource *source);
	void *reserved[2];
} GSourceFuncs;

/* Part of GLib's ABI, and 96 bytes there. */
struct GSource {
	void *callback_data;
	GSourceCallbackFuncs *callback_funcs;
	void *rest[14];
};

WEAK void g_free(void *mem);
WEAK GMainContext *g_main_context_new(void);
WEAK void g_main_context_unref(GMainContext *context);
WEAK int g_main_context_acquire(GMainContext *context);
WEAK void g_main_context_release(GMainContext *context);
WEAK int g_main_context_prepare(GMainContext *context, int *priority);
WEAK int g_main_context_query(GMainContext *context, int max_priority,
			      int *timeout, GPollFD *fds, int n);
WEAK unsigned int g_source_attach(GSource *source, GMainContext *context);
WEAK void g_source_destroy(GSource *source);
WEAK int g_source_is_destroyed(GSource *source);
WEAK GSource *g_source_new(GSourceFuncs *funcs, unsigned int size);
WEAK GSource *g_source_ref(GSource *source);
WEAK void g_source_unref(GSource *source);

#endif
