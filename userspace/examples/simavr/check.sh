#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check.sh: does the example do what it is to show? Where it was built is in O.
# Without N_CRR, but for the last part: that needs root, the module, and in
# CRRCTL a crrctl; else it is skipped.
#
# check.sh rate [SESSIONS]: how often does the bug show?
set -u

here=$(cd "$(dirname "$0")" && pwd)
O=${O:-$here/../../../build/userspace/examples/simavr}
O=$(cd "$O" && pwd) || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
tests=0 failed=0

# result WHAT: of the command that ran last.
result() {
	status=$?
	tests=$((tests + 1))
	if [ "$status" = 0 ]; then
		echo "ok $tests - $1"
	else
		echo "not ok $tests - $1"
		failed=$((failed + 1))
	fi
}

skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

# A report without what may differ.
state() { grep -vE '^(seconds|mhz)=' "$1"; }

# value KEY REPORT
value() { sed -n "s/^$1=//p" "$2"; }

# session SEED: some hundred keys at irregular cycles, for --inject.
session() {
	awk -v seed="$1" 'BEGIN {
		srand(seed)
		n = split("help,uptime,ticks,led on,led off,peek 0x100," \
			  "echo hello,echo does it work,uptme", commands, ",")
		for (i = 32; i < 127; i++)
			code[sprintf("%c", i)] = i
		cycle = 300000
		for (line = 0; line < 25; line++) {
			text = commands[1 + int(rand() * n)]
			if (line == 24)
				text = "quit"
			for (i = 1; i <= length(text); i++)
				key(code[substr(text, i, 1)])
			if (rand() < 0.3) {
				key(code["x"])
				key(127)
			}
			key(13)
			cycle += 600000
		}
	}
	function key(c) {
		printf "%d %02x\n", cycle, c
		cycle += 20000 + int(160000 * rand())
	}'
}

# play NAME ELF SESSION [OPTION]: leaves NAME.out, with cycles, NAME.txt and NAME.report.
play() {
	# shellcheck disable=SC2086 # one, or none
	"$O/crr-simavr" --firmware "$O/$2" --inject "$3" --cycles 200000000 \
		${4-} --report "$tmp/$1.report" > "$tmp/$1.out" || return
	text "$tmp/$1.out" > "$tmp/$1.txt"
	[ "$(value end "$tmp/$1.report")" = switched-off ]
}

# The bytes of an output with cycles.
text() {
	# shellcheck disable=SC2059 # the bytes are the format
	printf "$(awk '{ printf "\\%03o", hex($2) }
		function hex(s) {
			return index(d, substr(s, 1, 1)) * 16 + \
			       index(d, substr(s, 2, 1)) - 17
		}
		BEGIN { d = "0123456789abcdef" }' "$1")"
}

# parting A B: the first line in which two outputs differ, of each.
parting() {
	paste -d ' ' "$1" "$2" | awk '$1 != $3 || $2 != $4 { print; exit }'
}

# rate SESSIONS: what the README says of how often the bug shows. A key makes
# two reads, and never are both wrong: one complaint is one wrong read.
rate() {
	for seed in $(seq "$1"); do
		session "$seed" > "$tmp/session"
		play rate firmware.elf "$tmp/session" || exit
		echo "$(value bytes_in "$tmp/rate.report")" \
			"$(grep -c '^!! time' "$tmp/rate.txt")"
	done | awk '
		{ keys += $1; wrong += $2; without += !$2 }
		END {
			p = wrong / keys
			printf "%d keys in %d sessions, %d without a wrong time\n",
				keys, NR, without
			printf "wrong: %.1f %% of reads, %.1f %% of keys\n",
				50 * p, 100 * p
			printf "100 keys without one: once in %.0f sessions\n",
				exp(-100 * log(1 - p))
		}'
}

if [ "${1-}" = rate ]; then
	rate "${2-100}"
	exit
fi

echo "TAP version 13"

# ---- The command line ----

"$O/crr-simavr" --help | grep -q -- --firmware
result "--help is for standard output"
"$O/crr-simavr" --no-such-option 2> /dev/null
[ $? = 2 ]
result "wrong usage is status 2"
"$O/crr-simavr" --firmware "$O/firmware.elf" /dev/null 2> /dev/null
[ $? = 1 ]
result "what is no tty is refused"

# ---- The firmware ----

if command -v avr-objdump > /dev/null; then
	for elf in firmware firmware-fixed; do
		avr-objdump -d "$O/$elf.elf" |
			sed -n '/<micros>:$/,/ret$/p' > "$tmp/$elf.s"
	done
	[ "$(grep -m 1 -A 3 lds "$tmp/firmware.s" | grep -c lds)" = 4 ] &&
		[ "$(grep -c lds "$tmp/firmware.s")" = 4 ] &&
		[ "$(grep -c lds "$tmp/firmware-fixed.s")" = 7 ] &&
		! grep -qE 'cli|out' "$tmp/firmware.s"
	result "the clock is read by four loads, and interrupts are on"
else
	skip "the clock is read by four loads" "no avr-objdump"
fi

session 1 > "$tmp/session"
play once firmware.elf "$tmp/session" && play again firmware.elf "$tmp/session"
result "a session, twice"
cmp -s "$tmp/once.out" "$tmp/again.out" &&
	[ "$(state "$tmp/once.report")" = "$(state "$tmp/again.report")" ]
result "both the same, to the cycle"
play untraced firmware.elf "$tmp/session" --no-trace &&
	cmp -s "$tmp/once.out" "$tmp/untraced.out" &&
	[ "$(value memory "$tmp/once.report")" = \
	  "$(value memory "$tmp/untraced.report")" ]
result "without a trace as well"
grep -q '^!! time' "$tmp/once.txt"
result "the bug shows"

# parts SEED: do the two part at a digit, and is it the one that is wrong?
parts() {
	session "$1" > "$tmp/session"
	play wrong firmware.elf "$tmp/session" || return
	play right firmware-fixed.elf "$tmp/session" || return
	# shellcheck disable=SC2046 # cycle and byte, twice
	set -- $(parting "$tmp/wrong.out" "$tmp/right.out")
	[ $# = 4 ] && [ "$1" = "$3" ] && [ "$2" != "$4" ] || return
	case $2$4 in
	3[0-9]3[0-9]) ;;
	*) return 1 ;;
	esac
	# It is the first to be complained about; of the other nothing ever is.
	awk -v cycle="$1" '$1 < cycle' "$tmp/wrong.out" > "$tmp/before.out"
	text "$tmp/before.out" > "$tmp/before.txt"
	! grep -q '^!! time' "$tmp/before.txt" "$tmp/right.txt"
}

parts 2 && parts 3 && parts 4
result "the fixed firmware parts from the other at the first wrong digit"

# ---- A tty without N_CRR ----

# on_pty PEER...: the emulator on a pty, and PEER at its other end.
on_pty() {
	rm -f "$tmp/in" "$tmp/out" "$tmp/pty.report"
	mkfifo "$tmp/in" "$tmp/out"
	script -qfec "stty raw -echo
		exec '$O/crr-simavr' --firmware '$O/firmware.elf' \
			--report '$tmp/pty.report' \"\$(tty)\"" \
		/dev/null > "$tmp/out" < "$tmp/in" 2> /dev/null &
	"$@" < "$tmp/out" > "$tmp/in" 2> "$tmp/pty.txt"
	peer=$?
	wait $!
}

on_pty "$O/peer" --keys 30 --mean 50 && [ "$peer" = 0 ] &&
	[ "$(value end "$tmp/pty.report")" = switched-off ] &&
	[ "$(value bytes_in "$tmp/pty.report")" -ge 35 ] &&
	[ "$(value bytes_unwritten "$tmp/pty.report")" = 0 ] &&
	grep -q '^bye' "$tmp/pty.txt"
result "a pty without N_CRR will do"
awk -v cycle="$(value cycle "$tmp/pty.report")" \
	-v seconds="$(value seconds "$tmp/pty.report")" \
	'BEGIN { mhz = cycle / seconds / 1e6; exit !(mhz > 0.2 && mhz < 1.01) }'
result "there it keeps to real time"

# ---- A tty with N_CRR ----

# crr SUBCOMMAND ELF REPORT OPTION...: the emulator under crrctl.
crr() {
	what=$1 elf=$2 report=$3
	shift 3
	"$CRRCTL" "$what" -q "$@" -- "$O/crr-simavr" --firmware "$O/$elf" \
		--report "$tmp/$report" '{}' \
		> /dev/null 2> "$tmp/$report.txt" < /dev/null
}

# idle_calls CYCLES: how many system calls the whole run makes.
idle_calls() {
	"$CRRCTL" record -qf -o "$tmp/idle.log" -- \
		strace -c -o "$tmp/strace" "$O/crr-simavr" --fast \
		--firmware "$O/firmware.elf" --cycles "$1" \
		--report "$tmp/idle" '{}' < /dev/null > /dev/null
	awk '$NF == "total" { print $4 }' "$tmp/strace"
}

if [ -z "${CRRCTL-}" ]; then
	skip "recording and replay" "no CRRCTL"
elif [ "$(id -u)" != 0 ] || ! { grep -qw n_crr /proc/tty/ldiscs ||
			       modprobe -q n_crr; }; then
	skip "recording and replay" "needs root and the module n_crr"
else
	crr record firmware.elf recorded -o "$tmp/log" --counter cycles \
		--peer "'$O/peer' --keys ${KEYS:-120} 2> '$tmp/screen'"
	result "a session is recorded"
	fast=true same=true
	for _ in 1 2 3; do
		crr replay firmware.elf replayed "$tmp/log" || same=false
		[ "$(state "$tmp/recorded")" = "$(state "$tmp/replayed")" ] ||
			same=false
		awk -v a="$(value seconds "$tmp/recorded")" \
			-v b="$(value seconds "$tmp/replayed")" \
			'BEGIN { exit !(b < a) }' || fast=false
		echo "# recorded in $(value seconds "$tmp/recorded") s," \
			"replayed in $(value seconds "$tmp/replayed") s"
	done
	$same
	result "and replayed, three times, to the same state and trace"
	$fast
	result "in less time"
	# From the middle back to the last key, and from there to the same end.
	middle=$(($(value cycle "$tmp/recorded") / 2))
	"$CRRCTL" replay -q "$tmp/log" -- "$O/crr-simavr" --back "$middle" \
		--firmware "$O/firmware.elf" --report "$tmp/back" '{}' \
		> /dev/null 2> "$tmp/back.txt" < /dev/null &&
		grep -q 'again, in the same state' "$tmp/back.txt" &&
		[ "$(state "$tmp/recorded")" = "$(state "$tmp/back")" ]
	result "a step back, to the last key before a cycle"
	sed 's/^/# /' "$tmp/back.txt"
	crr replay firmware-fixed.elf fixed "$tmp/log"
	if grep -q '^!! time' "$tmp/screen"; then
		[ "$(value end "$tmp/fixed")" = diverged ] &&
			grep -q 'different bytes' "$tmp/fixed.txt"
		result "the fixed firmware diverges, by different bytes"
		sed 's/^/# /' "$tmp/fixed.txt"
	else
		skip "the fixed firmware diverges" "no bug this time"
	fi
	if command -v strace > /dev/null; then
		[ "$(idle_calls 3000000)" -gt 0 ] &&
			[ "$(idle_calls 3000000)" = "$(idle_calls 6000000)" ]
		result "it makes no system call while nothing happens"
	else
		skip "it makes no system call while nothing happens" "no strace"
	fi
fi

echo "1..$tests"
[ "$failed" = 0 ]
