// SPDX-License-Identifier: GPL-2.0-or-later
/* crrctl log import: make a log of edited text or of a QEMU log. */
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
	const char *unit; /* of struct import.where */
} formats[] = {
	{ "text", import_text, "line" },
	{ "qemu-rr", import_qemu_rr, "byte" },
};

#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static const struct option_help import_options[] = {
	{ { "from", required_argument, NULL, 'F' }, "FORMAT",
	  "text or qemu-rr (default text)" },
	{ { "writes-to", required_argument, NULL, 'w' }, "N",
	  "qemu-rr: number of the chardev that writes (0-255)" },
	{ { "gated", no_argument, NULL, 'g' }, NULL,
	  "qemu-rr: make a log for gated delivery" },
	FORCE_OPTION,
	COMPRESS_OPTION,
	OPTIONS_END,
};

/**
 * struct importing - an import and its log
 * @in: the import
 * @path: path of the log
 * @out: the log
 * @begun: it is open
 * @force: overwrite a file
 * @level: zstd level; -1 for the default
 */
struct importing {
	struct import in;
	const char *path;
	struct new_log out;
	bool begun;
	bool force;
	int level;
};

/* Create the log with the first valid record, so that bad input makes no file. */
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

/* Map the input, or read it if it is a pipe. */
static void load(struct import *in, const char *path)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) :
				     STDIN_FILENO;
	unsigned char *bytes = NULL;
	size_t size = 0;
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
		if (in->length == size) {
			size = size ? 2 * size : 1 << 16;
			bytes = realloc(bytes, size);
			if (!bytes)
				fail("%s: %s", path, strerror(errno));
		}
		n = read(fd, bytes + in->length, size - in->length);
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
				usage_error(cmd, "'%s' is not a format: text or qemu-rr",
					    optarg);
			break;
		case 'w':
			imp.in.writes_to = (int)parse_number(cmd, optarg);
			if (imp.in.writes_to < 0 || imp.in.writes_to > 255)
				usage_error(cmd, "'%s' is not a chardev (0-255)", optarg);
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
	need_arguments(cmd, argc, 2);
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
		fail("%s: no records", path);
	new_log_close(&imp.out);
	if (imp.in.order.ended)
		return 0;
	warn("%s has no END record: %s is incomplete", path, imp.path);
	return EXIT_CRR_LOG;
}

const struct command cmd_log_import = {
	.name = "log import",
	.synopsis = "[OPTION]... FILE OUT",
	.summary = "make a log of edited text, or of a QEMU record/replay log",
	.run = run_import,
	.options = import_options,
	.failure = EXIT_CRR_FAILURE,
};
