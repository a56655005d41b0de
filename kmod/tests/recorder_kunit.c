// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of recorder.c and gate.c at bounds that no tty reaches in reasonable time,
 * or at all.
 */
#include <kunit/test.h>
#include <linux/slab.h>

#include "../buffer.h"
#include "../checkpoint.h"
#include "../gate.h"
#include "../recorder.h"
#include "../state.h"

struct rig {
	struct crr_session session;
	struct crr_stream stream;
	u8 bytes[CRR_READ_MAX];
};

static int recorder_init(struct kunit *test)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	struct crr_session *session;
	struct crr_stream *stream;

	if (!rig)
		return -ENOMEM;
	test->priv = rig;
	session = &rig->session;
	stream = &rig->stream;
	mutex_init(&session->lock);
	init_waitqueue_head(&session->wait);
	INIT_LIST_HEAD(&session->streams);
	INIT_LIST_HEAD(&session->replayer.due);
	INIT_LIST_HEAD(&session->replayer.garbage);
	crr_gate_init(&session->gate);
	INIT_LIST_HEAD(&stream->inbound);
	INIT_LIST_HEAD(&stream->outbound);
	stream->session = session;
	stream->bytes = rig->bytes;
	list_add_tail(&stream->node, &session->streams);
	if (crr_buffer_open(&session->recorder, 1, CRR_BUFFER_MIN, 0))
		return -ENOMEM;
	mutex_lock(&session->lock);
	crr_gate_start(session, true);
	session->state = CRR_STATE_RECORDING;
	mutex_unlock(&session->lock);
	return 0;
}

static void recorder_exit(struct kunit *test)
{
	struct rig *rig = test->priv;

	if (rig)
		crr_buffer_close(&rig->session.recorder);
}

/* Read all that there is; returns how many bytes of records it was. */
static size_t drain(struct rig *rig)
{
	struct crr_session *session = &rig->session;
	struct crr_recorder *recorder = &session->recorder;
	const void *from;
	size_t all = 0;
	ssize_t n;

	mutex_lock(&session->lock);
	for (;;) {
		n = crr_buffer_peek(recorder, SIZE_MAX, &from);
		if (n <= 0)
			break;
		all += n;
		recorder->taken = n;
		crr_buffer_consume(session);
	}
	mutex_unlock(&session->lock);
	return n ?: all;
}

/* A record that no buffer space was reserved for ends the recording. */
static void buffer_overrun(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct crr_session *session = &rig->session;
	struct crr_recorder *recorder = &session->recorder;
	const struct crr_record read = {
		.type = CRR_TYPE_READ, .data_length = CRR_READ_MAX,
	};
	u64 records;
	int i;

	mutex_lock(&session->lock);
	for (i = 0; i < 2 * CRR_BUFFER_MIN / CRR_READ_MAX; i++) {
		rig->stream.taken = CRR_READ_MAX;
		crr_recorder_checkpoint(session);
	}
	records = session->records;
	KUNIT_EXPECT_EQ(test, session->state, CRR_STATE_FAILED);
	KUNIT_EXPECT_TRUE(test, recorder->broken);
	KUNIT_EXPECT_EQ(test, session->sequence, records);
	mutex_unlock(&session->lock);
	/* What was recorded is there, and nothing follows it. */
	KUNIT_EXPECT_EQ(test, drain(rig), records * crr_record_size(&read));
	mutex_lock(&session->lock);
	rig->stream.taken = 1;
	crr_recorder_checkpoint(session);
	mutex_unlock(&session->lock);
	KUNIT_EXPECT_EQ(test, drain(rig), 0);
	KUNIT_EXPECT_EQ(test, recorder->unread, 0);
}

/* A checkpoint without a limit has none, not even that of 32 bits. */
static void gate_without_limit(struct kunit *test)
{
	struct rig *rig = test->priv;
	struct crr_session *session = &rig->session;
	struct crr_op op = { .stream = &rig->stream, .max_bytes = U64_MAX };
	const u32 half = 1U << 31;
	u32 window;
	int i;

	mutex_lock(&session->lock);
	KUNIT_EXPECT_EQ(test, crr_session_checkpoint_begin(&op), CRR_RESULT);
	KUNIT_EXPECT_EQ(test, op.result, 0);
	window = session->gate.window;
	mutex_unlock(&session->lock);
	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_EQ(test, crr_gate_enter(&session->gate, window,
						     half), half);
		crr_gate_leave(&rig->stream, half, half);
		KUNIT_EXPECT_FALSE(test, crr_gate_hides(&rig->stream));
	}
	KUNIT_EXPECT_EQ(test, session->gate.consumed, 5ULL * half);
	rig->stream.taken = 0;
}

static struct kunit_case recorder_cases[] = {
	KUNIT_CASE(buffer_overrun),
	KUNIT_CASE(gate_without_limit),
	{}
};

static struct kunit_suite recorder_suite = {
	.name = "crr_recorder",
	.init = recorder_init,
	.exit = recorder_exit,
	.test_cases = recorder_cases,
};

kunit_test_suite(recorder_suite);
