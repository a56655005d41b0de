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
for keys in a b cd e f; do
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
	crrctl replay -q a.crr -- sh -c "$command > replayed" > out 2> said &&
		diff recorded replayed >> said
}

# exact NAME COMMAND: {} in it is the line.
exact() {
	name=$1 command="exec $2"
	rm -f a.crr
	if ! crrctl record -q --preload -o a.crr -p "$peer" -- \
	     sh -c "$command > recorded" > out 2> said || [ -s said ] ||
	   [ "$(grep -c after recorded)" != 6 ]; then
		cat out recorded >> said
		verdict 1 "$name: recorded"
		return
	fi
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

echo TAP version 13
for way in select poll epoll asyncio clock serial-nonblocking \
	serial-timeout serial-rest serial-blocking serial-waiting; do
	exact "Python, $way" "/usr/bin/python3 $tests/emulators/wait.py $way 6 {}"
done
for way in select poll epoll pipe-epoll; do
	exact "C, $way" "waiter $way 10 6 {}"
done
exact 'C, a pty of its own' 'waiter poll 10 6'
echo "1..$n"
[ $failed = 0 ]
