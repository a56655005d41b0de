// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * --preload: COMMAND runs with crr-preload.so, if the dynamic linker will load it.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crrctl.h"

/* What is known of an executable file. */
struct executable {
	bool is_elf;
	bool is_ours;	/* of this program's class and machine */
	bool is_dynamic;
	bool is_go;
	bool is_setid;
	char interpreter[PATH_MAX]; /* of a script; or empty */
};

/* Is one of these notes the one that Go's linker makes? */
static bool has_go_note(int fd, const Elf64_Phdr *header)
{
	struct {
		Elf64_Nhdr note;
		char name[4];
	} begin;
	uint64_t at = 0;

	while (at < header->p_filesz &&
	       pread(fd, &begin, sizeof(begin), (off_t)(header->p_offset + at)) ==
		       sizeof(begin)) {
		if (begin.note.n_namesz == sizeof(begin.name) &&
		    !memcmp(begin.name, "Go\0", sizeof(begin.name)))
			return true;
		/* Name and contents are padded to words. */
		at += sizeof(begin.note) +
		      (((uint64_t)begin.note.n_namesz + 3) & ~3ULL) +
		      (((uint64_t)begin.note.n_descsz + 3) & ~3ULL);
	}
	return false;
}

static void read_elf(int fd, const Elf64_Ehdr *elf, struct executable *exe)
{
	Elf64_Phdr header;
	int i;

	exe->is_elf = true;
#ifdef __x86_64__
	exe->is_ours = elf->e_ident[EI_CLASS] == ELFCLASS64 &&
		       elf->e_machine == EM_X86_64;
#elif defined(__aarch64__)
	exe->is_ours = elf->e_ident[EI_CLASS] == ELFCLASS64 &&
		       elf->e_machine == EM_AARCH64;
#else
	/* The dynamic linker says so if it is not. */
	exe->is_ours = true;
	exe->is_dynamic = true;
	return;
#endif
	for (i = 0; exe->is_ours && i < elf->e_phnum; i++) {
		if (pread(fd, &header, sizeof(header),
			  (off_t)(elf->e_phoff + (Elf64_Off)i * elf->e_phentsize)) !=
		    sizeof(header))
			return;
		exe->is_dynamic |= header.p_type == PT_INTERP;
		exe->is_go |= header.p_type == PT_NOTE &&
			      has_go_note(fd, &header);
	}
}

/* "#! /path/of/interpreter ARGUMENT": the path. */
static void read_script(const char *text, size_t length, char *interpreter)
{
	const char *begin = text + 2, *end = text + length;

	while (begin < end && (*begin == ' ' || *begin == '\t'))
		begin++;
	while (begin < end && !strchr(" \t\n", *begin))
		*interpreter++ = *begin++;
	*interpreter = '\0';
}

/* Returns false if it cannot be read; then nobody can say. */
static bool look(const char *path, struct executable *exe)
{
	union {
		Elf64_Ehdr elf;
		char text[256];
	} begin;
	struct stat st;
	ssize_t n;
	int fd;

	*exe = (struct executable){ 0 };
	fd = user_open_regular(path);
	if (fd < 0)
		return false;
	n = read(fd, &begin, sizeof(begin));
	exe->is_setid = !fstat(fd, &st) && (st.st_mode & (S_ISUID | S_ISGID));
	if (n >= (ssize_t)sizeof(begin.elf) &&
	    !memcmp(begin.elf.e_ident, ELFMAG, SELFMAG))
		read_elf(fd, &begin.elf, exe);
	else if (n > 2 && !memcmp(begin.text, "#!", 2))
		read_script(begin.text, (size_t)n, exe->interpreter);
	close(fd);
	return true;
}

/**
 * preload_library - the library that is to be preloaded into COMMAND
 * @command: the command
 *
 * Fails if it cannot be, and says what is possible for COMMAND instead. Returns
 * the library's path, which lasts as long as the program.
 */
const char *preload_library(char *const *command)
{
	static const char instead[] =
		"--preload has no effect on it. Without --preload it is exact if it polls its line by read(2) or FIONREAD";
	char *path = find_executable(*command);
	struct executable script, exe;
	bool known = path && look(path, &exe);
	const char *library;

	if (known && *exe.interpreter) {
		script = exe;
		known = look(script.interpreter, &exe);
	}
	if (known && exe.is_setid)
		fail("%s runs with other rights than its caller's (set-user-ID): %s",
		     *command, instead);
	if (known && exe.is_elf && !exe.is_ours)
		fail("%s is for another machine than crr-preload.so: %s",
		     *command, instead);
	if (known && exe.is_elf && !exe.is_dynamic)
		fail("%s is statically linked: %s", *command, instead);
	if (known && exe.is_go)
		warn("warning: %s is written in Go, and does not use the C library to wait: --preload may have no effect on it",
		     *command);
	free(path);
	library = installed_file("crr-preload.so", "preload", "");
	if (strpbrk(library, " :"))
		fail("%s cannot be preloaded: its path must have no blank and no colon",
		     library);
	return library;
}

/**
 * preload_export - put the library into the environment, in COMMAND's process
 * @library: preload_library()
 * @ptys: the ptys that COMMAND makes are to be its lines
 * @clock: what COMMAND learns of the time is recorded, or replayed
 * @replay: it is a replay
 */
void preload_export(const char *library, bool ptys, bool clock, bool replay)
{
	static const char *const others[] = { "CRR_PRELOAD_PTY",
					      "CRR_PRELOAD_REPLAY",
					      "CRR_PRELOAD_CLOCK",
					      "CRR_PRELOAD_NOTES",
					      "CRR_PRELOAD_PROBE" };
	const char *before = getenv("LD_PRELOAD");
	size_t i;
	char number[16], *all;

	/* Of a crrctl that has started this one. */
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		unsetenv(others[i]);
	/* Ours first: what others override they get from us. */
	if (asprintf(&all, "%s%s%s", library, before ? ":" : "",
		     before ? before : "") < 0)
		return;
	setenv("LD_PRELOAD", all, 1);
	free(all);
	snprintf(number, sizeof(number), "%d", crr_ldisc());
	setenv("CRR_PRELOAD", number, 1);
	if (ptys)
		setenv("CRR_PRELOAD_PTY", "1", 1);
	if (replay)
		setenv("CRR_PRELOAD_REPLAY", "1", 1);
	/* This process becomes COMMAND. */
	snprintf(number, sizeof(number), "%d", getpid());
	if (clock)
		setenv("CRR_PRELOAD_CLOCK", number, 1);
}
