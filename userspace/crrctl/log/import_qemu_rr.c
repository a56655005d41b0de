// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Import logs of QEMU's own record/replay. They hold all events that QEMU replays;
 * the reads and writes of character devices become records.
 *
 * The numbers and the layout of events depend on the version of QEMU, and versions
 * of the log do not tell all of them apart. For logs older than those of QEMU 7.2
 * every known layout is tried. A layout fits if it leads to END exactly at the end
 * of the file. All that fit must agree on the events of character devices.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "import.h"

#define VERSION_OLDEST 0xe02003U
#define VERSION_KNOWN  0xe0200cU
#define HEADER_LENGTH  12U

enum event {
	EVENT_INSTRUCTION = 0,
	EVENT_INTERRUPT = 1,
	EVENT_EXCEPTION = 2,
	EVENT_ASYNC = 3,
};

/* What identifies an asynchronous event. */
enum async {
	ASYNC_BY_EVENT,		 /* each has its own number; since 0xe0200c */
	ASYNC_BY_KIND,		 /* u8 kind; in 0xe0200b */
	ASYNC_BY_CHECKPOINT,	 /* u8 checkpoint, u8 kind; earlier */
};

enum kind {
	KIND_BH,
	KIND_BH_ONESHOT,
	KIND_INPUT,
	KIND_INPUT_SYNC,
	KIND_CHAR_READ,
	KIND_BLOCK,
	KIND_NET,
	N_KINDS,
};

/**
 * struct layout - the layout of a version of QEMU
 * @async: what identifies an asynchronous event
 * @oneshot: BH_ONESHOT exists
 * @shutdowns: how many numbers SHUTDOWN has
 * @random: RANDOM exists
 * @checkpoints: number of checkpoints
 */
struct layout {
	enum async async;
	bool oneshot;
	unsigned int shutdowns;
	bool random;
	unsigned int checkpoints;
};

static const struct layout layout_7_2 = {
	.async = ASYNC_BY_EVENT,
	.oneshot = true,
	.shutdowns = 12,
	.random = true,
	.checkpoints = 9,
};

/**
 * struct walk - a walk through a log
 * @in: the import
 * @layout: the layout to assume
 * @at: offset of the next byte
 * @event: offset of the present event
 * @icount: number of instructions so far
 * @seen: which chardevs have read
 * @nameless: there was an event that does not name its chardev
 * @emit: write records; else only check the layout
 * @stream: stream of each chardev
 * @ended: END was found
 * @hash: FNV-1a of all that becomes records
 */
struct walk {
	struct import *in;
	struct layout layout;
	size_t at;
	size_t event;
	uint64_t icount;
	bool seen[256];
	bool nameless;
	bool emit;
	uint16_t stream[256];
	bool ended;
	uint64_t hash;
};

/* Maximum length of a write that is plausible. */
#define TRANSFER_MAX (1U << 20)

static void hash(struct walk *walk, const void *bytes, uint64_t length)
{
	const unsigned char *p = bytes;

	for (; length; length--)
		walk->hash = (walk->hash ^ *p++) * 0x100000001b3ULL;
}

/* Add an event and its place to the hash. */
static void hash_event(struct walk *walk, const char *what, uint64_t a,
		       uint64_t b)
{
	uint64_t all[] = { walk->icount, (unsigned char)*what, a, b };

	hash(walk, all, sizeof(all));
}

static int cut(struct walk *walk)
{
	return import_fail(walk->in, walk->event,
			   "the file ends in the middle of an event");
}

static int get(struct walk *walk, unsigned int bytes, uint64_t *n)
{
	const unsigned char *p = walk->in->bytes + walk->at;

	*n = 0;
	if (bytes > walk->in->length - walk->at)
		return cut(walk);
	walk->at += bytes;
	for (; bytes; bytes--)
		*n = *n << 8 | *p++;
	return 0;
}

static int skip(struct walk *walk, uint64_t bytes)
{
	if (bytes > walk->in->length - walk->at)
		return cut(walk);
	walk->at += (size_t)bytes;
	return 0;
}

static int skip_array(struct walk *walk)
{
	uint64_t length;

	return get(walk, 4, &length) || skip(walk, length);
}

/* ---- Events that become records ---- */

/* The chardev of events that do not name one. */
static int nameless(const struct walk *walk)
{
	int i, only = 0;

	if (walk->in->writes_to >= 0)
		return walk->in->writes_to;
	for (i = 0; i < 256; i++)
		if (walk->seen[i])
			only = i;
	return only;
}

static int put_read(struct walk *walk, int chardev, const unsigned char *bytes,
		    uint64_t length)
{
	struct crr_record rec = {
		.type = CRR_TYPE_READ,
		.stream = walk->stream[chardev],
		.counter = walk->icount,
	};

	for (; walk->emit && length; length -= rec.data_length) {
		rec.data = bytes;
		rec.data_length = length < CRR_READ_MAX ? (uint32_t)length :
							  CRR_READ_MAX;
		bytes += rec.data_length;
		if (import_put(walk->in, &rec, walk->event))
			return -1;
	}
	return 0;
}

/* u8 chardev (not in READ_ALL), u32 length, bytes */
static int char_read(struct walk *walk, bool named)
{
	const unsigned char *bytes;
	uint64_t chardev = 0, length;

	if ((named && get(walk, 1, &chardev)) || get(walk, 4, &length))
		return -1;
	bytes = walk->in->bytes + walk->at;
	if (skip(walk, length))
		return -1;
	hash_event(walk, named ? "read" : "all", chardev, length);
	hash(walk, bytes, length);
	if (named)
		walk->seen[chardev] = true;
	else
		walk->nameless = true;
	return put_read(walk, named ? (int)chardev : nameless(walk), bytes,
			length);
}

static int read_all_error(struct walk *walk)
{
	struct crr_record rec = { .type = CRR_TYPE_READ_ERROR };
	uint64_t n;
	int64_t error;

	if (get(walk, 4, &n))
		return -1;
	walk->nameless = true;
	hash_event(walk, "error", n, 0);
	error = -(int64_t)(int32_t)(uint32_t)n;
	if (error <= 0 || error > CRR_ERRNO_MAX)
		error = EIO;
	rec.stream = walk->stream[nameless(walk)];
	rec.counter = walk->icount;
	rec.error = (uint32_t)error;
	return walk->emit ? import_put(walk->in, &rec, walk->event) : 0;
}

/*
 * i32 result, i32 offset; the bytes are not in the log. QEMU writes a result of
 * -1 for any errno; with a chardev it means that the device was full.
 */
static int char_write(struct walk *walk)
{
	struct crr_record rec = {
		.type = CRR_TYPE_WRITE,
		.flags = CRR_FLAG_UNKNOWN,
	};
	uint64_t a, b;
	int64_t result, offset, taken;

	if (get(walk, 4, &a) || get(walk, 4, &b))
		return -1;
	walk->nameless = true;
	hash_event(walk, "write", a, b);
	result = (int32_t)(uint32_t)a;
	if (result > TRANSFER_MAX)
		return import_fail(walk->in, walk->event,
				   "a write of %lld bytes", (long long)result);
	if (!walk->emit)
		return 0;
	offset = (int32_t)(uint32_t)b;
	rec.stream = walk->stream[nameless(walk)];
	rec.counter = walk->icount;
	if (result <= 0) {
		rec.requested = 1;
		rec.result = result >= -1 || result < -CRR_ERRNO_MAX ?
				     -EAGAIN :
				     (int32_t)result;
		return import_put(walk->in, &rec, walk->event);
	}
	for (; result > 0; result -= taken, offset -= taken) {
		taken = result < CRR_WRITE_MAX ? result : CRR_WRITE_MAX;
		rec.requested = (uint32_t)taken;
		rec.result = (int32_t)taken;
		rec.offset = offset < 0	     ? 0 :
			     offset < taken ? (uint32_t)offset :
					      (uint32_t)taken;
		if (import_put(walk->in, &rec, walk->event))
			return -1;
	}
	return 0;
}

/* ---- Events that are skipped ---- */

static int input(struct walk *walk)
{
	uint64_t type, kind;

	if (get(walk, 4, &type))
		return -1;
	switch (type) {
	case 0: /* key: a number or a qcode, and whether it is down */
		if (get(walk, 4, &kind))
			return -1;
		if (kind > 1)
			break;
		return skip(walk, kind ? 4 + 1 : 8 + 1);
	case 1: /* button */
		return skip(walk, 4 + 1);
	case 2: /* relative */
	case 3: /* absolute */
		return skip(walk, 4 + 8);
	case 4: /* multitouch */
		return skip(walk, 4 + 8 + 8 + 4 + 8);
	}
	return import_fail(walk->in, walk->event,
			   "unknown kind of input event");
}

static int audio_in(struct walk *walk)
{
	uint64_t recorded, position;

	if (get(walk, 8, &recorded) || get(walk, 8, &position))
		return -1;
	if (recorded > walk->in->length / 16)
		return cut(walk);
	return skip(walk, recorded * 16);
}

static int async(struct walk *walk, uint64_t kind)
{
	switch (kind) {
	case KIND_BH:
	case KIND_BH_ONESHOT:
	case KIND_BLOCK:
		return skip(walk, 8);
	case KIND_INPUT:
		return input(walk);
	case KIND_INPUT_SYNC:
		return 0;
	case KIND_CHAR_READ:
		return char_read(walk, true);
	case KIND_NET:
		return skip(walk, 1 + 4) || skip_array(walk) ? -1 : 0;
	}
	return import_fail(walk->in, walk->event,
			   "unknown kind of asynchronous event");
}

/* Is the event in a group of @members numbers? Else subtract them. */
static bool in_group(uint64_t *number, unsigned int members)
{
	if (*number < members)
		return true;
	*number -= members;
	return false;
}

/* What follows the number of an event. */
static int payload(struct walk *walk, uint64_t number)
{
	const struct layout *layout = &walk->layout;
	unsigned int kinds = N_KINDS - !layout->oneshot;
	uint64_t kind, n;

	switch (number) {
	case EVENT_INSTRUCTION:
		if (get(walk, 4, &n))
			return -1;
		walk->icount += n;
		return 0;
	case EVENT_INTERRUPT:
	case EVENT_EXCEPTION:
		return 0;
	}
	kind = number -= EVENT_ASYNC;
	if (in_group(&number, layout->async == ASYNC_BY_EVENT ? kinds : 1)) {
		if (layout->async == ASYNC_BY_CHECKPOINT && skip(walk, 1))
			return -1;
		if (layout->async != ASYNC_BY_EVENT && get(walk, 1, &kind))
			return -1;
		if (!layout->oneshot && kind >= KIND_BH_ONESHOT)
			kind++;
		return async(walk, kind);
	}
	if (in_group(&number, layout->shutdowns))
		return 0;
	if (in_group(&number, 1))
		return char_write(walk);
	if (in_group(&number, 1))
		return char_read(walk, false);
	if (in_group(&number, 1))
		return read_all_error(walk);
	if (in_group(&number, 1)) /* AUDIO_OUT */
		return skip(walk, 4);
	if (in_group(&number, 1))
		return audio_in(walk);
	if (layout->random && in_group(&number, 1))
		return skip(walk, 4) || skip_array(walk) ? -1 : 0;
	if (in_group(&number, 2)) /* CLOCK */
		return skip(walk, 8);
	if (in_group(&number, layout->checkpoints))
		return 0;
	if (number)
		return import_fail(walk->in, walk->event,
				   "unknown event %u",
				   walk->in->bytes[walk->event]);
	walk->ended = true;
	return 0;
}

static int walk_log(struct walk *walk)
{
	uint64_t number;

	walk->at = HEADER_LENGTH;
	walk->icount = 0;
	walk->ended = false;
	while (!walk->ended) {
		walk->event = walk->at;
		if (walk->at == walk->in->length)
			return import_fail(walk->in, walk->at,
					   "no END: the recording was killed");
		if (get(walk, 1, &number) || payload(walk, number))
			return -1;
	}
	if (walk->at != walk->in->length)
		return import_fail(walk->in, walk->at, "unexpected data after END");
	return 0;
}

/* ---- The log ---- */

static bool fits(struct walk *walk, const struct layout *layout)
{
	*walk = (struct walk){ .in = walk->in, .layout = *layout };
	return !walk_log(walk);
}

/* Find the layout of a log that is older than those of QEMU 7.2. */
static int find_layout(struct walk *walk, uint32_t version)
{
	static const unsigned int shutdowns[] = { 1, 9, 10, 11, 12 };
	struct layout found = { 0 }, try;
	unsigned int n = 0, i, random, oneshot;
	uint64_t first = 0;

	try.async = version == 0xe0200bU ? ASYNC_BY_KIND : ASYNC_BY_CHECKPOINT;
	for (i = 0; i < sizeof(shutdowns) / sizeof(shutdowns[0]); i++) {
		for (random = 0; random < 2; random++) {
			for (oneshot = 0; oneshot < 2; oneshot++) {
				for (try.checkpoints = 7; try.checkpoints < 12;
				     try.checkpoints++) {
					try.shutdowns = shutdowns[i];
					try.random = random;
					try.oneshot = oneshot;
					if (!fits(walk, &try))
						continue;
					found = try;
					n += !n || walk->hash != first;
					first = walk->hash;
				}
			}
		}
	}
	if (n != 1)
		return import_fail(walk->in, 0,
				   n ? "version 0x%x: several layouts fit, and they differ in the events of chardevs" :
				       "version 0x%x: no known layout fits",
				   version);
	return fits(walk, &found) ? 0 : -1;
}

/* Begin a stream for each chardev, in the order of their numbers. */
static int begin_streams(struct walk *walk)
{
	struct crr_record rec = { .type = CRR_TYPE_STREAM };
	unsigned int readers = 0, i;
	char name[16];

	for (i = 0; i < 256; i++)
		readers += walk->seen[i];
	if (walk->nameless && readers > 1 && walk->in->writes_to < 0)
		return import_fail(walk->in, 0,
				   "%u chardevs read, and the log does not tell which one writes: give --writes-to",
				   readers);
	if (walk->nameless || !readers)
		walk->seen[nameless(walk)] = true;
	for (i = 0; i < 256; i++) {
		if (!walk->seen[i])
			continue;
		walk->stream[i] = rec.stream;
		rec.data = (const unsigned char *)name;
		rec.data_length = (uint32_t)snprintf(name, sizeof(name),
						     "chardev%u", i);
		if (import_put(walk->in, &rec, 0))
			return -1;
		rec.stream++;
	}
	return 0;
}

static int end_streams(struct walk *walk)
{
	struct crr_record rec = {
		.type = CRR_TYPE_STREAM_END,
		.counter = walk->icount,
		.reason = CRR_END_STOP,
	};
	unsigned int i;

	for (i = 0; i < 256; i++) {
		if (!walk->seen[i])
			continue;
		rec.stream = walk->stream[i];
		if (import_put(walk->in, &rec, walk->event))
			return -1;
	}
	rec = (struct crr_record){ .type = CRR_TYPE_END,
				   .counter = walk->icount };
	return import_put(walk->in, &rec, walk->event);
}

/**
 * import_qemu_rr - import a log of QEMU's record/replay
 * @in: the import
 *
 * Returns 0, or -1 with @in->error, and the offset in bytes in @in->where.
 */
int import_qemu_rr(struct import *in)
{
	struct walk walk = { .in = in };
	uint64_t version;

	if (in->length < HEADER_LENGTH)
		return import_fail(in, 0,
				   "too short for a QEMU log: the recording was killed");
	if (get(&walk, 4, &version))
		return -1;
	if (!version)
		return import_fail(in, 0,
				   "version 0: the recording was killed");
	if (version < VERSION_OLDEST || version > VERSION_KNOWN)
		return import_fail(in, 0,
				   "unknown version 0x%x: crrctl knows 0x%x to 0x%x",
				   (unsigned int)version, VERSION_OLDEST,
				   VERSION_KNOWN);
	if (version == VERSION_KNOWN) {
		if (!fits(&walk, &layout_7_2))
			return -1;
	} else if (find_layout(&walk, (uint32_t)version)) {
		return -1;
	}
	snprintf(in->info.counter, sizeof(in->info.counter), "instructions");
	snprintf(in->info.command, sizeof(in->info.command), "QEMU");
	if (begin_streams(&walk))
		return -1;
	walk.emit = true;
	if (walk_log(&walk))
		return -1;
	return end_streams(&walk);
}
