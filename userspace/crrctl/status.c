// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl status */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "crrctl.h"
#include "json.h"

static const struct option_help status_options[] = {
	{ { "json", no_argument, NULL, 'j' }, NULL, "print one JSON object" },
	{ { NULL, 0, NULL, 0 }, NULL, NULL },
};

/* One number of the status: how it is called in text and in JSON. */
struct figure {
	const char *text;
	const char *json;
	size_t offset;
	bool replay; /* of interest in replay only */
};

#define FIGURE(_text, _member, _replay)                                        \
	{                                                                      \
		_text, #_member, offsetof(struct crr_status, _member), _replay \
	}

static const struct figure figures[] = {
	FIGURE("counter", counter, false),
	FIGURE("next sequence number", sequence, false),
	FIGURE("position", position, false),
	FIGURE("records", records, false),
	FIGURE("bytes in", bytes_in, false),
	FIGURE("bytes out", bytes_out, false),
	FIGURE("bytes received", received, false),
	FIGURE("bytes buffered", buffered, false),
	FIGURE("bytes of buffer", buffer_size, false),
	FIGURE("looks without result", looks, false),
	FIGURE("next due", next_due, true),
	FIGURE("horizon", horizon, true),
	FIGURE("records left", remaining, true),
	FIGURE("bytes discarded", discarded, true),
	FIGURE("bytes dropped", dropped, true),
	FIGURE("guesses", guesses, true),
};

/* The same for its bits. */
static const struct {
	const char *text;
	const char *json;
	uint32_t bit;
} facts[] = {
	{ "a controller", "controller", CRR_STATUS_CONTROLLER },
	{ "a clock", "clock", CRR_STATUS_CLOCK },
	{ "a counter", "counted", CRR_STATUS_COUNTED },
	{ "unread records", "unread", CRR_STATUS_UNREAD },
	{ "all of its log", "end_fed", CRR_STATUS_END_FED },
	{ "diverged", "divergence", CRR_STATUS_DIVERGENCE },
	{ "a gate", "gated", CRR_STATUS_GATED },
	{ "a checkpoint", "checkpoint", CRR_STATUS_CHECKPOINT },
	{ "a seek", "seek", CRR_STATUS_SEEK },
	{ "interrupted reads", "interrupted", CRR_STATUS_INTERRUPTED },
	{ "reads of several threads", "threads", CRR_STATUS_THREADS },
}, waits[] = {
	{ "a read, for its counter", "read", CRR_WAITING_READ },
	{ "an operation, for the feeder", "feed", CRR_WAITING_FEED },
	{ "an operation, for buffer space", "space", CRR_WAITING_SPACE },
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t figure_value(const struct crr_status *st,
			     const struct figure *fig)
{
	__u64 value;

	memcpy(&value, (const char *)st + fig->offset, sizeof(value));
	return value;
}

static void print_status(const struct crr_status *st)
{
	bool replay = st->state >= CRR_STATE_REPLAYING;
	const char *sep = "";
	size_t i;

	printf("state: %s", st->facts & CRR_STATUS_SESSION ?
				    crr_state_name(st->state) :
				    "attached, no session");
	if (st->reason)
		printf(" (%s)", crr_reason_text(st->reason));
	putchar('\n');
	if (!(st->facts & CRR_STATUS_SESSION))
		return;
	printf("has: ");
	for (i = 0; i < ARRAY_SIZE(facts); i++) {
		if (!(st->facts & facts[i].bit))
			continue;
		printf("%s%s", sep, facts[i].text);
		sep = ", ";
	}
	printf("%s\n", *sep ? "" : "nothing");
	for (i = 0; i < ARRAY_SIZE(waits); i++)
		if (st->waiting & waits[i].bit)
			printf("waiting: %s\n", waits[i].text);
	for (i = 0; i < ARRAY_SIZE(figures); i++)
		if (replay || !figures[i].replay)
			printf("%s: %" PRIu64 "\n", figures[i].text,
			       figure_value(st, &figures[i]));
}

static void print_json(const struct crr_status *st)
{
	json_t *object = json_object(), *waiting = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(waits); i++)
		if (st->waiting & waits[i].bit)
			json_add(waiting, json_string(waits[i].json));
	json_set(object, "session",
		 json_boolean(st->facts & CRR_STATUS_SESSION));
	json_set(object, "state", json_string(crr_state_name(st->state)));
	if (st->reason)
		json_set(object, "reason",
			 json_string(crr_reason_name(st->reason)));
	if (st->stream != CRR_NO_STREAM)
		json_set(object, "stream", json_integer(st->stream));
	json_set(object, "streams", json_integer(st->streams));
	for (i = 0; i < ARRAY_SIZE(facts); i++)
		json_set(object, facts[i].json,
			 json_boolean(st->facts & facts[i].bit));
	json_set(object, "waiting", waiting);
	for (i = 0; i < ARRAY_SIZE(figures); i++)
		json_set(object, figures[i].json,
			 json_u64(figure_value(st, &figures[i])));
	json_print(stdout, object, JSON_LINE);
}

/* Of a replay without a controller nobody else would tell. */
static void print_how_it_diverged(const struct crr_status *st, int fd)
{
	struct crr_divergence div;
	int session;

	if (!(st->facts & CRR_STATUS_DIVERGENCE) ||
	    st->facts & CRR_STATUS_CONTROLLER)
		return;
	session = crr_session_open(fd);
	if (session < 0)
		return;
	if (!crr_session_divergence(session, &div))
		print_divergence(stdout, &div, NULL, st);
	close(session);
}

static int run_status(const struct command *cmd, int argc, char **argv)
{
	struct crr_status status;
	bool json = false;
	int c, fd;

	while ((c = next_option(cmd, argc, argv)) != -1)
		json = c == 'j';
	if (optind != argc - 1)
		usage_error(cmd, "expected one TTY");

	fd = open_tty(argv[optind]);
	if (crr_status(fd, &status)) {
		if (errno == ENOTTY || errno == EINVAL)
			fail("%s does not have N_CRR", argv[optind]);
		fail("%s: %s", argv[optind], strerror(errno));
	}
	if (json)
		print_json(&status);
	else
		print_status(&status);
	if (!json)
		print_how_it_diverged(&status, fd);
	return 0;
}

const struct command cmd_status = {
	.name = "status",
	.synopsis = "[OPTION]... TTY",
	.summary = "show what a tty with N_CRR does",
	.run = run_status,
	.options = status_options,
	.failure = EXIT_CRR_FAILURE,
};
