#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# versions.sh BUILD QEMU QEMU...: does a log of one version of QEMU replay in another? As
# root, with the module loaded. BUILD is where userspace was built, with qemu-tests; each
# QEMU is a directory of emulators. Records each guest in each, replays it in all of
# them, and prints a table for each guest: "identical", or the counter at which the
# replay diverges.
set -u
unset CDPATH

build=$(cd "$1" && pwd)
shift
tools=$build/qemu/tests
crrctl=$build/crrctl/crrctl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit

cat > script <<-'SCRIPT'
	wait stop autoboot
	type
	wait => 
	type version
	wait => 
	type sleep 1; echo slept
	wait => 
	type poweroff
SCRIPT

# machine GUEST QEMU COMMAND...
machine() {
	case $1 in
	uboot) firmware='-m 64M -bios /usr/lib/u-boot/qemu-riscv64/u-boot.bin' ;;
	*) firmware="-m 16M -bios none -kernel $tools/$1" ;;
	esac
	emulator=$2/qemu-system-riscv64
	shift 2
	# shellcheck disable=SC2086 # words
	timeout 600 "$@" -- "$emulator" -M virt -monitor none $firmware
}

version() { "$1/qemu-system-riscv64" --version | sed -n 's/.*version \([0-9.]*\).*/\1/p'; }

peer() {
	case $1 in
	BUSY) echo "$tools/peer 7 30 20000 said" ;;
	HALTING) echo "$tools/peer 7 20 100000 said" ;;
	uboot) echo "$tools/typist script 7 60000 said" ;;
	esac
}

status=0
for guest in BUSY HALTING uboot; do
	printf '%s, recorded in\n' "$guest"
	for from; do
		printf '\t%s:' "$(version "$from")"
		if ! machine "$guest" "$from" "$crrctl" record -q --qemu -f -o log \
			-p "$(peer "$guest")" > out 2> err < /dev/null; then
			echo ' not recorded'
			sed 's/^/\t\t/' err
			status=1
			continue
		fi
		for to; do
			printf ' in %s ' "$(version "$to")"
			if machine "$guest" "$to" "$crrctl" replay -q --qemu log \
				> out 2> err < /dev/null && cmp -s out said; then
				printf 'identical,'
				continue
			fi
			at=$(sed -n 's/.*counter  *\([0-9]*\) expected, \([0-9]*\).*/\1, \2 in the replay/p' err)
			printf 'NOT (%s),' "${at:-$(tail -n 1 err)}"
			# That much is promised.
			[ "$from" != "$to" ] || status=1
		done
		echo
	done
done
exit $status
