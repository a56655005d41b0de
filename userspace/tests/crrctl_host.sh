# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
#
# Tests of crrctl that need neither the module nor root: what it says. Sourced
# by crrctl_test.sh.

# ---- Without the module: what crrctl says ----

commands='attach detach record replay load status log:info log:dump log:stat
	log:verify log:repair log:diff log:cut log:cat log:export log:import
	log:report help'

# In the order of main.c's table, and under that name.
host_help() {
	run 0 crrctl --help
	empty err
	has out 'Usage: crrctl COMMAND'
	cp out all
	for command in $commands; do
		words=$(echo "$command" | tr : ' ')
		has all "  $words "
		for option in --help -h; do
			# shellcheck disable=SC2086 # a command may be two words
			run 0 crrctl $words $option
			empty err
			is "$(head -n 1 out | cut -d ' ' -f 1-3)" \
				"Usage: crrctl ${words%% *}" "first line"
			has out '  -h, --help '
			is "$(awk 'length > 79' out)" '' 'line too long'
		done
	done
	run 0 crrctl -h
	cp out short
	run 0 crrctl --help
	cmp -s out short || fail "-h and --help differ"
	# The same in other words.
	run 0 crrctl help
	cmp -s out all || fail "help and --help differ"
	for command in $commands; do
		words=$(echo "$command" | tr : ' ')
		# shellcheck disable=SC2086 # a command may be two words
		{
			run 0 crrctl $words --help
			cp out want
			run 0 crrctl help $words
			cmp -s out want || fail "help $words and --help differ"
		}
	done
	# Of the log commands alone.
	run 0 crrctl log --help
	empty err
	has out 'Usage: crrctl log COMMAND'
	grep '^  ' out > listed
	grep '^  log ' all | diff - listed > diff.out || fail "$(cat diff.out)"
	cp out want
	for words in 'log -h' 'help log'; do
		# shellcheck disable=SC2086 # words
		run 0 crrctl $words
		cmp -s out want || fail "$words and log --help differ"
	done
	# Not to the end: help is help, whatever else was said.
	run 0 crrctl record --force --help -o x
	has out 'Usage: crrctl record'
}

host_version() {
	run 0 crrctl --version
	is "$(cat out)" "crrctl $(sed -n 's/^#define CRR_VERSION "\(.*\)"/\1/p' \
		"$tests/../include/crr.h")" version
	run 0 crrctl -V
}

# usage STATUS HINT WORD...: refused, with this hint.
usage() {
	want=$1 hint=$2
	shift 2
	run "$want" crrctl "$@"
	empty out
	has err 'crrctl: '
	is "$(tail -n 1 err)" "Try '$hint --help'." 'the hint'
}

host_usage() {
	usage 2 crrctl
	usage 2 crrctl nosuch
	usage 2 crrctl --nosuch
	usage 2 crrctl -x
	usage 2 'crrctl log' log nosuch
	has err 'no such command: log nosuch'
	usage 2 'crrctl log' log
	usage 2 crrctl help nosuch
	usage 2 'crrctl log' help log nosuch
	usage 2 'crrctl help' help record replay
	usage 2 'crrctl load' load
	usage 2 'crrctl load' load a
	usage 2 'crrctl load' load --nosuch a /dev/null
	usage 2 'crrctl load' load -b 1K a /dev/null
	run 1 crrctl load nosuch.crr /dev/null
	has err 'nosuch.crr: No such file or directory'
	for command in 'attach' 'detach' 'status' 'log info' 'log dump'; do
		# shellcheck disable=SC2086 # a command may be two words
		{
			usage 2 "crrctl $command" $command
			usage 2 "crrctl $command" $command a b
			usage 2 "crrctl $command" $command --nosuch a
			usage 2 "crrctl $command" $command -Z a
		}
		has err 'unknown option -Z'
	done
	for command in record replay; do
		usage 125 "crrctl $command" "$command"
		usage 125 "crrctl $command" "$command" --nosuch
		has err 'unknown option --nosuch'
		usage 125 "crrctl $command" "$command" -Z
		usage 125 "crrctl $command" "$command" -b
		has err '-b needs an argument'
		usage 125 "crrctl $command" "$command" --buffer
		has err '--buffer needs an argument'
		for bad in '' x 8X 8MB -8M 1e3 99999999999999999999 1K 255K 257M \
			18014398509481984K; do
			usage 125 "crrctl $command" "$command" -b "$bad" \
				-o a a -- true
		done
	done
	usage 125 'crrctl record' record /dev/ttyS0
	has err '-o'
	usage 125 'crrctl record' record -o a -p true /dev/ttyS0
	usage 125 'crrctl record' record -o a --resume
	usage 125 'crrctl record' record -o a --resume /dev/ttyS0 -- true
	usage 125 'crrctl record' record -o a --resume --force /dev/ttyS0
	usage 125 'crrctl record' record -o a --resume --discard /dev/ttyS0
	usage 125 'crrctl replay' replay -- true
	# COMMAND without its --.
	for command in 'record -o a' 'replay a'; do
		# shellcheck disable=SC2086 # words
		{
			usage 125 "crrctl ${command%% *}" $command true
			has err 'true: No such file or directory; a COMMAND must follow --'
			usage 125 "crrctl ${command%% *}" $command /bin/sh x
			has err '/bin/sh is not a tty; a COMMAND must follow --'
		}
	done
	for bad in '' x -1 nan 1s 1e20; do
		usage 125 'crrctl replay' replay --stall "$bad" a
		usage 125 'crrctl replay' replay --grace "$bad" a
		usage 125 'crrctl replay' replay --timeout "$bad" a
		usage 125 'crrctl record' record --timeout "$bad" -o a
	done
	usage 125 'crrctl replay' replay --on-diverge=explode a
	has err explode
	[ ! -e a ] || fail 'a file was made'
}

# An option that takes no argument, and gets one, is not unknown.
host_usage_argument() {
	usage 2 'crrctl log info' log info --json=yes a
	lacks err 'unknown option'
	has err json
}

# Options and manual page tell the same; so do statuses.
host_manual() {
	man=$work/manuals
	cat "$tests"/../man/crrctl.1.scd "$tests"/../man/crrctl-log.1.scd > "$man"
	for command in $commands; do
		words=$(echo "$command" | tr : ' ')
		sed -n "/^## $words\$/,/^## \|^# /p" "$man" > page
		[ -s page ] || fail "no section for $words"
		# shellcheck disable=SC2086 # a command may be two words
		run 0 crrctl $words --help
		sed -n 's/^  -\(.\), --\([a-z-]*\).*/*-\1*, *--\2*/p' out |
			grep -v -e '--help' | sort > options
		grep -o '^\*-.\*, \*--[a-z-]*\*' page | sort > documented
		diff options documented > diff.out ||
			fail "$words: help (<) and manual (>): $(cat diff.out)"
	done
	for status in 120 121 122 123 125 126 127; do
		grep -q "\*$status\*" "$man" || fail "no status $status in $man"
	done
}

# An underscore is scdoc's for italics: in front of a word it takes all up to the
# next one for a word, and neither is to be seen.
host_manual_names() {
	for page in "$tests"/../man/*.scd; do
		run 0 scdoc < "$page"
		sed 's/\\fR/\n/g' out | sed -n 's/.*\\fI//p' > italics
		! grep -n '^[ ,;:)]\|[ ,;:]$' italics ||
			fail "$page: not a word"
		# Names with an underscore inside.
		sed 's/\\f[BIR]//g; s/\\&//g; s/\\(//g; s/\\//g' out > plain
		sed 's/\\//g' "$page" |
			grep -oE '[A-Za-z0-9]+(_[A-Za-z0-9]+)+' | sort -u > names
		while read -r name; do
			grep -qwF "$name" plain || fail "$page: no $name"
		done < names
	done
}

# json_keys: the names of all members of the JSON on standard input.
json_keys() {
	jq -r '[.. | objects | keys[]] | unique[]' | sort -u
}

# documented PAGE MINIMUM: PAGE has each of the names in the file keys, which are
# MINIMUM or more.
documented() {
	[ "$(wc -l < keys)" -ge "$2" ] || fail "$1: $(cat keys)"
	while read -r key; do
		grep -q "_${key}_" "$1" || fail "$1: no $key"
	done < keys
}

# The members of the text format and of JSON are in the manual pages.
host_manual_keys() {
	source=$tests/../crrctl
	sed -n '/^## text/,/^## cast/p' "$tests/../man/crrctl-log.1.scd" > text
	{
		sed -n 's/^\t\(MEMBER\|NAMED\|COUNT\)("\([a-z0-9_]*\)".*/\2/p
			s/^\t{ "\([a-z]*\)", "[a-z]*", [a-z]*, CRR_FLAG.*/\1/p' \
			"$source/record_types.c"
		printf '%s\n' created delivery counter command run
	} > keys
	documented text 36
	sed '/^## text/,$d' "$tests/../man/crrctl-log.1.scd" | cat - text > page
	for log in "$tests"/golden/*.crr; do
		crrctl log info --json "$log"
		crrctl log dump --json --hz 1M "$log"
		crrctl log stat --json "$log"
	done > json 2> err || :
	json_keys < json > keys
	documented page 63
	# golden/every.crr has the largest value of each member.
	json json 'all(.. | numbers; . < 9007199254740992 and . > -9007199254740992)'
	{
		sed -n 's/.*json_set(object, "\([a-z_]*\)".*/\1/p' "$source/status.c"
		sed -n 's/^\tFIGURE("[^"]*", \([a-z_]*\),.*/\1/p
			s/^\t{ "[^"]*", "\([a-z_]*\)", CRR_[SW].*/\1/p' \
			"$source/status.c"
	} | sort -u > keys
	documented "$tests/../man/crrctl.1.scd" 20
}

# completed WORD...: what bash makes of the last one.
completed() {
	bash -c '
		. "$1"
		shift
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_crrctl
		printf "%s\n" "${COMPREPLY[@]}"' bash \
		"$tests/../completion/crrctl" "$@" 2> err | sort | paste -s -d ' ' -
}

# Every command, and its options: as --help has them.
host_completion() {
	is "$(completed crrctl d)" detach 'd'
	is "$(completed crrctl re)" 'record replay' 're'
	is "$(completed crrctl log re)" 'repair report' 'log re'
	is "$(completed crrctl log --)" '--help' 'log --'
	is "$(completed crrctl help re)" 'record replay' 'help re'
	is "$(completed crrctl help log re)" 'repair report' 'help log re'
	is "$(completed crrctl help cut x)" '' 'help cut x'
	is "$(completed crrctl log dump --t)" '--time --type' 'log dump --t'
	is "$(completed crrctl log export --format p)" pcapng 'a format'
	is "$(completed crrctl log export -F p)" pcapng 'a format, in short'
	is "$(completed crrctl log import -F q)" qemu-rr 'what is imported'
	is "$(completed crrctl log dump -T WR)" WRITE 'a type'
	is "$(completed crrctl log dump --type '' | wc -w)" \
		"$(grep -c '^	{ CRR_TYPE_' "$tests/../crrctl/record_types.c")" types
	is "$(completed crrctl log dump --type READ,WR)" READ,WRITE 'a list of types'
	is "$(completed crrctl log diff -C al)" always 'a colour'
	is "$(completed crrctl record -F p)" '' 'nothing, after a flag'
	is "$(completed crrctl record -o a -- cmd --f)" '' 'another command'
	for command in $commands; do
		words=$(echo "$command" | tr : ' ')
		# shellcheck disable=SC2086 # a command may be two words
		{
			run 0 crrctl $words --help
			is "$(completed crrctl $words --)" "$(sed -n \
				's/^  -., \(--[a-z-]*\).*/\1/p' out | sort | paste -s -d ' ' -)" \
				"options of $words"
		}
	done
}

# Where it was built it can be tried at once.
host_not_installed() {
	run 0 env -u LD_LIBRARY_PATH "$build/crrctl/crrctl" --version
}

# The library gives what its header declares, and nothing else.
host_exports() {
	lib=$tests/../lib/libcrr.map
	sed -n 's/^\t\(crr_[a-z_]*\);$/\1/p' "$lib" | sort > exported
	grep -hv '^#' "$tests/../include/crr.h" "$tests/../../kmod/record.h" |
		tr '\n' ' ' | sed 's,/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/,,g' |
		sed 's/static inline [^}]*}//g' | tr ';{}' '[\n*]' |
		sed -n 's/.*[ *]\(crr_[a-z_]*\)(.*/\1/p' | sort -u > declared
	diff exported declared > diff.out ||
		fail "map (<) and header (>): $(cat diff.out)"
	nm -D --defined-only "$work/bin/libcrr.so.0" |
		sed -n 's/.* T \([^@]*\).*/\1/p' | grep -v '^_' | sort > symbols
	diff exported symbols > diff.out ||
		fail "map (<) and library (>): $(cat diff.out)"
	# A manual page names each.
	while read -r function; do
		grep -q "\b$function\b" "$tests/../man/libcrr.3.scd" ||
			fail "not in libcrr(3): $function"
	done < declared
}

host_header() {
	printf '#include <crr.h>\nint main() { return !crr_version(); }\n' > a.c
	cp a.c a.cc
	set -- -fsyntax-only -Wall -Wextra -Werror -I"$tests/../include" \
		-I"$tests/../../uapi"
	run 0 "${CC:-cc}" "$@" -std=gnu99 a.c
	run 0 "${CC:-cc}" "$@" -std=gnu17 a.c
	command -v "${CXX:-c++}" > /dev/null || skip 'no C++ compiler'
	run 0 "${CXX:-c++}" "$@" -std=c++11 a.cc
}

# A tty without N_CRR, and what is no tty.
host_no_line() {
	run 1 crrctl status /dev/null
	has err '/dev/null is not a tty'
	run 1 crrctl status /dev/nosuch
	has err '/dev/nosuch: No such file or directory'
	run 1 crrctl detach /dev/null
	empty out
	start line name < /dev/null > /dev/null
	soon test -f name
	run 1 crrctl status "$(cat name)"
	is "$(cat err)" "crrctl: $(cat name) does not have N_CRR" message
	run 1 crrctl status --json "$(cat name)"
	empty out
	run 1 crrctl detach "$(cat name)"
	has err 'does not have N_CRR'
}

# no_modprobe DIRECTORY: in it, one that does nothing but say so.
no_modprobe() {
	mkdir -p "$1"
	printf '#!/bin/sh\necho "$*" >> %s/modprobed\n' "$PWD" > "$1/modprobe"
	chmod +x "$1/modprobe"
}

# Programs into which no library can be loaded: found before anything is started.
host_preload() {
	run 125 crrctl record --preload -o a.crr -- /sbin/ldconfig {}
	has err 'ldconfig is statically linked'
	run 125 crrctl record --preload -o a.crr -- su {}
	has err 'su runs with other rights'
	printf '#! /sbin/ldconfig -v\n' > script
	chmod u+x script
	run 125 crrctl record --preload -o a.crr -- ./script {}
	has err 'script is statically linked'
	head -c 18 "$(command -v crrctl)" > other
	printf '\267\0' >> other
	tail -c +21 "$(command -v crrctl)" >> other
	chmod u+x other
	run 125 crrctl record --preload -o a.crr -- ./other {}
	has err 'other is for another machine'
	mkfifo fifo
	chmod u+x fifo
	# Not opened: that would wait for its other end.
	crrctl record --preload -q -o a.crr -- ./fifo {} > out 2> err || :
	rm -f a.crr
	crrctl record --preload -q -o a.crr -- go_note {} > out 2> err || :
	has err 'go_note is written in Go'
	rm -f a.crr
	usage 125 'crrctl record' record --preload -o a.crr
	usage 125 'crrctl record' record --preload --qemu -o a.crr -- qemu-system-arm
	[ ! -e a.crr ] || fail 'there is a log'
}

# What a program does is counted, and nothing changed: no module is needed.
host_probe() {
	# shellcheck disable=SC2016 # expands there
	run 3 crrctl probe -- sh -c 'read -r line; echo "$line"; exit 3' < /dev/null
	has err 'nothing: exact if it polls'
	run 137 crrctl probe -- sh -c 'kill -9 $$'
	run 127 crrctl probe -- ./none
	usage 125 'crrctl probe' probe
	usage 125 'crrctl probe' probe true -- true
	run 125 crrctl probe -- /sbin/ldconfig
	has err 'is statically linked'
	run 0 crrctl probe -- waiter poll 1 0
	has err '1  makes a pty: use --preload'
	run 0 crrctl probe -- printf '%s\n' '{} {0}'
	is "$(cat out)" '{} {0}' 'words that record would replace'
	printf '#!/bin/sh\n' > qemu-system-none
	chmod +x qemu-system-none
	run 0 crrctl probe -- ./qemu-system-none
	has err 'use --qemu and not --preload'
	run 0 interrupted
	run 0 crrctl probe -- interrupted
	# It can reach what it shares with crrctl, and not take it away.
	run 1 crrctl probe -- python3 -c \
		'import os; os.truncate("/proc/self/fd/600", 0)'
	has err 'not permitted'
	has err 'reads the time'
	run 0 crrctl probe -- python3 "$tests/emulators/sources.py" < /dev/null
	is "$(cat out)" "1 0 0" 'what it printed'
	has err '3  waits for a tty by poll, select or epoll: use --preload'
	has err '2  waits for a tty in vain'
	has err '1  waits for other files as well: not recorded'
	has err '1  asks for modem lines'
	has err '1  makes a pty'
	has err 'reads the time: use --preload'
	has err '1  sets timers: not recorded'
	has err 'asks the kernel for random numbers: not recorded'
	has err '1  starts threads: their order is not recorded'
	has err '1  uses a tty in several threads: not exact'
}

host_no_module() {
	! grep -q '^n_crr ' /proc/tty/ldiscs || skip 'the module is loaded'
	no_modprobe fake
	PATH=$PWD/fake:$PATH
	mklog all > all.crr
	run 125 crrctl record -o a.crr -- true
	has err 'the module n_crr is not loaded'
	run 125 crrctl replay all.crr -- true
	has err 'the module n_crr is not loaded'
	run 1 crrctl attach /dev/null
	has err 'the module n_crr is not loaded'
	is "$(sort -u modprobed)" 'n_crr' 'what modprobe was asked'
	lacks err ': modprobe'
	# What it says, and what to do.
	while IFS='|' read -r said advice; do
		printf '#!/bin/sh\necho "modprobe: %s" >&2; exit 1\n' "$said" \
			> fake/modprobe
		run 1 env PATH="$PWD/fake:$PATH" crrctl attach /dev/null
		has err "did not load it: modprobe: $said"
		[ "$(id -u)" != 0 ] || has err "$advice"
	done <<-REASONS
		ERROR: could not insert 'n_crr': Key was rejected by service|mokutil
		ERROR: could not insert 'n_crr': Required key not available|mokutil
		FATAL: Module n_crr not found in directory /lib/modules/1|dkms status
		ERROR: could not insert 'n_crr': Exec format error|another kernel
		ERROR: could not insert 'n_crr': Cannot allocate memory|dmesg
	REASONS
	# However much that is.
	printf '#!/bin/sh\nyes words | head -c 200000 >&2; exit 1\n' > fake/modprobe
	run 1 env PATH="$PWD/fake:$PATH" crrctl attach /dev/null
	has err 'did not load it: words'
	no_modprobe fake
	chmod 666 modprobed
	[ ! -e a.crr ] || fail 'a file was made'
	if [ "$(id -u)" = 0 ]; then
		lacks err 'this needs root'
		need_nobody
		chmod 777 .
		run 125 nobody crrctl record -o a.crr -- true
	fi
	has err 'this needs root'
}

# ---- Installation ----

# Make, apart from the one that may be running these tests.
plain_make() {
	env -u MAKEFLAGS -u MAKEOVERRIDES -u MFLAGS -u MAKELEVEL \
		make -s -C "$tests/../.." "$@"
}

# What is in a directory, but for directories.
files_in() {
	(cd "$1" && find . ! -type d | sed 's,^\.,,' | sort)
}

host_install() {
	mkdir o
	ln -s "$build" o/userspace
	cat > want <<-'FILES'
	/usr/local/bin/crrctl
	/usr/local/include/crr.h
	/usr/local/include/crr/record.h
	/usr/local/include/linux/crr.h
	/usr/local/lib/crr/crr-preload.so
	/usr/local/lib/crr/crr-qemu.so
	/usr/local/lib/libcrr.a
	/usr/local/lib/libcrr.so
	/usr/local/lib/libcrr.so.0
	/usr/local/lib/pkgconfig/libcrr.pc
	/usr/local/lib/python/crr-VERSION.dist-info/METADATA
	/usr/local/lib/python/crr-VERSION.dist-info/entry_points.txt
	/usr/local/lib/python/crr/__init__.py
	/usr/local/lib/python/crr/_lib.py
	/usr/local/lib/python/crr/emulator.py
	/usr/local/lib/python/crr/log.py
	/usr/local/lib/python/crr/py.typed
	/usr/local/lib/python/crr/pytest_plugin.py
	/usr/local/lib/python/crr/run.py
	/usr/local/lib/python/crr/session.py
	/usr/local/sbin/ldattach
	/usr/local/share/bash-completion/completions/crrctl
	/usr/local/share/man/man1/crrctl-log.1
	/usr/local/share/man/man1/crrctl.1
	/usr/local/share/man/man3/libcrr.3
	/usr/local/share/man/man4/crr.4
	/usr/local/share/man/man5/crr-log.5
	/usr/local/share/man/man7/crr-qemu.7
	FILES
	# For all users, whatever root's umask is.
	umask 077
	run 0 plain_make install-userspace O="$PWD/o" DESTDIR="$PWD/root" \
		PYTHONDIR=/usr/local/lib/python
	umask 022
	empty err
	is "$(find root/usr ! -perm -go=r -o -type d ! -perm -go=x)" '' \
		'what others cannot read'
	files_in root | sed 's/crr-[0-9.]*\.dist/crr-VERSION.dist/' > got
	diff want got > diff.out || fail "wanted (<) and installed (>): $(cat diff.out)"
	cmp -s "$tests/../../kmod/record.h" root/usr/local/include/crr/record.h ||
		fail 'record.h is another'
	is "$(stat -c %a root/usr/local/bin/crrctl)" 755 'mode of crrctl'
	is "$(stat -c %a root/usr/local/lib/libcrr.so.0)" 644 'mode of the library'
	run 0 root/usr/local/bin/crrctl --version

	# Against what was installed, as pkg-config tells.
	cat > a.c <<-'PROGRAM'
	#include <crr.h>
	#include <string.h>
	int main(void) { return strcmp(crr_version(), CRR_VERSION); }
	PROGRAM
	PKG_CONFIG_PATH=$PWD/root/usr/local/lib/pkgconfig
	PKG_CONFIG_SYSROOT_DIR=$PWD/root
	export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
	# shellcheck disable=SC2046,SC2086 # options
	run 0 "${CC:-cc}" -Wall -Werror ${CFLAGS-} -o a a.c \
		$(pkg-config --cflags --libs libcrr)
	LD_LIBRARY_PATH=$PWD/root/usr/local/lib run 0 ./a
	is "$(pkg-config --modversion libcrr)" "$(./a && crrctl --version |
		cut -d ' ' -f 2)" 'the version that pkg-config tells'
	unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR

	run 0 plain_make uninstall O="$PWD/o" DESTDIR="$PWD/root" \
		PYTHONDIR=/usr/local/lib/python
	is "$(files_in root)" '' 'what is left'

	# Versions before 0.2 were in sbin. A crrctl that is not crr's stays.
	mkdir -p root/usr/local/sbin
	for make in install-userspace uninstall; do
		cp "$(command -v crrctl)" root/usr/local/sbin
		run 0 plain_make $make O="$PWD/o" DESTDIR="$PWD/root"
		[ ! -e root/usr/local/sbin/crrctl ] || fail "$make: an old crrctl is left"
		echo other > root/usr/local/sbin/crrctl
		run 0 plain_make $make O="$PWD/o" DESTDIR="$PWD/root"
		is "$(cat root/usr/local/sbin/crrctl)" other "another's crrctl after $make"
	done
	rm root/usr/local/sbin/crrctl
	run 0 plain_make install-userspace O="$PWD/o" DESTDIR="$PWD/root" \
		BINDIR=/usr/local/sbin
	[ -x root/usr/local/sbin/crrctl ] || fail 'not in BINDIR'
	run 0 plain_make uninstall O="$PWD/o" DESTDIR="$PWD/root" \
		BINDIR=/usr/local/sbin
	is "$(files_in root)" '' 'what is left'

	# Elsewhere; ldattach has to be where root's PATH finds it first.
	sed 's,^/usr/local/\([^s]\|sh\),/opt/crr/\1,' want | sort > there
	run 0 plain_make install-userspace O="$PWD/o" DESTDIR="$PWD/root" \
		PREFIX=/opt/crr PYTHONDIR=/opt/crr/lib/python
	files_in root | sed 's/crr-[0-9.]*\.dist/crr-VERSION.dist/' > got
	diff there got > diff.out || fail "wanted (<) and installed (>): $(cat diff.out)"
	contains root/opt/crr/lib/pkgconfig/libcrr.pc /opt/crr/include ||
		fail "libcrr.pc: $text"
	run 0 plain_make uninstall O="$PWD/o" DESTDIR="$PWD/root" PREFIX=/opt/crr \
		PYTHONDIR=/opt/crr/lib/python
	is "$(files_in root)" '' 'what is left'
}

# A page that cannot be made is not there, and so is none that install would find.
host_half_made() {
	mkdir bin
	for program in env make sh mkdir gcc sed uname rm; do
		ln -s "$(command -v $program)" bin
	done
	for what in '' 'echo half; exit 1' 'echo half; kill -9 $$'; do
		rm -f bin/scdoc
		if [ -n "$what" ]; then
			printf '#!/bin/sh\n%s\n' "$what" > bin/scdoc
			chmod +x bin/scdoc
		fi
		run 2 plain_make -C userspace man O="$PWD/o" PATH="$PWD/bin"
		is "$(files_in o)" '' 'what was made'
	done
	run 0 plain_make -C userspace man O="$PWD/o"
	is "$(files_in o | wc -l)" 6 'pages'
}

# As installed, before the real one in PATH, which is one that tells its words;
# and a kernel that is one only as far as the wrapper looks.
make_ldattach() {
	mkdir -p local real fake
	cp "$tests/../ldattach" local
	printf '#!/bin/sh\nprintf "<%%s>" "$@"\nexit 7\n' > real/ldattach
	printf '#!/bin/sh\n[ ! -e loaded ] || echo 23\n' > fake/awk
	printf '#!/bin/sh\necho "$*" >> modprobed\n: > loaded\n' > fake/modprobe
	chmod +x real/ldattach fake/awk fake/modprobe
	PATH=$PWD/local:$PWD/real:$PWD/fake:$PATH
}

host_ldattach() {
	make_ldattach
	# Whatever it is called with goes there as it is, and its status back.
	for words in '' 'PPS /dev/ttyS0' '--help' '-V' '29 /dev/ttyS0' \
		'-s 9600 GIGASET_M101 /dev/ttyS0' '-d7n1 X' \
		'-s N_CRR PPS /dev/ttyS0' '--speed N_CRR PPS x' '-ds N_CRR x y' \
		'-c N_CRR -p 5 x y' '--intro-command N_CRR x y' '-i N_CRR x y' \
		'--if N_CRR x y' '--speed=N_CRR x y' '-sN_CRR x y' \
		'PPS N_CRR' '-- PPS N_CRR' 'n_crr /dev/ttyS0' 'N_CRR2 x'; do
		expected=
		for word in $words; do
			expected="$expected<$word>"
		done
		# shellcheck disable=SC2086 # words
		run 7 ldattach $words
		is "$(cat out)" "${expected:-<>}" "words of ldattach $words"
		empty err
	done
	run 7 ldattach 'a b' '' "c'd" '*'
	is "$(cat out)" "<a b><><c'd><*>" 'words'
	[ ! -e modprobed ] || fail 'a module was loaded'

	for words in 'N_CRR /dev/ttyS0' '-s 9600 N_CRR /dev/ttyS0' \
		'-ds 9600 N_CRR x' '-s9600 -8n1 N_CRR x' '-- N_CRR x' \
		'--speed 9600 --debug N_CRR x' '--speed=9600 N_CRR x' \
		'--pause 3 -i ixon N_CRR x' 'N_CRR -d x' 'N_CRR N_CRR'; do
		expected=
		first=true
		# shellcheck disable=SC2086 # words
		for word in $words; do
			if $first && [ "$word" = N_CRR ]; then
				first=false
				word=23
			fi
			expected="$expected<$word>"
		done
		rm -f loaded modprobed
		# shellcheck disable=SC2086 # words
		run 7 ldattach $words
		is "$(cat out)" "$expected" "words of ldattach $words"
		is "$(cat modprobed)" n_crr 'what was loaded'
	done
	run 7 ldattach N_CRR 'a b' '' '*'
	is "$(cat out)" '<23><a b><><*>' words
	# It is there already.
	rm modprobed
	run 7 ldattach N_CRR x
	is "$(cat out)" '<23><x>' words
	[ ! -e modprobed ] || fail 'it was loaded again'
	# A link to it is not the real one.
	mkdir link
	ln -s ../local/ldattach link
	PATH=$PWD/link:$PATH
	run 7 ldattach N_CRR x

	# It cannot be loaded: the real one is not asked.
	rm loaded
	printf '#!/bin/sh\necho no module >&2; exit 1\n' > fake/modprobe
	run 1 ldattach N_CRR x
	empty out
	has err 'no module'
}
