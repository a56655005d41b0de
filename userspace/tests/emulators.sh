#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# emulators.sh BUILD REPLAYS [all]: programs that know nothing of crr are recorded with
# --preload, while somebody types at random times, and replayed REPLAYS times. The
# replays must print the same, also how often the program has looked in vain before
# each key. all: also those whose replay cannot be exact, of which the recording must
# say so. Needs the module, and root. Prints TAP; and of each way a row
# for docs/programs.md, which selftests/rig/emulators --table makes.
# shellcheck disable=SC2016 # programs in quotes are for other shells
# shellcheck disable=SC1083 # {0} is for crrctl
# shellcheck disable=SC2086 # words
set -u
tests=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) || exit
replays=$2
all=${3-}
programs=$tests/emulators
guests=$build/qemu/tests
work=$(mktemp -d) || exit
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	[ -z "${lines-}" ] || kill $lines 2> /dev/null
	rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit
PATH=$build/crrctl:$build/tests:$PATH
LC_ALL=C.UTF-8
export PATH LC_ALL

# type_words MILLISECONDS WORD...: each comes at any time within these after the one
# before; a word may be several keys.
cat > type_words <<'END'
limit=$1
shift
for keys; do
	ms=$(($(od -A n -N 2 -t u2 /dev/urandom) % limit))
	sleep "$(printf 0.%03d $ms)"
	printf %s "$keys"
done
END

# Once the program is ready, so much is typed; then nothing, until it ends.
typist='read -r ready
sh type_words 100 a b cd e f q
exec cat > /dev/null'
slow_typist='read -r ready
sh type_words 400 a b cd e f q
exec cat > /dev/null'

# ---- What is printed ----

n=0
failed=0

# way PACKAGE PROGRAM OPTION WAITS: what follows, for the table. An empty PACKAGE is
# a program of these tests.
way() {
	version=
	[ -z "$1" ] || version=$(dpkg-query -W -f '${Version}' "$1" 2> /dev/null)
	version=${version#*:}
	row="$2${version:+ ${version%%[-+]*}} | $3 | $4"
}

# verdict STATUS NAME RESULT
verdict() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2: $3"
		echo "# row | $row | $3 |"
	else
		echo "not ok $n - $2: $3"
		sed 's/^/# /' said
		failed=$((failed + 1))
	fi
}

# ---- Recording and replaying ----

# A replay of the command; what is different goes to the file said.
once() {
	: > replayed
	crrctl replay -q a.crr -- env to=replayed sh -c "$command" > out 2> said &&
		diff recorded replayed >> said
}

# Replay it so often.
again() {
	i=0
	while [ $i -lt "$replays" ]; do
		i=$((i + 1))
		if ! once; then
			verdict 1 "$name" "replay $i of $replays"
			return
		fi
	done
	verdict 0 "$name" "exact, $replays of $replays"
}

# record OPTION...: the command; what crrctl says goes to the file said.
record() {
	rm -f a.crr
	: > recorded
	crrctl record --timeout 100 "$@" -o a.crr $ttys -- env to=recorded sh -c "$command" \
		> out 2> said
}

# recorded OPTION...: likewise; it is to say nothing.
recorded() {
	record -q "$@" && [ ! -s said ] && return
	cat out recorded >> said
	verdict 1 "$name" recorded
	return 1
}

ttys=
# exact NAME COMMAND: {} in it is the line. It prints what it has read, and how often
# it had looked before.
exact() {
	name=$1 command="exec $2 > \$to"
	recorded --preload -p "$typist" || return
	if [ "$(grep -c after recorded)" != 6 ]; then
		cp recorded said
		verdict 1 "$name" recorded
		return
	fi
	again
}

# runs NAME PEER COMMAND: what it writes to the line is the same in each replay.
runs() {
	name=$1 command=$3
	recorded --preload -p "$2" || return
	again
}

# emulator NAME COMMAND: its console, the standard input and output, is the line. What
# its guest writes says how often that has looked.
emulator() {
	runs "$1" "$typist" "exec $2 < {} > {}"
}

# inexact NAME PEER SAID COMMAND WHY: the recording says why, and how often a replay is
# nevertheless the same is counted.
inexact() {
	name=$1 command=$4
	record --preload -p "$2"
	if ! grep -q "$3" said; then
		verdict 1 "$name" 'recorded without a word'
		return
	fi
	same=0
	for i in $(seq "$replays"); do
		! once || same=$((same + 1))
	done
	verdict 0 "$name" "not exact, $same of $replays: $5"
}

# by_qemu NAME PEER COMMAND...: recorded by the plugin, and not with --preload.
by_qemu() {
	name=$1 peer=$2
	shift 2
	rm -f a.crr
	if ! crrctl record -q --qemu -o a.crr -p "$peer" -- "$@" > recorded 2> said; then
		verdict 1 "$name" recorded
		return
	fi
	for i in $(seq "$replays"); do
		if ! crrctl replay -q a.crr -- "$@" > replayed 2> said; then
			verdict 1 "$name" "replay $i of $replays"
			return
		fi
	done
	verdict 0 "$name" "exact, $replays of $replays"
}

# ---- Two lines: a serial port, and the terminal of a program for people ----

# The other ends of both are files: in0, out0, in1, out1.
make_lines() {
	lines='' ttys=''
	for i in 0 1; do
		rm -f in$i name$i
		mkfifo in$i
		line name$i < in$i > out$i &
		lines="$lines $!"
	done
	exec 8> in0 9> in1
	for i in 0 1; do
		while [ ! -s name$i ]; do
			sleep 0.01
		done
		ttys="$ttys $(cat name$i)"
	done
}

# Type at both when the terminal shows READY, and KEYS when it shows all.
user='until grep -q "$1" out1; do sleep 0.01; done
sh type_words 100 a b cd e f q > in0 &
sh type_words 100 X Y Z > in1
until grep -q q out1; do sleep 0.01; done
wait
printf "$2" > in1'

# terminal NAME READY KEYS COMMAND: {0} is the port, {1} the terminal.
terminal() {
	name=$1 command=$4
	make_lines
	sh -c "$user" user "$2" "$3" &
	user_pid=$!
	recorded --preload
	status=$?
	# Of a program that did not start, the user still waits.
	kill $lines $user_pid 2> /dev/null
	wait
	exec 8>&- 9>&-
	lines='' ttys=''
	[ $status != 0 ] || again
}

# ---- Programs ----

echo TAP version 13

python() {
	way python3 Python "$1" "$2"
	exact "Python, $1" "/usr/bin/python3 $programs/wait.py $1 6 {}"
}
python select 'select, 10 ms'
python poll 'poll, 10 ms'
python epoll 'epoll, 10 ms'
python asyncio 'epoll, without end'
python clock 'reads the time, sleeps, read'
pyserial() {
	way python3-serial pyserial "$2" "$3"
	exact "Python, serial-$1" "/usr/bin/python3 $programs/wait.py serial-$1 6 {}"
}
pyserial nonblocking 'timeout=0' 'read'
pyserial timeout 'timeout=0.01, read(1)' 'select, until a time'
pyserial rest 'timeout=0.01, read(64)' 'select, until a time'
pyserial blocking 'timeout=None' 'select, without end'
pyserial waiting 'in_waiting' 'FIONREAD'
for call in select poll epoll pipe-epoll; do
	way '' 'C program' "$call" "${call#pipe-}, 10 ms"
	exact "C, $call" "waiter $call 10 6 {}"
done
way '' 'C program' 'a pty of its own' 'poll, 10 ms'
exact 'C, a pty of its own' 'waiter poll 10 6'

way simh 'SIMH altairz80' 'console' 'read'
emulator 'SIMH altairz80' "altairz80 $programs/altairz80.ini"
way simh 'SIMH pdp11' 'console' 'read, at times of the clock'
emulator 'SIMH pdp11' "pdp11 $programs/pdp11.ini"
python3 "$programs/mips.py" > mips.bin
way gxemul 'GXemul testmips' 'console' 'select, 0 ms'
emulator 'GXemul testmips' \
	"gxemul -q -E testmips 0xffffffff80030000:0:0xffffffff80030000:mips.bin"

# It looks only some ten times a second.
python3 "$programs/i51.py" > keys.ihx
way sdcc-ucsim 'uCsim s51, of sdcc' '`-S in=LINE,out=LINE`' 'select, 0 ms'
runs 'uCsim s51' "$slow_typist" \
	'exec s51 -G -I "if=xram[0xffff]" -S in={},out={} keys.ihx < /dev/null'

python3 "$programs/com.py" > keys.com
way dosbox DOSBox '`serial1=directserial realport:LINE`' \
	'read and TIOCMGET, each millisecond of the guest'
runs DOSBox "$typist" "sed \"s|LINE|\${CRR_TTY#/dev/}|\" $programs/dosbox.conf > dosbox.conf
	export SDL_VIDEODRIVER=dummy SDL_AUDIODRIVER=dummy
	exec dosbox -conf dosbox.conf -noautoexec -c 'mount c .' -c c: -c keys.com \
		-c exit < /dev/null 2> errors"

# Both show the name of the port; minicom also when that was written to last.
way picocom picocom 'the port and its terminal are lines' 'select, without end'
terminal picocom 'Terminal ready' '\001\030' \
	'ln -sf {0} port; exec picocom port < {1} > {1}'
way minicom minicom 'likewise; with `touch -d DATE PORT` before' 'select, 1 s'
terminal minicom 'CTRL-A Z' '\001x\r' 'ln -sf {0} port
	stty rows 24 cols 80 < {1}
	touch -d 2000-01-01 {0}
	TERM=vt100 exec minicom -o -D "$PWD/port" < {1} > {1}'

head -c 20000 /dev/urandom > sent
mkdir received
way lrzsz sz 'a file is sent' 'select, 0 ms; read, with an alarm'
runs 'lrzsz sz' 'cd received && rz -q -b -y && cmp sent ../sent' \
	'exec sz -q sent < {} > {} 2> errors'
# Where sz has a tty, it throws away what it has sent last, if that has not been read.
way lrzsz rz 'a file is received' 'read, with an alarm'
runs 'lrzsz rz' 'cat | sz -q sent 2> errors | cat; exec cat > /dev/null' \
	'cd received; rm -f sent; rz -q -b -y < {} > {} 2> errors && cmp sent ../sent'

# ---- What cannot be exact ----

qemu="qemu-system-riscv64 -M virt -display none -monitor none -m 16M -bios none \
	-icount shift=3,sleep=off -seed 1 -rtc base=2024-01-01,clock=vm -nic none \
	-kernel $guests/BUSY"
if [ "$all" = all ]; then
	way qemu-system-misc 'QEMU riscv64' '`-icount`, `-serial pty`' \
		'poll; another thread is the CPU'
	inexact 'QEMU, a pty' "$guests/peer 7 4 3000 said_to_peer 2> times" \
		'COMMAND starts threads' "exec $qemu -serial pty" \
		'threads; use `--qemu`'
	way qemu-system-misc 'QEMU riscv64' '`--qemu`' 'in checkpoints'
	by_qemu 'QEMU, --qemu' "$guests/peer 7 4 3000 said_to_peer 2> times" \
		qemu-system-riscv64 -M virt -m 16M -bios none -kernel "$guests/BUSY"
	way libsimavr-dev 'simavr, its uart_pty' 'a pty of its own' \
		'select in another thread than the CPU'
	inexact 'simavr, uart_pty' "$typist" 'COMMAND starts threads' \
		"exec avr_pty $build/tests/avr_keys" 'threads; use libcrr, or `--gated`'
	# It asks once more, after ten seconds.
	way lrzsz rz 'an alarm expires' 'read, with an alarm'
	inexact 'lrzsz rz, an alarm' 'head -c 42 > /dev/null
		cat | sz -q sent 2> errors | cat; exec cat > /dev/null' \
		'a signal came while a read(2) slept' \
		'cd received; rm -f sent; exec rz -q -b -y < {} > {} 2> errors' \
		'the alarm is not recorded'
fi
echo "1..$n"
[ $failed = 0 ]
