# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the parts of `make bench` share that are scripts. Sourced. A part prints a
# table, and for each figure that has a goal a line
#
#   goal NAME VALUE LIMIT met|missed
#
# It runs itself once more in a guest, as `PART guest...`; what that prints, with
# tabs, stays in build/bench/PART.tsv. The series that it is called with is passed
# over: all of them measure 6.12.
# shellcheck source-path=SCRIPTDIR/../rig
. "$(dirname "$0")/../rig/common.sh"

RIG=$TOP/selftests/rig
BENCH=$TOP/selftests/bench
PART=$(basename "$0")
OUT=$TOP/build/bench
BUILD=$TOP/build/userspace
CRRCTL=$BUILD/crrctl/crrctl
TSV=$OUT/$PART.tsv
LD_LIBRARY_PATH=$BUILD
export LD_LIBRARY_PATH CRRCTL

# prepare PROGRAM...: everything that a guest needs, and those programs. The kernel
# goes to $stage.
prepare() {
	"$RIG/packages" bench
	make -s -C "$TOP/userspace" O="$BUILD" lib crrctl examples >&2
	for program; do
		make -s -C "$BENCH" "$OUT/$program" >&2
	done
	kernel=$("$RIG/kernel" 6.12)
	stage=$TOP/build/stage/$PART
	"$RIG/stage" -l "$kernel" "$stage" "$("$RIG/module" "$kernel")" \
		"$("$RIG/module" "$kernel" selftests/bench/nulltty)"
}

# guest [OPTION OF BOOT]... -- [ARG]...: this part, in a guest. Its output is
# added to $TSV.
guest() {
	options=''
	while [ "$1" != -- ]; do
		options="$options $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # words
	"$RIG/boot" -k "$stage" -t 1800 $options -- "$BENCH/$PART" guest "$@" \
		>> "$TSV" || die "$PART: failed in the guest: see $TSV"
}
