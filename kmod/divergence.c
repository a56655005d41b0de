// SPDX-License-Identifier: GPL-2.0-only
/*
 * How, and where, a run diverged from its log.
 */
#include "divergence.h"
#include "queue.h"
#include "state.h"

/* A stretch of bytes for the report. */
static u32 crr_excerpt(u8 *to, const u8 *from, u32 length, u32 offset)
{
	u32 n = offset < length ? length - offset : 0;

	n = min_t(u32, n, CRR_DIVERGENCE_BYTES);
	memset(to, 0, CRR_DIVERGENCE_BYTES);
	if (n)
		memcpy(to, from + offset, n);
	return n;
}

/*
 * The run has diverged from the log: keep how, and end the replay. Only the
 * first divergence means anything.
 */
void crr_diverge(struct crr_stream *stream,
		 enum crr_divergence_kind kind, u16 type,
			const struct crr_record *rec, const u8 *buf,
			u32 length, u32 offset)
{
	struct crr_session *session = stream->session;
	struct crr_divergence *div = &session->divergence;
	bool out = crr_type_is_outbound(rec ? rec->type : type);
	bool full = !rec && !stream->end &&
		    crr_replayer_full(&session->replayer);

	*div = (struct crr_divergence){
		.size = sizeof(*div),
		.kind = kind,
		.stream = stream->number,
		.sequence = CRR_NO_SEQUENCE,
		.expected_counter = CRR_NEVER,
		.counter = session->counter,
		.type = type,
		.length = length,
		.position = out ? stream->position_out : stream->position_in,
		.offset = offset,
		.facts = full ? CRR_DIVERGENCE_FULL : 0,
	};
	if (buf)
		div->bytes = crr_excerpt(div->got, buf, length, offset);
	if (rec) {
		div->sequence = rec->sequence;
		div->expected_counter = rec->counter;
		div->expected_type = rec->type;
		div->expected_length = rec->type == CRR_TYPE_WRITE ?
				       rec->requested : rec->data_length;
		div->expected_bytes = crr_excerpt(div->expected, rec->data,
						  rec->data_length, offset);
	}
	crr_session_set_state(session, CRR_STATE_DIVERGED, CRR_REASON_NONE);
}
