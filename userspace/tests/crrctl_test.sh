#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# crrctl_test.sh [--host] BUILD [PATTERN]: tests of crrctl, as its users have
# it. BUILD is where userspace was built, with its tests; only those tests are
# run whose name matches the shell's PATTERN.
#
# --host: those in crrctl_host.sh, crrctl_log.sh, crrctl_export.sh and
# crrctl_output.sh, which need neither module nor root. Else
# those in crrctl_line.sh, which need root, and the module loaded; without, they
# are skipped. In the environment:
#
#   CRR_PAIR   two serial ports, a null modem between them: "/dev/ttyS2
#              /dev/ttyS3"; without, tests of serial ports are skipped
#
#   CRR_TIMEOUT  seconds that a test may take: 300
#   CRR_SANITIZED  not empty: crrctl has the sanitizers, whose own memory is
#                not to be bounded
#   CRR_BRIEF    not empty: without those that take longest, of which others
#                test nearly the same
#   CRR_HUGE     bytes of the log in log_huge; CRR_KILLS rounds of
#                line_killed_often
#
# Prints TAP. A test is a function; that there is one is enough for it to run.
#
# shellcheck source-path=SCRIPTDIR
set -u
unset CDPATH LANGUAGE

tests=$(cd "$(dirname "$0")" && pwd)
self=$tests/$(basename "$0")

# A process costs more than all else in a slow guest: what the shell can do
# itself, it does.

# ---- What tests say ----

# Of a test that cannot go on.
fail() {
	echo "$*"
	for file in out err; do
		[ ! -s "$file" ] || { echo "--- $file:"; head -n 30 "$file"; }
	done
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

# nobody COMMAND...: as another user, who has no right. Where there is no such user,
# or the work directory is closed to others, need_nobody skips the test.
nobody() {
	setpriv --reuid=65534 --clear-groups -- "$@"
}

need_nobody() {
	nobody crrctl --version > /dev/null 2>&1 ||
		skip 'no other user can run crrctl here'
}

# run STATUS COMMAND...: its output goes to the files out and err.
run() {
	want=$1
	shift
	status=0
	"$@" > out 2> err || status=$?
	[ "$status" = "$want" ] || fail "status $status, not $want: $*"
}

# What a file of text holds, without the last newline, in text.
slurp() {
	text=
	newline=
	while IFS= read -r line || [ -n "$line" ]; do
		text=$text$newline$line
		newline='
'
	done < "$1"
}

contains() {
	[ -f "$1" ] || return
	slurp "$1"
	case $text in
	*"$2"*) ;;
	*) return 1 ;;
	esac
}

# A file contains a text, or it does not.
has() {
	contains "$1" "$2" || fail "not in $1: $2"
}

lacks() {
	! contains "$1" "$2" || fail "in $1: $2"
}

empty() {
	[ ! -s "$1" ] || { slurp "$1"; fail "$1 is not empty: $text"; }
}

# How many of its lines contain a text.
lines_with() {
	lines=0
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		*"$2"*) lines=$((lines + 1)) ;;
		esac
	done < "$1"
}

# is GOT WANT WHAT
is() {
	[ "$1" = "$2" ] || fail "$3: '$1', not '$2'"
}

# json FILE EXPRESSION: true for all of the file's values.
json() {
	jq -s -e "$2" "$1" > /dev/null 2> jq.err ||
		fail "not true of $1: $2: $(cat jq.err)"
}

# soon COMMAND...: a condition that is to come about. The machine may be slow
# and shared.
soon() {
	condition=$*
	tries=0
	until "$@" 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 1000 ] || fail "never came about: $condition"
		sleep 0.02
	done
	condition=
}

# Start a command in the background; pid is its number. It has start's standard
# input, where a shell would give it /dev/null; SIGINT it ignores.
start() {
	"$@" <&3 3<&- &
	pid=$!
	echo "$pid" >> pids
} 3<&0

# The same, for a command that is to be interrupted.
start_foreground() {
	start env --default-signal=INT "$@"
}

# The state of a process is a letter; none if it has gone.
state_of() {
	state=
	[ ! -r "/proc/$1/stat" ] || read -r state 2>/dev/null < "/proc/$1/stat" ||
		:
	state=${state##*) }
	state=${state%% *}
}

ended() {
	state_of "$1"
	case $state in
	'' | Z) ;;
	*) return 1 ;;
	esac
}

is_stopped() {
	state_of "$1"
	case $state in
	[Tt]) ;;
	*) return 1 ;;
	esac
}

# finish PID STATUS: it ends with this status.
finish() {
	soon ended "$1"
	status=0
	wait "$1" || status=$?
	is "$status" "$2" "status of process $1"
}

# ---- Logs ----

# How many bytes.
size() {
	stat -c %s "$1"
}

# Where the blocks end of a log that mklog split has made, in blocks: a node with
# an entry for each record, and the footer, follow.
blocks_of() {
	entries=$(crrctl log dump "$1" | wc -l)
	blocks=$(($(size "$1") - 48 - 32 * entries - 48))
}

# put FILE OFFSET BYTE: a byte, in octal, into a file.
put() {
	# shellcheck disable=SC2059 # the byte is the format
	printf "\\$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# cut_to FILE LENGTH: its first bytes.
cut_to() {
	head -c "$2" "$1"
}

# ---- Running them ----

# One test, in a shell of its own.
end_processes() {
	[ -f pids ] || return 0
	while read -r process; do
		kill -KILL "$process" 2>/dev/null
		kill -CONT "$process" 2>/dev/null
	done < pids
}

. "$tests/crrctl_host.sh"
. "$tests/crrctl_log.sh"
. "$tests/crrctl_export.sh"
. "$tests/crrctl_output.sh"
. "$tests/crrctl_line.sh"

if [ "$1" = --one ]; then
	trap end_processes EXIT
	condition=
	trap 'fail "it took too long; waiting for: $condition"' TERM
	"$2"
	exit
fi

# What the shell was started with, and cannot undo: signals that are ignored.
# What others have to be able to read: all that is made here.
[ -n "${CRR_SIGNALS-}" ] || CRR_SIGNALS=default exec env \
	--default-signal=HUP,INT,QUIT,PIPE,TERM,CHLD sh "$self" "$@"
umask 022

parts=crrctl_line.sh
if [ "$1" = --host ]; then
	parts='crrctl_host.sh crrctl_log.sh crrctl_export.sh crrctl_output.sh'
	shift
fi
build=$(cd "$1" && pwd) || exit
pattern=${2-*}
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# Some machines mount /tmp noexec.
printf '#!/bin/sh\n' > "$work/runs"
chmod +x "$work/runs"
"$work/runs" 2> /dev/null || {
	rm -rf "$work"
	work=$(mktemp -d "$build/tests.XXXXXX") || exit
}
# Another user is to run it as well.
chmod 755 "$work"
mkdir "$work/bin" "$work/bin/crr"
cp "$build"/crrctl/crrctl "$build"/libcrr.so.0 "$build"/tests/emulator \
	"$build"/tests/line "$build"/tests/mklog "$build"/tests/old_fs.so \
	"$build"/tests/pending "$build"/tests/waiter "$build"/tests/go_note \
	"$build"/tests/interrupted "$work/bin"
cp "$build"/preload/crr-preload.so "$work/bin/crr"
chmod 755 "$work"/bin/*
PATH=$work/bin:$PATH:/usr/sbin:/sbin
LD_LIBRARY_PATH=$work/bin
LC_ALL=C.UTF-8
TZ=UTC
export build work PATH LD_LIBRARY_PATH LC_ALL TZ
unset SUDO_UID SUDO_GID SUDO_USER POSIXLY_CORRECT

# shellcheck disable=SC2086 # names
names=$(cd "$tests" && sed -n 's/^\(\(host\|log\|line\)_[a-z_]*\)() {$/\1/p' \
	$parts)
left_out=
[ -z "${CRR_BRIEF-}" ] || for name in log_cut_everywhere line_output_named \
	line_output_appears line_progress line_terminal_restored \
	line_interrupt_group line_interrupt_ignored line_resume_any \
	line_resume_refused line_resume_other line_killed_often \
	line_lines_resumed line_disk_full_followed line_disk_full_live \
	line_sudo_unknown; do
	left_out="$left_out $name"
done
selected=
total=0
for name in $names; do
	case " $left_out " in
	*" $name "*) continue ;;
	esac
	# shellcheck disable=SC2254 # a pattern
	case $name in
	$pattern)
		selected="$selected $name"
		total=$((total + 1))
		;;
	esac
done
without=
grep -q '^n_crr ' /proc/tty/ldiscs || without='the module n_crr is not loaded'
[ "$(id -u)" = 0 ] || without='needs root'

echo "TAP version 13"
echo "1..$total"
number=0 passed=0 failed=0 skipped=0
for name in $selected; do
	number=$((number + 1))
	case $name in
	line_*)
		if [ -n "$without" ]; then
			skipped=$((skipped + 1))
			echo "ok $number - $name # SKIP $without"
			continue
		fi
		;;
	esac
	mkdir "$work/$name"
	cd "$work/$name" || exit
	read -r begun _ < /proc/uptime
	# A process group of its own, all of which ends if it takes too long.
	timeout -k 10 "${CRR_TIMEOUT-300}" sh "$self" --one "$name" < /dev/null > "$work/log" 2>&1
	status=$?
	cd "$work" || exit
	case $status in
	0)
		passed=$((passed + 1))
		echo "ok $number - $name"
		;;
	77)
		skipped=$((skipped + 1))
		echo "ok $number - $name # SKIP $(tail -n 1 log)"
		;;
	*)
		failed=$((failed + 1))
		echo "not ok $number - $name"
		awk '{ print "# " substr($0, 1, 300) }' log
		;;
	esac
	read -r ended _ < /proc/uptime
	took=$((${ended%.*} - ${begun%.*}))
	[ "$took" -lt 5 ] || echo "# $name took $took s"
	rm -rf "${work:?}/$name"
done
echo "# $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
