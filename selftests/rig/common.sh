# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What all scripts of the rig share. Sourced.

set -eu

# Of the user's environment: what makes cd print, or tools speak otherwise.
unset CDPATH LANGUAGE
LC_ALL=C.UTF-8
export LC_ALL

RIG=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2034 # used by those who source this
TOP=$(cd "$RIG/../.." && pwd)
# Kernels and what is built from them live outside the checkout, and last.
CACHE=${CRR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/crr}
mkdir -p "$CACHE"

say() { printf '%s\n' "crr: $*" >&2; }
die() { say "$*"; exit 1; }

# Packages on this machine: only this needs root.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "not root, and no sudo: cannot run $*"
	fi
}

# roomy KILOBYTES DIR...: prints the first of these directories that has so much
# space, and in which programs can be run: some machines mount /tmp and /dev/shm
# noexec, and a container's /dev/shm may be small.
roomy() {
	need=$1
	shift
	for dir; do
		probe=$(mktemp "$dir/crr.XXXXXX" 2>/dev/null) || continue
		printf '#!/bin/sh\n' > "$probe"
		chmod u+x "$probe"
		runs=true
		"$probe" 2>/dev/null || runs=false
		rm -f "$probe"
		if $runs && [ "$(df -kP "$dir" | awk 'NR == 2 { print $4 }')" -ge "$need" ]; then
			printf '%s\n' "$dir"
			return
		fi
	done
	die "no space for $need KB of files, programs among them, in any of: $*"
}

# Fetch a package's file without installing it: prints the file's path.
fetch() {
	mkdir -p "$CACHE/debs"
	(
		cd "$CACHE/debs"
		version=$(apt-cache show --no-all-versions "$1" |
			  sed -n 's/^Version: //p')
		[ -n "$version" ] || die "no package $1: is apt's list up to date?"
		arch=$(apt-cache show --no-all-versions "$1" |
		       sed -n 's/^Architecture: //p')
		file=$1_$(printf %s "$version" | sed 's/:/%3a/')_$arch.deb
		if [ ! -f "$file" ]; then
			size=$(apt-cache show --no-all-versions "$1" |
			       sed -n 's/^Size: //p')
			say "fetching $1 $version, $((size / 1000000 + 1)) MB"
			mkdir -p partial.$$
			(cd partial.$$ && apt-get -q download "$1" >/dev/null 2>&1) ||
				die "cannot fetch $1"
			mv "partial.$$/$file" .
			rmdir partial.$$
		fi
		printf '%s\n' "$PWD/$file"
	)
}

# What a package depends on directly, matching a pattern; alternatives' first.
depends() {
	apt-cache depends --no-recommends --no-suggests --no-conflicts \
		--no-breaks --no-replaces --no-enhances "$1" |
		sed -n 's/^ *|\{0,1\}Depends: //p' | grep -E "$2" || true
}
