/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FIX_H
#define FIX_H

#include <stddef.h>
#include <stdint.h>

void fix_log(uint8_t *data, size_t size);

#endif /* FIX_H */
