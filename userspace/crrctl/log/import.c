// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log import: logs made of what is none. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import.h"
#include "log.h"

static const struct {
	const char *name;
	int (*read)(struct import *in);
	const char *unit; /* of import->where */
} formats[] = {
	{ "text", import_text, "line" },
	{ "qemu-rr", import_qemu_rr, "byte" },
};

#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static const struct option_help import_options[] = {
	{ { "from", required_argument, NULL, 'F' }, "FORMAT",
	  "text (the default) or qemu-rr" },
	{ { "writes-to", required_argument, NULL, 'w' }, "N",
	  "qemu-rr: the chardev that has written" },
	{ { "gated", no_argument, NULL, 'g' }, NULL,
	  "qemu-rr: the log is for gated delivery" },
	{ { "force", no_argument, NULL, 'f' }, NULL,
	  "replace OUT if it exists" },
	{ { "compress", required_argument, NULL, 'z' }, "LEVEL",
	  "of zstd, 1 to 19; 0 for none (default 3)" },
	OPTIONS_END,
};

/**
 * struct importing - a log that is being made
 * @in: what it is made of
 * @path: of the log
 * @out: the log
 * @begun: it is open
 * @force: replace a file
 * @level: of compression
 */
struct importing {
	struct import in;
	const char *path;
	struct new_log out;
	bool begun;
	bool force;
	int level;
};

/* The file is made when the first record is good: not of any rubbish. */
static int put(struct import *in, struct crr_record *rec)
{
	struct importing *imp = (struct importing *)in;

	if (!imp->begun) {
		new_log_open(&imp->out, imp->path, imp->force, imp->level,
			     &in->info);
		imp->begun = true;
	}
	new_log_add(&imp->out, rec);
	return 0;
}

/* A whole file; a pipe has to be read. */
static void load(struct import *in, const char *path)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) :
				     STDIN_FILENO;
	unsigned char *bytes = NULL;
	size_t room = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		fail("%s: %s", path, strerror(errno));
	if (S_ISREG(st.st_mode) && st.st_size) {
		in->length = (size_t)st.st_size;
		in->bytes = mmap(NULL, in->length, PROT_READ, MAP_PRIVATE, fd,
				 0);
		if (in->bytes == MAP_FAILED)
			fail("%s: %s", path, strerror(errno));
		close(fd);
		return;
	}
	do {
		if (in->length == room) {
			room = room ? 2 * room : 1 << 16;
			bytes = realloc(bytes, room);
			if (!bytes)
				fail("%s: %s", path, strerror(errno));
		}
		n = read(fd, bytes + in->length, room - in->length);
		if (n < 0 && errno != EINTR)
			fail("%s: %s", path, strerror(errno));
		if (n > 0)
			in->length += (size_t)n;
	} while (n);
	in->bytes = bytes;
}

static int run_import(const struct command *cmd, int argc, char **argv)
{
	static struct importing imp;
	const char *path;
	size_t format = 0;
	bool gated = false;
	int c;

	imp.level = -1;
	imp.in.put = put;
	imp.in.writes_to = -1;
	while ((c = next_option(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'F':
			for (format = 0; format < N_FORMATS; format++)
				if (!strcmp(optarg, formats[format].name))
					break;
			if (format == N_FORMATS)
				usage_error(cmd, "'%s' is no format: text or qemu-rr",
					    optarg);
			break;
		case 'w':
			imp.in.writes_to = (int)parse_number(cmd, optarg);
			if (imp.in.writes_to < 0 || imp.in.writes_to > 255)
				usage_error(cmd, "a chardev has a number from 0 to 255");
			break;
		case 'g':
			gated = true;
			break;
		case 'f':
			imp.force = true;
			break;
		case 'z':
			imp.level = parse_level(cmd, optarg);
			break;
		}
	}
	if (optind != argc - 2)
		usage_error(cmd, "a file, please, and where to write");
	path = argv[optind];
	imp.path = argv[optind + 1];
	imp.in.info.delivery = gated ? CRR_DELIVERY_GATED : CRR_DELIVERY_FREE;
	output_reads(path);
	load(&imp.in, path);
	if (formats[format].read(&imp.in)) {
		warn("%s: at %s %" PRIu64 ": %s", path, formats[format].unit,
		     imp.in.where, imp.in.error);
		return EXIT_CRR_LOG;
	}
	if (!imp.begun)
		fail("%s: there is no record in it", path);
	new_log_close(&imp.out);
	if (imp.in.order.ended)
		return 0;
	warn("%s has no END record: %s is incomplete", path, imp.path);
	return EXIT_CRR_LOG;
}

const struct command cmd_log_import = {
	.name = "log import",
	.synopsis = "[OPTION]... FILE OUT",
	.summary = "a log of edited text, or of QEMU's own record/replay log",
	.run = run_import,
	.options = import_options,
	.failure = EXIT_CRR_FAILURE,
};
