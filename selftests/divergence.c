// SPDX-License-Identifier: GPL-2.0-only
/*
 * A run that departs from its log: noticed where it does, and told exactly.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(divergence) {
	struct line line;
	struct log log;
};

FIXTURE_SETUP(divergence)
{
	if (!setup_line(_metadata, &self->line))
		return;
	log_begin(&self->log);
	ASSERT_EQ(0, set_flags(self->line.tty, O_NONBLOCK, true));
}

FIXTURE_TEARDOWN(divergence)
{
	close_line(&self->line);
	log_free(&self->log);
}

/* Members that are not given are 0. */
static struct crr_divergence make(struct crr_divergence div,
				  const char *expected, const char *got)
{
	div.size = sizeof(div);
	div.expected_bytes = strlen(expected);
	div.bytes = strlen(got);
	memcpy(div.expected, expected, div.expected_bytes);
	memcpy(div.got, got, div.bytes);
	return div;
}

static void print(const char *what, const struct crr_divergence *d)
{
	fprintf(stderr,
		"# %s: kind %u stream %u sequence %lld expected_counter %lld counter %lld\n"
		"#   expected_type %u type %u expected_length %u length %u position %llu offset %u\n"
		"#   expected %u '%.*s' got %u '%.*s'\n",
		what, d->kind, d->stream, (long long)d->sequence,
		(long long)d->expected_counter, (long long)d->counter,
		d->expected_type, d->type, d->expected_length, d->length,
		(unsigned long long)d->position, d->offset, d->expected_bytes,
		(int)d->expected_bytes, d->expected, d->bytes, (int)d->bytes,
		d->got);
}

/* The replay has diverged, and tells just this. */
static void expect(struct __test_metadata *_metadata, struct line *line,
		   struct crr_divergence expected)
{
	struct crr_divergence div;

	EXPECT_EQ(0, divergence(line->session, &div));
	EXPECT_EQ(0, memcmp(&div, &expected, sizeof(div))) {
		print("expected", &expected);
		print("told", &div);
	}
	EXPECT_TRUE(status(line->tty).facts & CRR_STATUS_DIVERGENCE);
}

/* The replay is over: all operations say why. */
static void expect_over(struct __test_metadata *_metadata, struct line *line)
{
	struct crr_status st = status(line->session);
	char c;

	EXPECT_EQ(CRR_STATE_DIVERGED, st.state);
	EXPECT_EQ(CRR_REASON_NONE, st.reason);
	EXPECT_EQ(0, st.next_due);
	EXPECT_EQ(-ENOTRECOVERABLE, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, &c, 1)));
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR,
		  polled(line->tty, POLLIN | POLLOUT));
	EXPECT_EQ(-ENOTRECOVERABLE, arrived(line->tty));
}

/* ---- What a run does ---- */

enum { NOTHING, READS, WRITES };

struct run {
	__u64 counter;
	int does;
	const char *bytes;	/* written */
	size_t room;		/* to be read into */
	long result;
};

#define NO_RECORD							\
	.sequence = CRR_NO_SEQUENCE, .expected_counter = CRR_NEVER

/*
 * The log has READ "reading" at 10 (record 1), and WRITE "writing" at 20
 * (record 2) and at 30 (record 3); it ends at 40.
 */
static const struct departure {
	const char *name;
	struct run runs[5];
	struct crr_divergence div;
	const char *expected;
	const char *got;
	/* What the log's writes are: with their bytes or not. */
	bool uncaptured;
	enum crr_end end;
} departures[] = {
	{
		.name = "read one too late",
		.runs = {
			{ 11, READS, .room = 64, .result = -ENOTRECOVERABLE },
		},
		.div = {
			.kind = CRR_DIVERGENCE_LATE, .type = CRR_TYPE_READ,
			.sequence = 1, .expected_counter = 10, .counter = 11,
			.expected_type = CRR_TYPE_READ, .expected_length = 7,
		},
		.expected = "reading",
	},
	{
		.name = "read left out",
		.runs = {
			{ 20, WRITES, "writing", .result = 7 },
			{ 30, WRITES, "writing", .result = 7 },
			{ 35, READS, .room = 64, .result = -ENOTRECOVERABLE },
		},
		.div = {
			.kind = CRR_DIVERGENCE_LATE, .type = CRR_TYPE_READ,
			.sequence = 1, .expected_counter = 10, .counter = 35,
			.expected_type = CRR_TYPE_READ, .expected_length = 7,
		},
		.expected = "reading",
	},
	{
		.name = "read into less room",
		.runs = { { 10, READS, .room = 4, .result = 4 } },
		.div = {
			.kind = CRR_DIVERGENCE_LENGTH, .type = CRR_TYPE_READ,
			.sequence = 1, .expected_counter = 10, .counter = 10,
			.expected_type = CRR_TYPE_READ, .expected_length = 7,
			.length = 4, .offset = 4,
		},
		.expected = "ing",
	},
	{
		.name = "write one too early",
		.runs = {
			{ 10, READS, .room = 64, .result = 7 },
			{ 19, WRITES, "writing", .result = -ENOTRECOVERABLE },
		},
		.div = {
			.kind = CRR_DIVERGENCE_EARLY, .type = CRR_TYPE_WRITE,
			.sequence = 2, .expected_counter = 20, .counter = 19,
			.expected_type = CRR_TYPE_WRITE, .expected_length = 7,
			.length = 7, .offset = 7,
		},
	},
	{
		.name = "write one too late",
		.runs = {
			{ 10, READS, .room = 64, .result = 7 },
			{ 21, WRITES, "writing", .result = -ENOTRECOVERABLE },
		},
		.div = {
			.kind = CRR_DIVERGENCE_LATE, .type = CRR_TYPE_WRITE,
			.sequence = 2, .expected_counter = 20, .counter = 21,
			.expected_type = CRR_TYPE_WRITE, .expected_length = 7,
			.length = 7, .offset = 7,
		},
	},
	{
		.name = "write left out",
		.runs = {
			{ 10, READS, .room = 64, .result = 7 },
			{ 30, WRITES, "writing", .result = -ENOTRECOVERABLE },
		},
		.div = {
			.kind = CRR_DIVERGENCE_LATE, .type = CRR_TYPE_WRITE,
			.sequence = 2, .expected_counter = 20, .counter = 30,
			.expected_type = CRR_TYPE_WRITE, .expected_length = 7,
			.length = 7, .offset = 7,
		},
	},
	{
		.name = "write once more, at once",
		.runs = {
			{ 20, WRITES, "writing", .result = 7 },
			{ 20, WRITES, "writing", .result = -ENOTRECOVERABLE },
		},
		.div = {
			.kind = CRR_DIVERGENCE_EARLY, .type = CRR_TYPE_WRITE,
			.sequence = 3, .expected_counter = 30, .counter = 20,
			.expected_type = CRR_TYPE_WRITE, .expected_length = 7,
			.length = 7, .offset = 7, .position = 7,
		},
	},
	{
		.name = "write once more, after all",
		.runs = {
			{ 20, WRITES, "writing", .result = 7 },
			{ 30, WRITES, "writing", .result = 7 },
			{ 31, WRITES, "extra", .result = -ENOTRECOVERABLE },
		},
		.div = {
			.kind = CRR_DIVERGENCE_EXTRA, .type = CRR_TYPE_WRITE,
			NO_RECORD, .counter = 31, .length = 5, .position = 14,
		},
		.got = "extra",
	},
	{
		.name = "write of less",
		.runs = { { 20, WRITES, "writ", .result = -ENOTRECOVERABLE } },
		.div = {
			.kind = CRR_DIVERGENCE_LENGTH, .type = CRR_TYPE_WRITE,
			.sequence = 2, .expected_counter = 20, .counter = 20,
			.expected_type = CRR_TYPE_WRITE, .expected_length = 7,
			.length = 4, .offset = 4,
		},
		.expected = "ing",
	},
	{
		.name = "write of more",
		.runs = {
			{ 20, WRITES, "writings", .result = -ENOTRECOVERABLE },
		},
		.div = {
			.kind = CRR_DIVERGENCE_LENGTH, .type = CRR_TYPE_WRITE,
			.sequence = 2, .expected_counter = 20, .counter = 20,
			.expected_type = CRR_TYPE_WRITE, .expected_length = 7,
			.length = 8, .offset = 7,
		},
		.got = "s",
	},
	{
		.name = "write of other bytes",
		.runs = {
			{ 10, READS, .room = 64, .result = 7 },
			{ 20, WRITES, "writing", .result = 7 },
			{ 30, WRITES, "wRiting", .result = -ENOTRECOVERABLE },
		},
		.div = {
			.kind = CRR_DIVERGENCE_CONTENT, .type = CRR_TYPE_WRITE,
			.sequence = 3, .expected_counter = 30, .counter = 30,
			.expected_type = CRR_TYPE_WRITE, .expected_length = 7,
			.length = 7, .offset = 1, .position = 7,
		},
		.expected = "riting",
		.got = "Riting",
	},
	{
		.name = "write of other bytes, that were not captured",
		.runs = {
			{ 20, WRITES, "wRiting", .result = -ENOTRECOVERABLE },
		},
		.div = {
			.kind = CRR_DIVERGENCE_CONTENT, .type = CRR_TYPE_WRITE,
			.sequence = 2, .expected_counter = 20, .counter = 20,
			.expected_type = CRR_TYPE_WRITE, .expected_length = 7,
			.length = 7,
		},
		.got = "wRiting",
		.uncaptured = true,
	},
	{
		.name = "read after the tty was closed",
		.runs = {
			{ 10, READS, .room = 64, .result = 7 },
			{ 40, READS, .room = 64, .result = -ENOTRECOVERABLE },
		},
		.div = {
			.kind = CRR_DIVERGENCE_EXTRA, .type = CRR_TYPE_READ,
			NO_RECORD, .counter = 40, .position = 7,
		},
		.end = CRR_END_CLOSED,
	},
	{
		.name = "write after the tty was closed",
		.runs = {
			{ 20, WRITES, "writing", .result = 7 },
			{ 30, WRITES, "writing", .result = 7 },
			{ 41, WRITES, "more", .result = -ENOTRECOVERABLE },
		},
		.div = {
			.kind = CRR_DIVERGENCE_EXTRA, .type = CRR_TYPE_WRITE,
			NO_RECORD, .counter = 41, .length = 4, .position = 14,
		},
		.got = "more",
		.end = CRR_END_CLOSED,
	},
};

static void make_log(struct log *log, const struct departure *departure)
{
	unsigned int flags = departure->uncaptured ? 0 : CRR_FLAG_CAPTURED;

	log_begin(log);
	log_read(log, 10, 0, "reading", 7);
	log_write(log, 20, 7, "writing", 7, flags);
	log_write(log, 30, 7, "writing", 7, flags);
	log_add(log, STREAM_END, .counter = 40,
		.reason = departure->end ?: CRR_END_STOP);
	log_add(log, END, .counter = 40);
}

static void do_runs(struct __test_metadata *_metadata, struct line *line,
		    const struct departure *departure)
{
	const struct run *run;
	char buf[64];

	for (run = departure->runs; run->does; run++) {
		EXPECT_EQ(0, count(line->tty, run->counter));
		EXPECT_EQ(run->result,
			  run->does == READS ?
			  sys(read(line->tty, buf, run->room)) :
			  sys(write(line->tty, run->bytes,
				    strlen(run->bytes)))) {
			TH_LOG("%s", departure->name);
		}
	}
}

TEST_F(divergence, all_kinds)
{
	struct line *line = &self->line;

	for (int i = 0; i < ARRAY_SIZE(departures); i++) {
		const struct departure *departure = &departures[i];

		make_log(&self->log, departure);
		ASSERT_EQ(0, replay(line->session, 0));
		EXPECT_FALSE(status(line->session).facts &
			     CRR_STATUS_DIVERGENCE);
		ASSERT_EQ(0, feed_log(line->session, &self->log));
		do_runs(_metadata, line, departure);
		expect(_metadata, line,
		       make(departure->div, departure->expected ?: "",
			    departure->got ?: ""));
		expect_over(_metadata, line);
		ASSERT_EQ(0, stop(line->session));
		/* It is kept until the next one begins. */
		expect(_metadata, line,
		       make(departure->div, departure->expected ?: "",
			    departure->got ?: ""));
		swallow(line->peer);
	}
}

/* The same through the clock's page. */
TEST_F(divergence, coarse_steps)
{
	struct line *line = &self->line;
	char c;

	ASSERT_EQ(0, map_clock(line));
	make_log(&self->log, &departures[0]);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	for (int i = 0; i < 3; i++) {
		put(*line->counter, 4 * i);
		EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
	}
	EXPECT_EQ(10, look(line->state->next_due));
	put(*line->counter, 12);
	EXPECT_EQ(-ENOTRECOVERABLE, sys(read(line->tty, &c, 1)));
	expect(_metadata, line,
	       make((struct crr_divergence){
			.kind = CRR_DIVERGENCE_LATE, .type = CRR_TYPE_READ,
			.sequence = 1, .expected_counter = 10, .counter = 12,
			.expected_type = CRR_TYPE_READ, .expected_length = 7,
	       }, "reading", ""));
	EXPECT_EQ(1, look(line->state->diverged));
}

/* A step back is no departure: it is the caller's error, and can be mended. */
TEST_F(divergence, step_back_is_none)
{
	struct line *line = &self->line;
	char buf[8];

	ASSERT_EQ(0, map_clock(line));
	make_log(&self->log, &departures[0]);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	put(*line->counter, 10);
	EXPECT_EQ(7, sys(read(line->tty, buf, 8)));
	put(*line->counter, 9);
	EXPECT_EQ(-ERANGE, sys(read(line->tty, buf, 8)));
	EXPECT_EQ(-ERANGE, sys(write(line->tty, "writing", 7)));
	EXPECT_EQ(CRR_STATE_REPLAYING, status(line->session).state);
	put(*line->counter, 20);
	EXPECT_EQ(7, sys(write(line->tty, "writing", 7)));
}

/* A read that would sleep, where the recorded run's came back empty. */
TEST_F(divergence, blocking_read_for_an_empty_one)
{
	struct line *line = &self->line;
	char c;

	log_read(&self->log, 10, 2, "reading", 7);
	log_finish(&self->log, 40, 0);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(read(line->tty, &c, 1)));
	expect(_metadata, line,
	       make((struct crr_divergence){
			.kind = CRR_DIVERGENCE_EARLY, .type = CRR_TYPE_READ,
			.sequence = 1, .expected_counter = 10, .counter = 10,
			.expected_type = CRR_TYPE_READ, .expected_length = 7,
	       }, "reading", ""));
}

/* Other inbound records than READ can be missed as well. */
TEST_F(divergence, late_for_no_data)
{
	static const unsigned int types[] = {
		CRR_TYPE_READ_ERROR, CRR_TYPE_EOF, CRR_TYPE_PEER_CLOSED,
	};
	struct line *line = &self->line;
	char c;

	for (int i = 0; i < ARRAY_SIZE(types); i++) {
		log_begin(&self->log);
		log_put(&self->log, (struct record){
			.type = types[i], .counter = 10, .error = EIO,
		});
		log_finish(&self->log, 40, 0);
		ASSERT_EQ(0, replay(line->session, 0));
		ASSERT_EQ(0, feed_log(line->session, &self->log));
		EXPECT_EQ(0, count(line->tty, 11));
		EXPECT_EQ(-ENOTRECOVERABLE, sys(read(line->tty, &c, 1)));
		expect(_metadata, line,
		       make((struct crr_divergence){
				.kind = CRR_DIVERGENCE_LATE,
				.type = CRR_TYPE_READ, .sequence = 1,
				.expected_counter = 10, .counter = 11,
				.expected_type = types[i],
		       }, "", ""));
		ASSERT_EQ(0, stop(line->session));
	}
}

/* Of many bytes a stretch is told, from the first one that differs. */
TEST_F(divergence, excerpts)
{
	static const struct {
		size_t differs, expected, got, length;
	} cases[] = {
		{ 0, 32, 32, 2048 },
		{ 1000, 32, 32, 2048 },
		{ 2016, 32, 32, 2048 },
		{ 2017, 31, 31, 2048 },
		{ 2047, 1, 1, 2048 },
		/* Of the shorter one as much as it has. */
		{ 1990, 32, 10, 2000 },
		{ 2000, 32, 0, 2000 },
	};
	struct line *line = &self->line;
	char bytes[2048], other[2048];
	enum crr_divergence_kind kind;
	struct crr_divergence div;

	pattern(bytes, sizeof(bytes), 0);
	log_write(&self->log, 0, 2048, bytes, 2048, CRR_FLAG_CAPTURED);
	log_finish(&self->log, 0, 0);
	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		memcpy(other, bytes, sizeof(other));
		for (size_t k = cases[i].differs; k < sizeof(other); k += 7)
			other[k] ^= 1;
		ASSERT_EQ(0, replay(line->session, 0));
		ASSERT_EQ(0, feed_log(line->session, &self->log));
		EXPECT_EQ(-ENOTRECOVERABLE,
			  sys(write(line->tty, other, cases[i].length)));
		ASSERT_EQ(0, divergence(line->session, &div));
		kind = CRR_DIVERGENCE_CONTENT;
		if (cases[i].length != 2048)
			kind = CRR_DIVERGENCE_LENGTH;
		EXPECT_EQ(kind, div.kind);
		EXPECT_EQ(cases[i].differs, div.offset);
		ASSERT_EQ(cases[i].expected, div.expected_bytes);
		ASSERT_EQ(cases[i].got, div.bytes);
		EXPECT_EQ(0, memcmp(div.expected, bytes + div.offset,
				    div.expected_bytes));
		EXPECT_EQ(0, memcmp(div.got, other + div.offset, div.bytes));
		for (int k = div.bytes; k < CRR_DIVERGENCE_BYTES; k++)
			EXPECT_EQ(0, div.got[k]);
		ASSERT_EQ(0, stop(line->session));
	}
}

/* In the second chunk of a write(2): what was written before is told. */
TEST_F(divergence, second_chunk)
{
	struct line *line = &self->line;
	char bytes[3000], got[2048];
	struct crr_divergence div;

	pattern(bytes, sizeof(bytes), 0);
	log_write(&self->log, 0, 2048, bytes, 2048, CRR_FLAG_CAPTURED);
	log_write(&self->log, 0, 952, bytes + 2048, 952, CRR_FLAG_CAPTURED);
	log_finish(&self->log, 0, 0);
	bytes[2500] ^= 1;
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(2048, sys(write(line->tty, bytes, 3000)));
	EXPECT_EQ(2048, receive_all(line->peer, got, 2048));
	ASSERT_EQ(0, divergence(line->session, &div));
	EXPECT_EQ(CRR_DIVERGENCE_CONTENT, div.kind);
	EXPECT_EQ(2, div.sequence);
	EXPECT_EQ(2048, div.position);
	EXPECT_EQ(452, div.offset);
	/* None of what differs reached the device. */
	EXPECT_EQ(0, swallow(line->peer));
}

/* Only the first departure means anything. */
TEST_F(divergence, first_is_kept)
{
	const struct departure *departure = &departures[0];
	struct line *line = &self->line;

	make_log(&self->log, departure);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	do_runs(_metadata, line, departure);
	EXPECT_EQ(0, count(line->tty, 100));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, "other", 5)));
	EXPECT_EQ(0, stop(line->session));
	expect(_metadata, line,
	       make(departure->div, departure->expected, ""));
	/* The next beginning forgets it, recording or replay. */
	ASSERT_EQ(0, replay(line->session, 0));
	EXPECT_EQ(-ENODATA, divergence(line->session,
				       &(struct crr_divergence) { 0 }));
	EXPECT_FALSE(status(line->session).facts & CRR_STATUS_DIVERGENCE);
}

TEST_F(divergence, told_to_the_controller)
{
	struct line *line = &self->line;
	struct task poller;

	make_log(&self->log, &departures[0]);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	status(line->session);
	begin(&poller, POLL, .fd = line->session, .events = POLLPRI,
	      .timeout = -1);
	ASSERT_TRUE(sleeps(&poller));
	do_runs(_metadata, line, &departures[0]);
	ASSERT_TRUE(ends(&poller));
	EXPECT_EQ(POLLPRI, poller.revents);
}

/* ---- What is left at the end ---- */

enum leave { BY_STOP, BY_DETACH };

FIXTURE(left) {
	struct line line;
	struct log log;
};

FIXTURE_VARIANT(left) {
	enum leave leave;
};

FIXTURE_VARIANT_ADD(left, at_stop) { .leave = BY_STOP };
FIXTURE_VARIANT_ADD(left, at_detach) { .leave = BY_DETACH };

FIXTURE_SETUP(left)
{
	if (!setup_line(_metadata, &self->line))
		return;
	ASSERT_EQ(0, set_flags(self->line.tty, O_NONBLOCK, true));
}

FIXTURE_TEARDOWN(left)
{
	close_line(&self->line);
	log_free(&self->log);
}

static const struct leftover {
	const char *name;
	struct run runs[5];
	__u64 until;
	/* 0: all is well. */
	__u64 sequence;
	unsigned int type;
	__u64 stamp;
	const char *expected;
} leftovers[] = {
	{ "before anything was due", {}, 9 },
	{ "a read", {}, 10, 1, CRR_TYPE_READ, 10, "reading" },
	{ "the first of several", {}, 100, 1, CRR_TYPE_READ, 10, "reading" },
	{ "a write", { { 10, READS, .room = 64, .result = 7 } },
	  20, 2, CRR_TYPE_WRITE, 20, "writing" },
	{ "nothing that was due", { { 10, READS, .room = 64, .result = 7 },
				    { 20, WRITES, "writing", .result = 7 } },
	  29 },
	{ "a write before a read", { { 20, WRITES, "writing", .result = 7 } },
	  30, 1, CRR_TYPE_READ, 10, "reading" },
	{ "nothing at all", { { 10, READS, .room = 64, .result = 7 },
			      { 20, WRITES, "writing", .result = 7 },
			      { 30, WRITES, "writing", .result = 7 } },
	  100 },
};

TEST_F(left, behind)
{
	struct line *line = &self->line;

	for (int i = 0; i < ARRAY_SIZE(leftovers); i++) {
		const struct leftover *leftover = &leftovers[i];
		const struct departure run = { leftover->name };
		struct crr_divergence div;

		make_log(&self->log, &run);
		ASSERT_EQ(0, replay(line->session, 0));
		ASSERT_EQ(0, feed_log(line->session, &self->log));
		for (const struct run *r = leftover->runs; r->does; r++) {
			struct departure one = { leftover->name };

			one.runs[0] = *r;
			do_runs(_metadata, line, &one);
		}
		EXPECT_EQ(0, count(line->tty, leftover->until));
		if (variant->leave == BY_DETACH) {
			ASSERT_EQ(0, detach(line->tty));
			/* What would yet have come did not: it has failed. */
			if (!leftover->sequence && leftover->until < 40)
				EXPECT_EQ(CRR_STATE_FAILED,
					  status(line->session).state);
			if (leftover->sequence)
				EXPECT_EQ(CRR_STATE_DIVERGED,
					  status(line->session).state);
			if (leftover->until >= 40 && !leftover->sequence)
				EXPECT_EQ(CRR_STATE_REPLAYING,
					  status(line->session).state);
		}
		EXPECT_EQ(0, stop(line->session));
		EXPECT_EQ(CRR_STATE_IDLE, status(line->session).state);
		EXPECT_EQ(leftover->sequence ? 0 : -ENODATA,
			  divergence(line->session, &div)) {
			TH_LOG("%s", leftover->name);
			print("told", &div);
		}
		if (leftover->sequence) {
			struct crr_divergence expected = make(
				(struct crr_divergence){
					.kind = CRR_DIVERGENCE_LEFT,
					.type = CRR_TYPE_STREAM_END,
					.sequence = leftover->sequence,
					.expected_counter = leftover->stamp,
					.counter = leftover->until,
					.expected_type = leftover->type,
					.expected_length = 7,
				}, leftover->expected, "");

			/* Nothing was before it in its direction: position 0. */
			EXPECT_EQ(0, memcmp(&expected, &div, sizeof(div))) {
				print("expected", &expected);
				print("told", &div);
			}
		}
		if (variant->leave == BY_DETACH) {
			close_fd(&line->session);
			ASSERT_EQ(0, attach(line->tty));
			line->session = open_session(line->tty);
			ASSERT_LE(0, line->session);
		}
		swallow(line->peer);
	}
}

/* Who goes on past END, and has left something out, has departed there. */
TEST_F(divergence, left_at_the_end)
{
	struct line *line = &self->line;
	struct crr_divergence div;
	char c;

	for (int writes = 0; writes < 2; writes++) {
		log_begin(&self->log);
		if (writes)
			log_read(&self->log, 10, 0, "in", 2);
		else
			log_write(&self->log, 10, 3, "out", 3, 0);
		log_finish(&self->log, 20, 0);
		ASSERT_EQ(0, replay(line->session, 0));
		ASSERT_EQ(0, feed_log(line->session, &self->log));
		ASSERT_EQ(0, count(line->tty, 21));
		EXPECT_EQ(-ENOTRECOVERABLE,
			  writes ? sys(write(line->tty, "x", 1)) :
				   sys(read(line->tty, &c, 1)));
		ASSERT_EQ(0, divergence(line->session, &div));
		EXPECT_EQ(CRR_DIVERGENCE_LEFT, div.kind);
		EXPECT_EQ(1, div.sequence);
		EXPECT_EQ(10, div.expected_counter);
		EXPECT_EQ(21, div.counter);
		EXPECT_EQ(writes ? CRR_TYPE_READ : CRR_TYPE_WRITE,
			  div.expected_type);
		/* The operation that has gone past the end. */
		EXPECT_EQ(writes ? CRR_TYPE_WRITE : CRR_TYPE_READ, div.type);
		EXPECT_EQ(0, stop(line->session));
	}
}

TEST_HARNESS_MAIN
