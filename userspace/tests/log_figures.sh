#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# log_figures.sh BUILD: what logs take, and what writing them costs. Prints the
# figures that README.md has.
set -eu

tests=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
LD_LIBRARY_PATH=$build
export LD_LIBRARY_PATH
crrctl=$build/crrctl/crrctl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Bytes of QEMU's log that belong to its character events: an INSTRUCTION event
# of 5 bytes before each place, CHAR_READ of 6 and its bytes, CHAR_WRITE of 9.
qemu_bytes() {
	awk '$1 != last { n += 5; last = $1 }
		$2 == "IN" { n += 6 + length($4) / 2 }
		$2 == "OUT" { n += 9 }
		END { print n }' "$1"
}

row() {
	printf '%-34s %9s %12s %9s %7s\n' "$@"
}

echo 'Logs without captured output, in bytes'
row session events "QEMU's own" crr 'an event'
for name in microbit-upy-7.2 uboot-rv64-7.2; do
	events=$tests/qemu-rr/$name.events.txt
	gzip -dc "$tests/qemu-rr/$name.rr.gz" > "$work/rr"
	"$crrctl" log import -f --from qemu-rr "$work/rr" "$work/a.crr"
	n=$(wc -l < "$events")
	size=$(stat -c %s "$work/a.crr")
	row "$name" "$n" "$(qemu_bytes "$events")" "$size" \
		"$(echo "$size $n" | awk '{ printf "%.2f", $1 / $2 }')"
done
# written [MS]: sets seconds, n and size.
written() {
	seconds=$( { bash -c "TIMEFORMAT='%U %S'; time \"$build/tests/mklog\" console \
		3000000 $* > \"$work/console.crr\""; } 2>&1 |
		awk '{ print $1 + $2 }')
	"$crrctl" log info --json "$work/console.crr" > "$work/info"
	n=$(sed 's/.*"records":"\([0-9]*\)","size".*/\1/' "$work/info")
	size=$(stat -c %s "$work/console.crr")
}
written 10
row 'a shell, made up' "$n" - "$size" \
	"$(echo "$size $n" | awk '{ printf "%.2f", $1 / $2 }')"
written
row 'the same, without times' "$n" - "$size" \
	"$(echo "$size $n" | awk '{ printf "%.2f", $1 / $2 }')"
echo
echo "$n $seconds" | awk '{
	printf "Writing that one, making it up included: %.2f s of one processor, %.1f million records a second\n",
		$2, $1 / $2 / 1e6
}'
