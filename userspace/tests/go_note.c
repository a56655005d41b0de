// SPDX-License-Identifier: GPL-2.0-or-later
/* A program with the note by which those are known that Go's linker has made. */
__asm__(".pushsection .note.go.buildid, \"a\", @note\n"
	".long 4, 8, 4\n"
	".ascii \"Go\\0\\0build-id\"\n"
	".popsection\n");

int main(void)
{
	return 0;
}
