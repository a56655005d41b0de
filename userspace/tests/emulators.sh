#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# emulators.sh BUILD REPLAYS: programs that know nothing of crr are recorded with
# --preload, while somebody types at random times, and replayed REPLAYS times. The
# replays must print the same, also how often the program has looked in vain before
# each key. Needs the module, and root. Prints TAP.
set -u
tests=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) || exit
replays=$2
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
cd "$work" || exit
PATH=$build/crrctl:$build/tests:$PATH
LC_ALL=C.UTF-8
export PATH LC_ALL

# Once the program is ready, each word comes within a tenth of a second after the
# one before; then nothing, until the program ends.
# shellcheck disable=SC2016 # expands there
peer='read -r ready
for keys in a b cd e f q; do
	sleep 0.0$(($(od -A n -N 1 -t u1 /dev/urandom) % 100))
	printf $keys
done
exec cat > /dev/null'

n=0
failed=0
# verdict STATUS NAME
verdict() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' said
		failed=$((failed + 1))
	fi
}

# A replay of the command; what is different goes to the file said.
once() {
	: > replayed
	crrctl replay -q a.crr -- env to=replayed sh -c "$command" > out 2> said &&
		diff recorded replayed >> said
}

# exact NAME COMMAND: {} in it is the line.
exact() {
	name=$1 command="exec $2 > \$to"
	rm -f a.crr
	if ! crrctl record -q --preload -o a.crr -p "$peer" -- \
	     env to=recorded sh -c "$command" > out 2> said || [ -s said ] ||
	   [ "$(grep -c after recorded)" != 6 ]; then
		cat out recorded >> said
		verdict 1 "$name: recorded"
		return
	fi
	again
}

# Replay it so often.
again() {
	i=0
	while [ $i -lt "$replays" ]; do
		i=$((i + 1))
		if ! once; then
			verdict 1 "$name: replay $i of $replays"
			return
		fi
	done
	verdict 0 "$name: $replays replays"
}

# emulator NAME COMMAND: its console, the standard input and output, is the line. What
# its guest writes says how often that has looked.
emulator() {
	name=$1 command="exec $2 < {} > {}"
	rm -f a.crr
	: > recorded
	if ! crrctl record -q --preload -o a.crr -p "$peer" -- \
	     sh -c "$command" > out 2> said || [ -s said ]; then
		verdict 1 "$name: recorded"
		return
	fi
	again
}

echo TAP version 13
for way in select poll epoll asyncio clock serial-nonblocking \
	serial-timeout serial-rest serial-blocking serial-waiting; do
	exact "Python, $way" "/usr/bin/python3 $tests/emulators/wait.py $way 6 {}"
done
for way in select poll epoll pipe-epoll; do
	exact "C, $way" "waiter $way 10 6 {}"
done
exact 'C, a pty of its own' 'waiter poll 10 6'
python3 "$tests/emulators/mips.py" > mips.bin
emulator 'SIMH altairz80' "altairz80 $tests/emulators/altairz80.ini"
emulator 'SIMH pdp11' "pdp11 $tests/emulators/pdp11.ini"
emulator 'GXemul testmips' \
	"gxemul -q -E testmips 0xffffffff80030000:0:0xffffffff80030000:mips.bin"
echo "1..$n"
[ $failed = 0 ]
