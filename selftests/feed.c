// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records that are not as they should be, fed to a replay: refused, with the
 * reason, and what came before stands.
 */
#include <endian.h>

#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(feed) {
	struct line line;
	struct log log;
	struct log bad;
};

FIXTURE_SETUP(feed)
{
	if (!setup_line(_metadata, &self->line))
		return;
	ASSERT_EQ(0, set_flags(self->line.tty, O_NONBLOCK, true));
}

FIXTURE_TEARDOWN(feed)
{
	close_line(&self->line);
	log_free(&self->log);
	log_free(&self->bad);
}

/* A log with a record of each type; END is its last. */
static void make_log(struct log *log)
{
	log_begin(log);
	log_read(log, 1, 2, "read", 4);
	log_add(log, READ_ERROR, .counter = 2, .error = EIO);
	log_add(log, EOF, .counter = 3, .empty_reads = 1);
	log_write(log, 4, 3, "captured", 8, CRR_FLAG_CAPTURED);
	log_write(log, 5, -EINTR, "cut", 3, CRR_FLAG_CUT);
	log_add(log, OPTIONAL, .counter = 5, .data = "what", .length = 4);
	log_add(log, PEER_CLOSED, .counter = 6);
	log_add(log, HANGUP, .counter = 7);
	log_add(log, STREAM_END, .counter = 7, .reason = CRR_END_HANGUP);
	log_add(log, END, .counter = 8);
}

static void begin_anew(struct __test_metadata *_metadata, struct line *line)
{
	stop(line->session);
	ASSERT_EQ(0, replay(line->session, 0));
}

static long offer(struct line *line, const void *bytes, size_t length)
{
	return sys(write(line->session, bytes, length));
}

TEST_F(feed, whole_log)
{
	struct line *line = &self->line;
	struct crr_status st;

	make_log(&self->log);
	ASSERT_EQ(0, replay(line->session, 0));
	EXPECT_EQ(self->log.length,
		  offer(line, self->log.bytes, self->log.length));
	st = status(line->session);
	/* The optional one is not counted; neither are those of the frame. */
	EXPECT_EQ(10, st.sequence);
	EXPECT_EQ(6, st.remaining);
	EXPECT_EQ(8, st.horizon);
	EXPECT_EQ(CRR_REASON_NONE, st.reason);
	EXPECT_TRUE(st.facts & CRR_STATUS_END_FED);
}

/* Cut off at every byte: nothing is taken before the record is whole. */
TEST_F(feed, truncated)
{
	struct line *line = &self->line;
	struct record rec = {};

	make_log(&self->log);
	ASSERT_EQ(0, replay(line->session, 0));
	while (log_next(&self->log, &rec)) {
		const __u8 *bytes = self->log.bytes + rec.at;
		struct crr_status before = status(line->session);
		struct crr_status after;

		for (size_t n = 1; n < rec.size; n++)
			EXPECT_EQ(-EMSGSIZE, offer(line, bytes, n));
		after = status(line->session);
		EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
		EXPECT_EQ(rec.size, offer(line, bytes, rec.size));
	}
	EXPECT_TRUE(status(line->session).facts & CRR_STATUS_END_FED);
}

/* The same with a whole record before it: that one is taken. */
TEST_F(feed, truncated_after_a_whole_one)
{
	struct line *line = &self->line;
	struct record first = {}, rec;

	make_log(&self->log);
	ASSERT_TRUE(log_next(&self->log, &first));
	rec = first;
	ASSERT_TRUE(log_next(&self->log, &rec));
	for (size_t n = 0; n < rec.size; n++) {
		begin_anew(_metadata, line);
		EXPECT_EQ(first.size,
			  offer(line, self->log.bytes, first.size + n));
		EXPECT_EQ(CRR_REASON_NONE, status(line->session).reason);
		EXPECT_EQ(1, status(line->session).sequence);
	}
}

/*
 * Whatever is done to one record: it is taken as a whole, or refused with a
 * reason. Returns whether it was taken.
 */
static bool take_or_refuse(struct __test_metadata *_metadata,
			   struct line *line, const void *bytes,
			   size_t length, const struct record *rec)
{
	struct crr_status before = status(line->session);
	long ret = offer(line, bytes, length);
	struct crr_status after = status(line->session);

	switch (ret) {
	case -EBADMSG:
		EXPECT_LE(CRR_REASON_TYPE, after.reason);
		EXPECT_GE(CRR_REASON_ORDER, after.reason);
		break;
	case -EMSGSIZE:
		EXPECT_EQ(CRR_REASON_NONE, after.reason);
		break;
	default:
		EXPECT_LT(0, ret) {
			TH_LOG("type %u gave %ld", rec->type, ret);
		}
		EXPECT_LE(before.sequence, after.sequence);
		return true;
	}
	after.reason = before.reason;
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before))) {
		TH_LOG("type %u changed something", rec->type);
	}
	return false;
}

/* Each bit turned over, each byte wrong: in one record after the other. */
TEST_F_TIMEOUT(feed, flipped, 120)
{
	static const __u8 masks[] = { 1, 2, 4, 8, 16, 32, 64, 128, 255 };
	struct line *line = &self->line;
	struct record rec = {};
	unsigned int taken = 0, refused = 0;

	make_log(&self->log);
	while (log_next(&self->log, &rec)) {
		for (size_t i = 0; i < rec.size * ARRAY_SIZE(masks); i++) {
			__u8 *byte = self->log.bytes + rec.at +
				     i / ARRAY_SIZE(masks);
			__u8 mask = masks[i % ARRAY_SIZE(masks)];
			bool was_taken;

			if (status(line->session).sequence != rec.sequence ||
			    status(line->session).state != CRR_STATE_REPLAYING) {
				begin_anew(_metadata, line);
				if (rec.at)
					ASSERT_EQ(0, feed(line->session,
							  self->log.bytes,
							  rec.at));
			}
			*byte ^= mask;
			was_taken = take_or_refuse(_metadata, line,
						   self->log.bytes + rec.at,
						   rec.size, &rec);
			*byte ^= mask;
			taken += was_taken;
			refused += !was_taken;
			if (was_taken && rec.type & CRR_TYPE_OPTIONAL)
				stop(line->session);
		}
	}
	/* Of some members any value will do. */
	EXPECT_LT(0, taken);
	EXPECT_LT(taken, refused);
}

/* A length that lies, with much behind it that might belong to it. */
TEST_F_TIMEOUT(feed, lying_length, 120)
{
	struct line *line = &self->line;
	struct record rec = {};
	__u8 *bytes = calloc(1, 1 << 17);

	make_log(&self->log);
	while (log_next(&self->log, &rec)) {
		__u16 length, honest;

		memcpy(&honest, self->log.bytes + rec.at + 6, 2);
		memcpy(bytes, self->log.bytes + rec.at, rec.size);
		for (unsigned int lie = 0; lie < 65536;
		     lie += lie < 200 ? 1 : lie < 8300 ? 97 : 2003) {
			if (lie == le16toh(honest))
				continue;
			begin_anew(_metadata, line);
			if (rec.at)
				ASSERT_EQ(0, feed(line->session,
						  self->log.bytes, rec.at));
			length = htole16(lie);
			memcpy(bytes + 6, &length, 2);
			if (!take_or_refuse(_metadata, line, bytes, 1 << 15,
					    &rec))
				continue;
			/* Only these have a length of their own choice. */
			EXPECT_TRUE(rec.type == CRR_TYPE_STREAM ||
				    rec.type == CRR_TYPE_READ ||
				    rec.type & CRR_TYPE_OPTIONAL) {
				TH_LOG("type %u, length %u", rec.type, lie);
			}
		}
		memset(bytes, 0, rec.size);
	}
	free(bytes);
}

/* ---- One thing wrong ---- */

static const char long_name[80] =
	"a name that is longer than the sixty-four bytes that a name may have, "
	"by some";

/* After STREAM and one READ at 10: what is refused, and why. */
static const struct wrong {
	const char *name;
	struct record rec;
	enum crr_reason reason;
	/* A member that is not put right by the tests' own encoder. */
	size_t at;
	__u8 value;
	/* The sequence number is off by so much. */
	int skip;
} wrongs[] = {
	{ "type 0", { 0 }, CRR_REASON_TYPE },
	{ "type 15", { 15 }, CRR_REASON_TYPE },
	{ "the last type", { 0x7fff }, CRR_REASON_TYPE },
	{ "optional", { 0x8000 }, CRR_REASON_NONE },
	{ "optional", { 0xffff, .flags = 0xffff, .stream = 77,
	  .data = "abcdefgh", .length = 7 }, CRR_REASON_NONE },
	{ "optional of a known one", { 0x8000 | CRR_TYPE_READ },
	  CRR_REASON_NONE },

	{ "flags on READ", { CRR_TYPE_READ, 1, .data = "x", .length = 1 },
	  CRR_REASON_FLAGS },
	{ "flags on EOF", { CRR_TYPE_EOF, 2 }, CRR_REASON_FLAGS },
	{ "flags on HANGUP", { CRR_TYPE_HANGUP, 0x8000 }, CRR_REASON_FLAGS },
	{ "unknown flag on WRITE", { CRR_TYPE_WRITE, 16, .requested = 1,
	  .result = 1, .offset = 1 }, CRR_REASON_FLAGS },
	{ "WRITE of unknown bytes", { CRR_TYPE_WRITE, CRR_FLAG_UNKNOWN,
	  .requested = 1, .result = 1, .offset = 1 }, CRR_REASON_NONE },
	{ "WRITE, unknown and captured", { CRR_TYPE_WRITE,
	  CRR_FLAG_UNKNOWN | CRR_FLAG_CAPTURED, .requested = 1, .result = 1,
	  .offset = 1, .data = "x", .length = 1 }, CRR_REASON_VALUE },

	{ "empty READ", { CRR_TYPE_READ }, CRR_REASON_LENGTH },
	{ "READ of too much", { CRR_TYPE_READ, .data = (char[4097]) { 0 },
	  .length = 4097 }, CRR_REASON_LENGTH },
	{ "READ of the most", { CRR_TYPE_READ, .data = (char[4096]) { 0 },
	  .length = 4096 }, CRR_REASON_NONE },
	{ "a record of too much", { CRR_TYPE_READ, .data = (char[8192]) { 0 },
	  .length = 8192 }, CRR_REASON_LENGTH },
	{ "optional of the most", { 0x8003, .data = (char[8168]) { 0 },
	  .length = 8168 }, CRR_REASON_NONE },
	{ "optional of too much", { 0x8003, .data = (char[8169]) { 0 },
	  .length = 8169 }, CRR_REASON_LENGTH },
	{ "EOF with bytes", { CRR_TYPE_EOF, .data = "x", .length = 1 },
	  CRR_REASON_LENGTH },
	{ "PEER_CLOSED with bytes", { CRR_TYPE_PEER_CLOSED, .data = "x",
	  .length = 1 }, CRR_REASON_LENGTH },
	{ "HANGUP with bytes", { CRR_TYPE_HANGUP, .data = "x", .length = 1 },
	  CRR_REASON_LENGTH },
	{ "READ_ERROR with bytes", { CRR_TYPE_READ_ERROR, .error = 5,
	  .data = "x", .length = 1 }, CRR_REASON_LENGTH },
	{ "STREAM_END with bytes", { CRR_TYPE_STREAM_END, .reason = 1,
	  .data = "x", .length = 1 }, CRR_REASON_LENGTH },
	{ "WRITE, captured, without bytes", { CRR_TYPE_WRITE,
	  CRR_FLAG_CAPTURED, .requested = 1, .result = 1 },
	  CRR_REASON_LENGTH },
	{ "WRITE, captured, of other length", { CRR_TYPE_WRITE,
	  CRR_FLAG_CAPTURED, .requested = 3, .result = 1, .data = "xy",
	  .length = 2 }, CRR_REASON_LENGTH },
	{ "STREAM with a long name", { CRR_TYPE_STREAM, .stream = 1,
	  .data = long_name, .length = 65 }, CRR_REASON_LENGTH },
	{ "STREAM without a name", { CRR_TYPE_STREAM, .stream = 1 },
	  CRR_REASON_LENGTH },
	{ "END with bytes", { CRR_TYPE_END, .data = "x", .length = 1 },
	  CRR_REASON_LENGTH },

	{ "padding of READ", { CRR_TYPE_READ, .data = "x", .length = 1 },
	  CRR_REASON_PADDING, .at = 39, .value = 1 },
	{ "padding of optional", { 0x8000, .data = "x", .length = 1 },
	  CRR_REASON_PADDING, .at = 25, .value = 0x80 },
	{ "reserved of READ_ERROR", { CRR_TYPE_READ_ERROR, .error = 5 },
	  CRR_REASON_PADDING, .at = 36, .value = 1 },
	{ "reserved of STREAM_END", { CRR_TYPE_STREAM_END, .reason = 1 },
	  CRR_REASON_PADDING, .at = 47, .value = 1 },

	{ "READ_ERROR 0", { CRR_TYPE_READ_ERROR }, CRR_REASON_VALUE },
	{ "READ_ERROR ERESTARTSYS", { CRR_TYPE_READ_ERROR, .error = 512 },
	  CRR_REASON_VALUE },
	{ "READ_ERROR -EIO", { CRR_TYPE_READ_ERROR, .error = -5 },
	  CRR_REASON_VALUE },
	{ "STREAM_END 0", { CRR_TYPE_STREAM_END }, CRR_REASON_VALUE },
	{ "STREAM_END 4", { CRR_TYPE_STREAM_END, .reason = 4 },
	  CRR_REASON_VALUE },
	{ "END of a stream", { CRR_TYPE_END, .stream = 1 },
	  CRR_REASON_VALUE },
	{ "no such stream can be", { CRR_TYPE_EOF,
	  .stream = CRR_STREAMS_MAX }, CRR_REASON_VALUE },
	{ "no such stream can be", { CRR_TYPE_EOF, .stream = 0xffff },
	  CRR_REASON_VALUE },
	{ "name with a space", { CRR_TYPE_STREAM, .stream = 1,
	  .data = "a b", .length = 3 }, CRR_REASON_VALUE },
	{ "name with an escape", { CRR_TYPE_STREAM, .stream = 1,
	  .data = "a\33b", .length = 3 }, CRR_REASON_VALUE },
	{ "name with a zero", { CRR_TYPE_STREAM, .stream = 1,
	  .data = "ab", .length = 3 }, CRR_REASON_VALUE },
	{ "WRITE of nothing", { CRR_TYPE_WRITE, .result = 1 },
	  CRR_REASON_VALUE },
	{ "WRITE of too much", { CRR_TYPE_WRITE, .requested = 2049,
	  .result = 1 }, CRR_REASON_VALUE },
	{ "WRITE of the most", { CRR_TYPE_WRITE, .requested = 2048,
	  .result = 2048, .offset = 2048 }, CRR_REASON_NONE },
	{ "WRITE with a result of 0", { CRR_TYPE_WRITE, .requested = 1 },
	  CRR_REASON_VALUE },
	{ "WRITE taking more", { CRR_TYPE_WRITE, .requested = 1,
	  .result = 2 }, CRR_REASON_VALUE },
	{ "WRITE with ERESTARTSYS", { CRR_TYPE_WRITE, .requested = 1,
	  .result = -512 }, CRR_REASON_VALUE },
	{ "WRITE with the least", { CRR_TYPE_WRITE, .requested = 1,
	  .result = 0x7fffffff }, CRR_REASON_VALUE },
	{ "WRITE with the least", { CRR_TYPE_WRITE, .requested = 1,
	  .result = -0x7fffffff - 1 }, CRR_REASON_VALUE },
	{ "WRITE giving the device more", { CRR_TYPE_WRITE, .requested = 1,
	  .result = 1, .offset = 2 }, CRR_REASON_VALUE },

	{ "WRITE with other bytes", { CRR_TYPE_WRITE, CRR_FLAG_CAPTURED,
	  .requested = 8, .result = 8, .offset = 8, .data = "whatever",
	  .length = 8 }, CRR_REASON_CRC, .at = 48, .value = 'W' },
	{ "WRITE interrupted, but never refused", { CRR_TYPE_WRITE,
	  CRR_FLAG_INTERRUPTED, .requested = 1, .result = 1 },
	  CRR_REASON_VALUE },
	{ "WRITE with another CRC", { CRR_TYPE_WRITE, CRR_FLAG_CAPTURED,
	  .requested = 8, .result = 8, .offset = 8, .data = "whatever",
	  .length = 8 }, CRR_REASON_CRC, .at = 44, .value = 0 },

	{ "a number left out", { CRR_TYPE_EOF }, CRR_REASON_SEQUENCE,
	  .skip = 1 },
	{ "a number twice", { CRR_TYPE_EOF }, CRR_REASON_SEQUENCE,
	  .skip = -1 },
	{ "far from it", { CRR_TYPE_EOF }, CRR_REASON_SEQUENCE,
	  .skip = 0x7fffffff },
	{ "an optional one out of order", { 0x8000 }, CRR_REASON_SEQUENCE,
	  .skip = 1 },

	{ "going back", { CRR_TYPE_EOF, .counter = 9 }, CRR_REASON_COUNTER },
	{ "optional, going back", { 0x8000, .counter = 9 },
	  CRR_REASON_COUNTER },
	{ "as far as can be", { CRR_TYPE_EOF, .counter = CRR_NEVER },
	  CRR_REASON_NONE },

	{ "a stream twice", { CRR_TYPE_STREAM, .data = "x", .length = 1 },
	  CRR_REASON_STREAM },
	{ "of a stream that is not", { CRR_TYPE_EOF, .stream = 1 },
	  CRR_REASON_STREAM },
	{ "the end of a stream that is not", { CRR_TYPE_STREAM_END,
	  .stream = 1, .reason = 1 }, CRR_REASON_STREAM },
	{ "a stream without a tty", { CRR_TYPE_STREAM, .stream = 1,
	  .data = "x", .length = 1 }, CRR_REASON_STREAMS },
	{ "END before the stream's", { CRR_TYPE_END }, CRR_REASON_ORDER },
};

static void put_wrong(struct log *bad, const struct log *good,
		      const struct wrong *wrong)
{
	struct record rec = wrong->rec;

	log_free(bad);
	bad->sequence = good->sequence + wrong->skip;
	if (!rec.counter)
		rec.counter = 10;
	log_put(bad, rec);
	if (wrong->at)
		bad->bytes[wrong->at] = wrong->value;
}

TEST_F(feed, wrong)
{
	struct line *line = &self->line;

	for (int i = 0; i < ARRAY_SIZE(wrongs); i++) {
		const struct wrong *wrong = &wrongs[i];
		bool fine = wrong->reason == CRR_REASON_NONE;
		struct crr_status st;
		char c;

		log_begin(&self->log);
		log_read(&self->log, 10, 0, "r", 1);
		put_wrong(&self->bad, &self->log, wrong);
		begin_anew(_metadata, line);
		ASSERT_EQ(0, feed_log(line->session, &self->log));
		EXPECT_EQ(fine ? self->bad.length : -EBADMSG,
			  offer(line, self->bad.bytes, self->bad.length)) {
			TH_LOG("%s", wrong->name);
		}
		st = status(line->session);
		EXPECT_EQ(wrong->reason, st.reason) {
			TH_LOG("%s", wrong->name);
		}
		if (fine)
			continue;
		/* It was nothing: what came before is there, and it goes on. */
		EXPECT_EQ(2, st.sequence);
		EXPECT_EQ(1, st.remaining);
		EXPECT_EQ(CRR_STATE_REPLAYING, st.state);
		EXPECT_EQ(0, count(line->tty, 10));
		EXPECT_EQ(1, sys(read(line->tty, &c, 1)));
		self->log.length = 0;
		log_finish(&self->log, 10, 0);
		EXPECT_EQ(0, feed_log(line->session, &self->log));
		EXPECT_EQ(CRR_REASON_NONE, status(line->session).reason);
	}
}

/* In one write(2) with good ones: those before it are taken. */
TEST_F(feed, wrong_among_others)
{
	struct line *line = &self->line;

	for (int i = 0; i < ARRAY_SIZE(wrongs); i++) {
		const struct wrong *wrong = &wrongs[i];
		size_t good;

		if (wrong->reason == CRR_REASON_NONE)
			continue;
		log_begin(&self->log);
		log_read(&self->log, 10, 0, "r", 1);
		good = self->log.length;
		put_wrong(&self->bad, &self->log, wrong);
		log_append(&self->log, self->bad.bytes, self->bad.length);
		log_finish(&self->log, 10, 0);
		begin_anew(_metadata, line);
		EXPECT_EQ(good,
			  offer(line, self->log.bytes, self->log.length));
		EXPECT_EQ(2, status(line->session).sequence);
		EXPECT_EQ(wrong->reason, status(line->session).reason);
		EXPECT_EQ(-EBADMSG, offer(line, self->log.bytes + good,
					  self->log.length - good));
		EXPECT_EQ(wrong->reason, status(line->session).reason);
	}
}

/* ---- Order ---- */

TEST_F(feed, out_of_order)
{
	static const struct {
		struct record before;
		struct record after;
		enum crr_reason reason;
	} pairs[] = {
		{ { CRR_TYPE_HANGUP }, { CRR_TYPE_EOF }, CRR_REASON_ORDER },
		{ { CRR_TYPE_HANGUP }, { CRR_TYPE_HANGUP }, CRR_REASON_ORDER },
		{ { CRR_TYPE_HANGUP }, { CRR_TYPE_WRITE, .requested = 1,
		  .result = -EIO }, CRR_REASON_ORDER },
		{ { CRR_TYPE_HANGUP }, { CRR_TYPE_END }, CRR_REASON_ORDER },
		{ { CRR_TYPE_HANGUP }, { 0x8000 }, CRR_REASON_NONE },
		{ { CRR_TYPE_STREAM_END, .reason = 1 }, { CRR_TYPE_EOF },
		  CRR_REASON_STREAM },
		{ { CRR_TYPE_STREAM_END, .reason = 1 },
		  { CRR_TYPE_STREAM_END, .reason = 1 }, CRR_REASON_STREAM },
		{ { CRR_TYPE_STREAM_END, .reason = 1 },
		  { CRR_TYPE_STREAM, .data = "x", .length = 1 },
		  CRR_REASON_STREAM },
		{ { CRR_TYPE_STREAM_END, .reason = 1 }, { CRR_TYPE_END },
		  CRR_REASON_NONE },
		{ { CRR_TYPE_PEER_CLOSED }, { CRR_TYPE_HANGUP },
		  CRR_REASON_NONE },
	};
	struct line *line = &self->line;

	for (int i = 0; i < ARRAY_SIZE(pairs); i++) {
		size_t before;

		log_begin(&self->log);
		log_put(&self->log, pairs[i].before);
		before = self->log.length;
		begin_anew(_metadata, line);
		EXPECT_EQ(before, offer(line, self->log.bytes, before));
		log_put(&self->log, pairs[i].after);
		EXPECT_EQ(pairs[i].reason ? -EBADMSG :
			  self->log.length - before,
			  offer(line, self->log.bytes + before,
				self->log.length - before)) {
			TH_LOG("pair %d", i);
		}
		EXPECT_EQ(pairs[i].reason, status(line->session).reason);
	}
}

TEST_F(feed, before_and_after_all)
{
	static const unsigned int types[] = {
		CRR_TYPE_READ, CRR_TYPE_EOF, CRR_TYPE_PEER_CLOSED,
		CRR_TYPE_HANGUP, CRR_TYPE_WRITE, CRR_TYPE_STREAM_END,
	};
	struct line *line = &self->line;

	/* Nothing has begun. */
	for (int i = 0; i < ARRAY_SIZE(types); i++) {
		struct record rec = {
			.type = types[i], .reason = 1, .requested = 1,
			.result = 1,
		};

		if (types[i] == CRR_TYPE_READ) {
			rec.data = "x";
			rec.length = 1;
		}
		log_free(&self->bad);
		log_put(&self->bad, rec);
		begin_anew(_metadata, line);
		EXPECT_EQ(-EBADMSG, feed_log(line->session, &self->bad));
		EXPECT_EQ(CRR_REASON_STREAM, status(line->session).reason);
	}
	/* A log of nothing is one; but not of another session's nothing. */
	log_free(&self->bad);
	log_add(&self->bad, END, 0);
	begin_anew(_metadata, line);
	EXPECT_EQ(-EBADMSG, feed_log(line->session, &self->bad));
	EXPECT_EQ(CRR_REASON_STREAMS, status(line->session).reason);
	log_begin(&self->log);
	log_finish(&self->log, 0, 0);
	begin_anew(_metadata, line);
	EXPECT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(1, status(line->session).next_due);
	/* All is over: not even what may be skipped may come. */
	log_free(&self->bad);
	self->bad.sequence = self->log.sequence;
	log_add(&self->bad, OPTIONAL, 0);
	EXPECT_EQ(-EBADMSG, feed_log(line->session, &self->bad));
	EXPECT_EQ(CRR_REASON_ORDER, status(line->session).reason);
	self->bad.length = 0;
	log_add(&self->bad, END, 0);
	EXPECT_EQ(-EBADMSG, feed_log(line->session, &self->bad));
	EXPECT_EQ(CRR_REASON_ORDER, status(line->session).reason);
}

/* ---- Much ---- */

/* The feeder's writes need not begin where records do. */
TEST_F(feed, in_odd_portions)
{
	struct line *line = &self->line;
	char bytes[600];

	pattern(bytes, sizeof(bytes), 0);
	log_begin(&self->log);
	for (int i = 0; i < 500; i++)
		log_read(&self->log, i, 0, bytes, 1 + i);
	log_finish(&self->log, 1000, 0);
	for (size_t portion = 700; portion < 100000; portion *= 3) {
		size_t at = 0;

		begin_anew(_metadata, line);
		while (at < self->log.length) {
			size_t n = self->log.length - at;
			long ret;

			if (n > portion)
				n = portion;
			ret = offer(line, self->log.bytes + at, n);
			ASSERT_LT(0, ret);
			ASSERT_GE(n, ret);
			at += ret;
		}
		EXPECT_EQ(500, status(line->session).remaining);
		EXPECT_TRUE(status(line->session).facts & CRR_STATUS_END_FED);
	}
}

/* Noise, always the same. */
TEST_F_TIMEOUT(feed, noise, 120)
{
	long rounds = env_number("CRR_ROUNDS", 1500);
	struct line *line = &self->line;
	unsigned int seed = 1;

	for (long i = 0; i < rounds; i++) {
		struct record rec = {};
		char buf[16];

		make_log(&self->log);
		for (int flips = 1 + i % 5; flips; flips--) {
			size_t at = rand_r(&seed) % self->log.length;

			self->log.bytes[at] = rand_r(&seed);
		}
		if (i % 7 == 0)
			for (size_t k = 0; k < self->log.length; k++)
				self->log.bytes[k] = rand_r(&seed);
		begin_anew(_metadata, line);
		take_or_refuse(_metadata, line, self->log.bytes,
			       self->log.length, &rec);
		/* Whatever was taken can be used, or be forgotten. */
		if (i % 2) {
			long ret;

			count(line->tty, status(line->tty).next_due);
			if (!(status(line->tty).facts & CRR_STATUS_END_FED))
				continue;
			ret = sys(read(line->tty, buf, sizeof(buf)));
			EXPECT_TRUE(ret <= 4);
			ret = sys(write(line->tty, "captured", 8));
			EXPECT_TRUE(ret <= 8);
		}
	}
}

TEST_HARNESS_MAIN
