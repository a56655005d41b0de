/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between the kernels that crr is built for. dkms.conf states
 * the same range.
 */
#ifndef _CRR_COMPAT_H
#define _CRR_COMPAT_H

#include <linux/crc32.h>
#include <linux/crc32c.h>
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

/*
 * Before 6.14 crc32c() is a call of the crypto API, which takes a hundred
 * instructions before it comes to the first byte, and saves the registers of
 * the FPU when there are more than 512. What an emulator writes at once, 2,048
 * bytes at most, is as soon done with the processor's own instruction; where
 * there is none, a few bytes are sooner done with a table.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
static __always_inline u32 crr_crc32c(u32 crc, const u8 *data, size_t length)
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

#endif /* _CRR_COMPAT_H */
