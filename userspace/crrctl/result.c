// SPDX-License-Identifier: GPL-2.0-or-later
/* The result of a replay as JSON: crrctl replay --json. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crrctl.h"
#include "json.h"

static void set_type(json_t *object, const char *key, uint32_t type)
{
	const char *name = crr_type_name(type);

	if (name)
		json_set(object, key, json_string(name));
}

static json_t *divergence_json(const struct crr_divergence *div)
{
	json_t *object = json_object();

	json_set(object, "kind", json_string(crr_divergence_name(div->kind)));
	json_set(object, "text", json_string(crr_divergence_text(div->kind)));
	json_set(object, "stream", json_integer(div->stream));
	if (div->sequence != CRR_NO_SEQUENCE)
		json_set(object, "seq", json_u64(div->sequence));
	if (div->expected_counter != CRR_NEVER)
		json_set(object, "expected_counter",
			 json_u64(div->expected_counter));
	json_set(object, "counter", json_u64(div->counter));
	set_type(object, "expected_type", div->expected_type);
	set_type(object, "type", div->type);
	json_set(object, "expected_length", json_integer(div->expected_length));
	json_set(object, "length", json_integer(div->length));
	json_set(object, "position", json_u64(div->position));
	json_set(object, "offset", json_integer(div->offset));
	json_set(object, "expected",
		 json_hex(div->expected, div->expected_bytes));
	json_set(object, "got", json_hex(div->got, div->bytes));
	json_set(object, "full",
		 json_boolean(div->facts & CRR_DIVERGENCE_FULL));
	return object;
}

/**
 * result_write - write the result of a replay, and name its file
 * @out: the file, from output_open()
 * @log: path of the log
 * @outcome: how the replay has ended, in a word
 * @status: the exit status of crrctl
 * @st: the last status of the session
 * @div: how it has diverged, or NULL
 *
 * Returns false if it cannot have its name, which was reported.
 */
bool result_write(struct output *out, const char *log, const char *outcome,
		  int status, const struct crr_status *st,
		  const struct crr_divergence *div)
{
	json_t *object = json_object();
	FILE *file;

	json_set(object, "log", json_text(log, strlen(log)));
	json_set(object, "outcome", json_string(outcome));
	json_set(object, "status", json_integer(status));
	json_set(object, "counter", json_u64(st->counter));
	json_set(object, "records", json_u64(st->records));
	json_set(object, "remaining", json_u64(st->remaining));
	json_set(object, "dropped", json_u64(st->dropped));
	json_set(object, "guesses", json_u64(st->guesses));
	if (div)
		json_set(object, "divergence", divergence_json(div));
	file = fdopen(out->fd, "w");
	if (!file)
		fail("%s: %s", out->path, strerror(errno));
	json_print(file, object, 0);
	if (fflush(file) || ferror(file))
		fail("%s: %s", out->path, strerror(errno));
	/* Pipes and devices cannot be synced. */
	if (fsync(out->fd) && errno != EINVAL && errno != EROFS)
		fail("%s: %s", out->path, strerror(errno));
	return output_publish(out);
}
