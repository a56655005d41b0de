#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# test.sh BUILD REPLAYS: the small emulators, of which each is recorded while somebody
# types at random times, and replayed REPLAYS times. What they write says how often
# their guests have polled before each key. Needs the module, and root. Prints TAP.
set -u
examples=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) || exit
replays=$2
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
cd "$work" || exit
PATH=$build/crrctl:$PATH
export PATH LD_LIBRARY_PATH="$build" PYTHONPATH="$examples/../python" \
	PYTHONDONTWRITEBYTECODE=1

# What the guest writes is in the file recorded, too.
# shellcheck disable=SC2016 # expands there
peer='read -r ready
for keys in a b cd e f q; do
	sleep 0.0$(($(od -A n -N 1 -t u1 /dev/urandom) % 100))
	printf $keys
done
exec cat > recorded'

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

# record COMMAND...
record() {
	rm -f a.crr
	crrctl record -q -o a.crr -p "$peer" -- "$@" 2> said &&
		[ "$(wc -l < recorded)" -ge 7 ]
}

# replay TIMES COMMAND...: it writes what was recorded, behind an empty line.
replay() {
	times=$1 i=0
	shift
	while [ $i -lt "$times" ]; do
		i=$((i + 1))
		crrctl replay -q a.crr -- "$@" > out 2> said &&
			tail -n +2 out | diff recorded - > said || return
	done
}

# exact NAME COMMAND...
exact() {
	name=$1
	shift
	record "$@"
	verdict $? "$name: recorded"
	replay "$replays" "$@"
	verdict $? "$name: $replays replays"
}

echo TAP version 13
unicorn=$build/examples/unicorn
firmware=$unicorn/firmware.bin
exact 'Unicorn in C' "$unicorn/console" "$firmware" {}
replay 1 /usr/bin/python3 "$examples/unicorn/console.py" "$firmware" {}
verdict $? 'the same log, in Python'
exact 'Unicorn in Python' \
	/usr/bin/python3 "$examples/unicorn/console.py" "$firmware" {}
replay 1 "$unicorn/console" "$firmware" {}
verdict $? 'the same log, in C'
# A firmware that polls once more.
sed 's/movs	r6, #0/movs	r6, #1/' "$examples/unicorn/firmware.S" > other.S
arm-none-eabi-as -mcpu=cortex-m3 -o other.o other.S &&
	arm-none-eabi-objcopy -O binary other.o other.bin
crrctl replay -q a.crr -- "$unicorn/console" other.bin {} > out 2> said
[ $? = 120 ] && grep -q 'byte     0 of 1: expected' said
verdict $? 'another firmware diverges'
echo "1..$n"
[ $failed = 0 ]
