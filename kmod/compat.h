/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All differences between the kernels that crr builds for. dkms.conf has the
 * same lower bound; there is no upper one.
 */
#ifndef _CRR_COMPAT_H
#define _CRR_COMPAT_H

#include <linux/crc32.h>
#include <linux/crc32c.h>
#include <linux/mm.h>
#include <linux/relay.h>
#include <linux/thread_info.h>
#include <linux/tty.h>
#include <linux/tty_ldisc.h>
#include <linux/version.h>

/*
 * 5.12 "tty: convert tty_ldisc_ops 'read()' function to take a kernel pointer",
 * and with it the cookie. 5.10 has it, too, and 5.10.21 its corrections.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 21)
#error "crr needs Linux 5.10.21 or newer"
#endif
#ifndef CONFIG_64BIT
#error "crr's clock pages need a kernel that loads and stores 64 bits at once"
#endif

/*
 * The newest kernel on which the selftests have run. On a newer one the module
 * builds if it can, and says so when it is loaded. CONTRIBUTING.md says how to
 * raise it.
 */
#define CRR_TESTED_MAJOR 7
#define CRR_TESTED_MINOR 3

static inline bool crr_kernel_is_untested(void)
{
	return LINUX_VERSION_CODE >=
	       KERNEL_VERSION(CRR_TESTED_MAJOR, CRR_TESTED_MINOR + 1, 0);
}

/*
 * 6.6 "tty: use u8 for flags", "tty: ldops: unify to u8" and what is near them:
 * the tty layer takes u8 and size_t for characters and their number.
 * 5.14 "tty: make fp of tty_ldisc_ops::receive_buf{,2} const".
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
typedef const u8 crr_flag_t;
typedef size_t crr_count_t;
typedef size_t crr_lookahead_t;
#else
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
typedef const char crr_flag_t;
#else
typedef char crr_flag_t;
#endif
typedef int crr_count_t;
typedef unsigned int crr_lookahead_t;
#endif

/* 6.3 "mm: introduce vma->vm_flags wrapper functions". */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_mod(struct vm_area_struct *vma,
				unsigned long set, unsigned long clear)
{
	vma->vm_flags |= set;
	vma->vm_flags &= ~clear;
}
#endif

/*
 * Before 6.14 crc32c() is a call of the crypto API, which takes a hundred
 * instructions before the first byte, and saves the registers of the FPU for
 * more than 512 bytes. For what an emulator writes at once, at most 2,048
 * bytes, the processor's own instruction is as fast: it saves 15% of a write(2)
 * of 2,048 bytes, and 8% of one of 1 byte. Without that instruction a table is
 * faster for a few bytes.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
static inline u32 crr_crc32c(u32 crc, const u8 *data, size_t length)
{
#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
	if (static_cpu_has(X86_FEATURE_XMM4_2)) {
		for (; length >= 128; length -= 128) {
			size_t i;

#pragma GCC unroll 16
			for (i = 0; i < 16; i++, data += 8)
				asm("crc32q %1, %q0" : "+r" (crc)
				    : "m" (*(const u64 *)data));
		}
		for (; length >= 8; data += 8, length -= 8)
			asm("crc32q %1, %q0" : "+r" (crc)
			    : "m" (*(const u64 *)data));
		for (; length; data++, length--)
			asm("crc32b %1, %0" : "+r" (crc) : "m" (*data));
		return crc;
	}
#endif
	return length < 32 ? __crc32c_le(crc, data, length) :
			     crc32c(crc, data, length);
}
#else
#define crr_crc32c(crc, data, length) crc32c(crc, data, length)
#endif

/* 6.1 "tty: Make ldisc ->set_termios() old ktermios const". */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
typedef const struct ktermios crr_ktermios_t;
#else
typedef struct ktermios crr_ktermios_t;
#endif

/* 6.0 "tty: Implement lookahead to process XON/XOFF timely". */
typedef void crr_lookahead_fn(struct tty_struct *tty, const u8 *cp,
			      const u8 *fp, crr_lookahead_t count);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)
static inline void crr_set_lookahead(struct tty_ldisc_ops *ops,
				     crr_lookahead_fn *lookahead)
{
	ops->lookahead_buf = lookahead;
}

static inline crr_lookahead_fn *crr_lookahead(const struct tty_ldisc_ops *ops)
{
	return ops->lookahead_buf;
}
#else
static inline void crr_set_lookahead(struct tty_ldisc_ops *ops,
				     crr_lookahead_fn *lookahead)
{
}

static inline crr_lookahead_fn *crr_lookahead(const struct tty_ldisc_ops *ops)
{
	return NULL;
}
#endif

/*
 * 5.17 "tty: remove file from tty_ldisc_ops::ioctl and compat_ioctl". A
 * parameter, and an argument, with their commas.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 17, 0)
#define CRR_FILE_PARAMETER
#define CRR_FILE
#else
#define CRR_FILE_PARAMETER	struct file *file,
#define CRR_FILE		file,
#endif

/*
 * 5.16 "tty: make tty_ldisc_ops::hangup return void". linux-5.10.y took it over
 * late in 2026, and others may: so no version says which it is, but the header
 * does.
 */
typedef typeof(((struct tty_ldisc_ops *)NULL)->hangup(NULL)) crr_hangup_t;

/*
 * 5.14 "tty: cumulate and document tty_struct::ctrl* members";
 * "tty: set tty_ldisc_ops::num statically";
 * "tty: make tty_ldisc_ops a param in tty_unregister_ldisc".
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
static inline const struct pid *crr_tty_session(const struct tty_struct *tty)
{
	return READ_ONCE(tty->ctrl.session);
}

static inline int crr_tty_register(struct tty_ldisc_ops *ops)
{
	return tty_register_ldisc(ops);
}

static inline void crr_tty_unregister(struct tty_ldisc_ops *ops)
{
	tty_unregister_ldisc(ops);
}
#else
static inline const struct pid *crr_tty_session(const struct tty_struct *tty)
{
	return READ_ONCE(tty->session);
}

static inline int crr_tty_register(struct tty_ldisc_ops *ops)
{
	return tty_register_ldisc(ops->num, ops);
}

static inline void crr_tty_unregister(struct tty_ldisc_ops *ops)
{
	tty_unregister_ldisc(ops->num);
}
#endif

/*
 * 5.11 "relay: allow the use of const callback structs": before, relay itself
 * fills in missing callbacks.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 11, 0)
typedef const struct rchan_callbacks crr_rchan_callbacks_t;
#else
typedef struct rchan_callbacks crr_rchan_callbacks_t;
#endif

/*
 * 5.11 "kernel: implement support for TIF_NOTIFY_SIGNAL", which 5.10.162 has,
 * too: it makes signal_pending() true without a signal.
 */
#ifdef TIF_NOTIFY_SIGNAL
#define CRR_TIF_NO_SIGNAL	TIF_NOTIFY_SIGNAL
#else
#define CRR_TIF_NO_SIGNAL	TIF_SIGPENDING
#endif

#endif /* _CRR_COMPAT_H */
