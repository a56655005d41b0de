// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that are installed beside libcrr. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crrctl.h"

/**
 * installed_file - find a file of the same installation, or build, as libcrr
 * @name: its name
 * @built: its folder in a build
 * @otherwise: what the user can do if it is missing, or ""
 *
 * Returns the path, which lasts as long as the program.
 */
char *installed_file(const char *name, const char *built, const char *otherwise)
{
	const char *const folders[] = { "crr", built };
	char library[PATH_MAX], *path;
	Dl_info info;
	size_t i;

	if (!dladdr((void *)crr_version, &info) ||
	    !realpath(info.dli_fname, library))
		fail("cannot find where libcrr is installed, and %s%s", name,
		     otherwise);
	*strrchr(library, '/') = '\0';
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (asprintf(&path, "%s/%s/%s", library, folders[i], name) < 0)
			fail("%s", strerror(ENOMEM));
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	fail("%s/crr/%s is missing: install it with 'make install'%s", library,
	     name, otherwise);
}
