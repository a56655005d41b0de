// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How COMMAND was run, in the log's header: its words, where it was started,
 * and what was in the files that they name. replay --stored runs it again.
 * crr-log(5) describes the text. It may be anybody's.
 */
#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/log.h"

/* ---- Files ---- */

struct digest {
	uint64_t size;
	char sha256[SHA256_DIGEST_STRING_LENGTH];
};

/* False if it is no regular file, or cannot be read by the user. */
static bool make_digest(const char *path, struct digest *digest)
{
	static unsigned char buf[64 << 10];
	SHA2_CTX sha;
	ssize_t n;
	int fd;

	fd = user_open_regular(path);
	if (fd < 0)
		return false;
	*digest = (struct digest){ 0 };
	SHA256Init(&sha);
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		SHA256Update(&sha, buf, (size_t)n);
		digest->size += (uint64_t)n;
	}
	SHA256End(&sha, digest->sha256);
	close(fd);
	return !n;
}

/**
 * find_executable - what execvp(3) would run
 * @name: the first word of a command
 *
 * Returns its path, to be freed; or NULL.
 */
char *find_executable(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char *file = NULL;

	if (strchr(name, '/'))
		return strdup(name);
	for (; path && *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		if (end == path)
			continue;
		if (asprintf(&file, "%.*s/%s", (int)(end - path), path, name) < 0)
			return NULL;
		if (!access(file, X_OK))
			return file;
		free(file);
	}
	return NULL;
}

static bool has_file(const json_t *files, const char *path)
{
	const json_t *file;
	size_t i;

	for (i = 0; i < json_array_size(files); i++) {
		file = json_object_get(json_array_get(files, i), "path");
		if (!strcmp(json_string_value(file), path))
			return true;
	}
	return false;
}

static void add_file(json_t *files, const char *path)
{
	struct digest digest;
	json_t *name, *file;

	if (has_file(files, path) || !make_digest(path, &digest))
		return;
	name = json_string(path);
	/* Not UTF-8. */
	if (!name)
		return;
	file = json_object();
	json_set(file, "path", name);
	json_set(file, "size", json_u64(digest.size));
	json_set(file, "sha256", json_string(digest.sha256));
	json_add(files, file);
}

/* A word, or a part of it such as the PATH of if=pflash,file=PATH. */
static void add_files(json_t *files, const char *word)
{
	char *parts, *part, *value, *next;

	add_file(files, word);
	parts = strdup(word);
	if (!parts)
		fail("%s", strerror(ENOMEM));
	for (part = parts; part; part = next) {
		next = strchr(part, ',');
		if (next)
			*next++ = '\0';
		add_file(files, part);
		value = strchr(part, '=');
		if (value)
			add_file(files, value + 1);
	}
	free(parts);
}

/* ---- Writing ---- */

static const char *const qemu_names[] = {
	[QEMU_NO] = NULL,
	[QEMU_EXACT] = "exact",
	[QEMU_DEBUGGABLE] = "debuggable",
};

/**
 * stored_make - describe how COMMAND is run
 * @info: the header; run is set, or left empty if it cannot be described
 * @command: the command, before the names of ttys are put into it
 * @qemu: whether it is a QEMU, in which case -plugin is left out
 * @preload: whether it is run with crr-preload.so
 * @clock: and its clock is recorded
 *
 * To be called before COMMAND runs, which may change its files; and while a
 * signal still ends crrctl: large files take long.
 */
void stored_make(struct crr_log_info *info, char *const *command,
		 enum qemu qemu, bool preload, bool clock)
{
	json_t *run, *words, *files, *word, *directory;
	char *cwd, *executable, *text;

	if (!*command)
		return;
	run = json_object();
	words = json_array();
	files = json_array();
	executable = find_executable(*command);
	if (executable)
		add_file(files, executable);
	free(executable);
	for (; *command; command++) {
		word = json_string(*command);
		if (!word) {
			warn("warning: COMMAND is not in UTF-8, and not stored in the log: replay --stored will not run it");
			return;
		}
		json_add(words, word);
		add_files(files, *command);
	}
	json_set(run, "command", words);
	cwd = getcwd(NULL, 0);
	directory = cwd ? json_string(cwd) : NULL;
	if (directory)
		json_set(run, "directory", directory);
	free(cwd);
	json_set(run, "files", files);
	if (qemu)
		json_set(run, "qemu", json_string(qemu_names[qemu]));
	if (preload)
		json_set(run, "preload", json_true());
	if (preload && clock)
		json_set(run, "clock", json_true());
	text = json_format(run, JSON_LINE);
	if (strlen(text) < sizeof(info->run))
		strcpy(info->run, text);
	else
		warn("warning: COMMAND and the names of its files are too long to be stored in the log: replay --stored will not run it");
	free(text);
}

/* ---- Reading ---- */

/* The object in the header; NULL if there is none, or it is not valid. */
static json_t *parse(const struct crr_log_info *info)
{
	return json_loads(info->run, JSON_REJECT_DUPLICATES, NULL);
}

/**
 * stored_qemu - was it recorded with --qemu?
 * @info: the header
 */
enum qemu stored_qemu(const struct crr_log_info *info)
{
	json_t *run = parse(info);
	const char *name = json_string_value(json_object_get(run, "qemu"));
	enum qemu qemu = QEMU_NO, i;

	for (i = QEMU_EXACT; i <= QEMU_DEBUGGABLE; i++)
		if (name && !strcmp(name, qemu_names[i]))
			qemu = i;
	json_decref(run);
	return qemu;
}

static bool is_true(const struct crr_log_info *info, const char *member)
{
	json_t *run = parse(info);
	bool yes = json_is_true(json_object_get(run, member));

	json_decref(run);
	return yes;
}

/**
 * stored_preload - was it recorded with --preload?
 * @info: the header
 */
bool stored_preload(const struct crr_log_info *info)
{
	return is_true(info, "preload");
}

/**
 * stored_clock - was the time recorded?
 * @info: the header
 */
bool stored_clock(const struct crr_log_info *info)
{
	return is_true(info, "clock");
}

static char **get_words(const json_t *run)
{
	const json_t *words = json_object_get(run, "command"), *word;
	size_t i, n = json_array_size(words);
	char **command;

	if (!n)
		return NULL;
	command = calloc(n + 1, sizeof(*command));
	if (!command)
		fail("%s", strerror(ENOMEM));
	for (i = 0; i < n; i++) {
		word = json_array_get(words, i);
		if (!json_is_string(word))
			return NULL;
		command[i] = strdup(json_string_value(word));
		if (!command[i])
			fail("%s", strerror(ENOMEM));
	}
	return command;
}

/* A word as one would type it; what could do something to a terminal, escaped. */
static void print_word(FILE *out, const char *word)
{
	char *parts, *part, *next;

	if (*word &&
	    !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_{}")]) {
		fputs(word, out);
		return;
	}
	parts = strdup(word);
	if (!parts)
		fail("%s", strerror(ENOMEM));
	fputc('\'', out);
	for (part = parts; part; part = next) {
		next = strchr(part, '\'');
		if (next)
			*next++ = '\0';
		print_text(out, part);
		if (next)
			fputs("'\\''", out);
	}
	fputc('\'', out);
	free(parts);
}

static void print_command(char *const *command, const char *directory)
{
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		fail("%s", strerror(errno));
	fputs("crrctl: the log's command is:", out);
	for (; *command; command++) {
		fputc(' ', out);
		print_word(out, *command);
	}
	if (directory) {
		fputs("\ncrrctl: its directory is: ", out);
		print_word(out, directory);
	}
	fputc('\n', out);
	if (fclose(out))
		fail("%s", strerror(errno));
	message_print(text);
	free(text);
}

static void check_file(const char *directory, const json_t *file)
{
	const char *path = json_string_value(json_object_get(file, "path"));
	const char *sha256 = json_string_value(json_object_get(file, "sha256"));
	struct digest digest;
	char *whole;

	if (!path || !sha256)
		return;
	if (asprintf(&whole, "%s%s%s", *path == '/' || !directory ? "" : directory,
		     *path == '/' || !directory ? "" : "/", path) < 0)
		fail("%s", strerror(ENOMEM));
	if (!make_digest(whole, &digest))
		warn("warning: %s is missing, or cannot be read", path);
	else if (strcmp(digest.sha256, sha256))
		warn("warning: %s has changed since the recording", path);
	free(whole);
}

/**
 * stored_command - get COMMAND from a log that is to be replayed, and print it
 * @info: the header
 * @log: the log's name
 * @child: out: where it is to start
 *
 * Files that have changed since are reported. Fails if there is no command.
 */
char *const *stored_command(const struct crr_log_info *info, const char *log,
			    struct child *child)
{
	const json_t *files;
	json_t *run = parse(info);
	const char *directory;
	char **command;
	size_t i;
	int fd;

	command = get_words(run);
	if (!command)
		fail("%s has no stored command: give it behind --", log);
	directory = json_string_value(json_object_get(run, "directory"));
	print_command(command, directory);
	fd = directory ? user_open(directory, O_PATH | O_DIRECTORY) : -1;
	if (fd >= 0) {
		close(fd);
	} else if (directory) {
		warn("warning: this directory does not exist here: the command is run in the present one");
		directory = NULL;
	}
	files = json_object_get(run, "files");
	for (i = 0; i < json_array_size(files); i++)
		check_file(directory, json_array_get(files, i));
	if (directory) {
		child->directory = strdup(directory);
		if (!child->directory)
			fail("%s", strerror(ENOMEM));
	}
	json_decref(run);
	return command;
}

/**
 * stored_json - the object in the header, for JSON output; NULL without one
 * @info: the header
 */
json_t *stored_json(const struct crr_log_info *info)
{
	return parse(info);
}
