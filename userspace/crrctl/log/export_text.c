// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Export as text that can be edited and imported, see import_text.c. Members
 * that have their default value are omitted.
 */
#include <inttypes.h>
#include <string.h>

#include "log.h"

static void write_member(FILE *out, const struct member *member, uint64_t value)
{
	const char *name = member_value_name(member, value);
	int32_t result = (int32_t)(uint32_t)value;

	fprintf(out, " %s=", member->name);
	if (name)
		fprintf(out, "%s%s", member->kind == KIND_RESULT ? "-" : "",
			name);
	else if (member->kind == KIND_RESULT)
		fprintf(out, "%d", result);
	else if (member->kind == KIND_HEX || member->kind == KIND_CRC ||
		 member->kind == KIND_BITS || member->kind == KIND_FACTS)
		fprintf(out, "0x%" PRIx64, value);
	else
		fprintf(out, "%" PRIu64, value);
}

/* The values that import_text() assumes for members that are not given. */
static struct crr_record defaults_of(const struct crr_record *rec)
{
	struct crr_record defaults = { 0 };

	if (rec->type != CRR_TYPE_WRITE)
		return defaults;
	if (rec->flags & CRR_FLAG_CAPTURED) {
		defaults.requested = rec->data_length;
		defaults.crc32c = rec->crc32c;
	}
	defaults.result = (int32_t)rec->requested;
	defaults.offset = rec->result > 0 ? (uint32_t)rec->result : 0;
	return defaults;
}

static void write_record(FILE *out, const struct crr_record *rec)
{
	const struct crr_record defaults = defaults_of(rec);
	const char *name = crr_type_name(rec->type);
	const struct record_flag *flag;
	const struct member *member;

	fprintf(out, "@%" PRIu64 " %u ", (uint64_t)rec->counter, rec->stream);
	if (name)
		fputs(name, out);
	else
		fprintf(out, "0x%x", rec->type);
	if (record_has_bytes(rec)) {
		fputc(' ', out);
		print_bytes(out, rec->data, rec->data_length);
	}
	for_each_member(member, rec->type)
		if (member_get(member, rec) != member_get(member, &defaults))
			write_member(out, member, member_get(member, rec));
	for_each_flag(flag, rec->type)
		if (rec->flags & flag->flag)
			fprintf(out, " %s", flag->name);
	if (!name && rec->flags)
		fprintf(out, " flags=0x%x", rec->flags);
	fputc('\n', out);
}

/* See struct export. */
void export_text(struct export *ex)
{
	const struct crr_log_info *info = crr_log_get_info(ex->file->log);
	struct crr_record rec;

	fputs("# crr log as text, version 1: crrctl-log(1)\n", ex->out);
	fprintf(ex->out, "created %" PRIu64 "\n", info->created);
	fprintf(ex->out, "delivery %s\n", delivery_name(info));
	fputs("counter ", ex->out);
	print_bytes(ex->out, info->counter, strlen(info->counter));
	fputs("\ncommand ", ex->out);
	print_bytes(ex->out, info->command, strlen(info->command));
	if (*info->run) {
		fputs("\nrun ", ex->out);
		print_bytes(ex->out, info->run, strlen(info->run));
	}
	fputs("\n\n", ex->out);
	while (log_file_next(ex->file, &rec))
		write_record(ex->out, &rec);
}
