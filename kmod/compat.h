/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between the kernels that crr is built for. dkms.conf states
 * the same range.
 */
#ifndef _CRR_COMPAT_H
#define _CRR_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "crr needs Linux 6.1 or newer"
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#error "crr has not been tried on Linux 6.13 or newer"
#endif
#ifndef CONFIG_64BIT
#error "crr's clock pages need a kernel that loads and stores 64 bits at once"
#endif

/* 6.6: the tty layer takes u8 and size_t for characters and their number. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
typedef u8 crr_flag_t;
typedef size_t crr_count_t;
typedef size_t crr_received_t;
typedef size_t crr_lookahead_t;
#else
typedef char crr_flag_t;
typedef int crr_count_t;
typedef int crr_received_t;
typedef unsigned int crr_lookahead_t;
#endif

/* 6.3: a mapping's flags are changed through accessors. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_mod(struct vm_area_struct *vma,
				unsigned long set, unsigned long clear)
{
	vma->vm_flags |= set;
	vma->vm_flags &= ~clear;
}
#endif

#endif /* _CRR_COMPAT_H */
