# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2016,SC2086,SC2094,SC2154
#
# Tests of the files that crrctl makes, which need neither the module nor root:
# nothing that exists is lost, and nothing is left by a failure. Sourced by
# crrctl_test.sh.

# Words before a command: none, and those that have it run as on a file system
# that knows neither O_TMPFILE nor RENAME_NOREPLACE, such as 9p.
new_fs=
old_fs='env LD_PRELOAD=old_fs.so ASAN_OPTIONS=verify_asan_link_order=0'

nothing_left() {
	for file in .crrctl-*; do
		[ ! -e "$file" ] || fail "left behind: $file"
	done
}

# Has a process opened a file without a name, or with a temporary one?
has_opened() {
	for file in "/proc/$1/fd"/*; do
		case $(readlink "$file") in
		"$PWD/"*'(deleted)' | "$PWD"/.crrctl-*) return ;;
		esac
	done
	return 1
}

# make_of COMMAND INPUT OUTPUT: a file of another one. Options are in force, words
# before it in fs.
force='' fs=''
make_of() {
	case $1 in
	cat) set -- "$1" -o "$3" "$2" ;;
	export) set -- "$1" -F text "$2" "$3" ;;
	against) set -- report -a "$2" good.crr "$3" ;;
	esac
	$fs crrctl log "$@" $force
}

# An output that is an input is refused, by whatever name, also with --force.
log_output_is_input() {
	mklog two > good.crr
	mkdir folder
	for command in repair cut cat export import report against; do
		for force in '' -f; do
			rm -f a link hard
			cp good.crr a
			[ $command != import ] || crrctl log export -F text a > b
			[ $command != import ] || mv b a
			cp a copy
			ln -s a link
			ln a hard
			for names in 'a a' 'a ./a' 'a link' 'link a' 'a hard' \
				"folder/../a $PWD/a" '- a' '/dev/stdin a' \
				'a /dev/fd/9' '- /proc/self/fd/9'; do
				run 1 make_of $command ${names% *} ${names#* } < a 9<> a
				has err "${names#* } is the same file as the input ${names% *}"
				cmp -s a copy || fail "$command $names: destroyed"
				[ -L link ] || fail 'the link was replaced'
			done
			# Whatever the shell would let it do.
			status=0
			make_of $command a - >> a 2> err || status=$?
			is "$status" 1 'status of an output behind its input'
			cmp -s a copy || fail "$command a - >> a: destroyed"
		done
	done
	nothing_left
	# Every input, not only the first.
	cp good.crr a
	cp good.crr b
	run 1 crrctl log cat -f -o b a b
	cmp -s b good.crr || fail 'the second input was destroyed'
}

# What exists is replaced only if asked for, and never before the new file is
# complete.
log_output_exists() {
	mklog two > good.crr
	crrctl log export -F text good.crr > good.txt
	# Damaged in its last block, so that all commands but report fail late.
	mklog two | mklog split > bad.crr
	blocks_of bad.crr
	put bad.crr $((blocks - 4)) 377
	sed '$s/.*/nonsense/' good.txt > bad.txt
	for fs in "$new_fs" "$old_fs"; do
		for command in cut cat export import report repair; do
			suffix=crr
			[ $command != import ] || suffix=txt
			echo precious > made
			chmod 644 made
			force=
			run 1 make_of $command good.$suffix made
			has err 'made exists; --force replaces it'
			is "$(cat made)" precious 'what existed'
			force=-f
			case $command in
			report | repair) ;;
			*)
				run 123 make_of $command bad.$suffix made
				is "$(cat made)" precious 'what existed'
				rm made
				run 123 make_of $command bad.$suffix made
				[ ! -e made ] || fail 'something is left'
				echo precious > made
				;;
			esac
			ln made other
			ln -s made link
			run 0 make_of $command good.$suffix link
			[ -L link ] || fail 'the link was replaced'
			[ "$(head -c 8 made)" != precious ] || fail 'not replaced'
			is "$(cat other)" precious 'another name of it'
			is "$(stat -c %a made)" 600 mode
			rm -f made
			run 1 make_of $command good.$suffix link
			has err 'link is a symbolic link to a file that does not exist'
			run 0 make_of $command good.$suffix made
			is "$(stat -c %a made)" 600 mode
			rm made link other
			run 1 make_of $command good.$suffix folder/made
			has err 'folder/made: No such file or directory'
			run 1 make_of $command good.$suffix /
			has err '/: Is a directory'
			run 1 make_of $command good.$suffix made/
			nothing_left
		done
	done
	if [ "$(id -u)" = 0 ]; then
		mkdir folder
		run 1 setpriv --reuid=65534 --clear-groups -- \
			crrctl log import - folder/made < good.txt
		has err 'folder/made: Permission denied'
	fi
}

# start_making WORD...: crrctl log cat, which has opened the file that it makes;
# what it reads comes from fd 9. The rest of it is in the file rest.
start_making() {
	if [ ! -f rest ]; then
		mklog two | mklog split > good.crr
		blocks_of good.crr
		cut_to good.crr $((blocks - 72)) > begin
		tail -c +$((blocks - 72 + 1)) good.crr > rest
	fi
	rm -f pipe
	mkfifo pipe
	exec 9<> pipe
	start "$@" < pipe 2> err 9>&-
	cat begin >&9
	soon has_opened "$pid"
}

# A file that appears while another one is being made.
log_output_appears() {
	for fs in "$new_fs" "$old_fs"; do
		for force in '' -f; do
			start_making $fs crrctl log cat $force -o made -
			[ ! -e made ] || fail 'it has its name too early'
			echo precious > made
			cat rest >&9
			exec 9>&-
			if [ -z "$force" ]; then
				finish "$pid" 1
				has err 'made exists; --force replaces it'
				is "$(cat made)" precious 'what has appeared'
			else
				finish "$pid" 0
				run 0 crrctl log diff good.crr made
			fi
			nothing_left
			rm made
		done
	done
}

# A log that is still being recorded is not replaced: not when the new file is begun,
# nor when it is complete.
log_output_recorded() {
	cat > lock.py <<-'END'
		import fcntl, os, struct, sys, time
		file = open(sys.argv[1], "r+b")
		fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0))
		open("locked", "w").close()
		while not os.path.exists("unlock"):
		    time.sleep(0.02)
	END
	mklog two > made
	cp made before
	for fs in "$new_fs" "$old_fs"; do
		start_making $fs crrctl log cat -f -o made -
		making=$pid
		start python3 lock.py made
		locker=$pid
		soon test -e locked
		cat rest >&9
		exec 9>&-
		finish "$making" 1
		has err 'made is still being recorded'
		run 1 $fs crrctl log cat -f -o made before
		has err 'made is still being recorded'
		cmp -s made before || fail 'it was replaced'
		: > unlock
		finish "$locker" 0
		run 0 $fs crrctl log cat -f -o made before
		nothing_left
		rm locked unlock
	done
}

# Nothing is left by a signal.
log_output_killed() {
	echo precious > made
	for fs in "$new_fs" "$old_fs"; do
		for signal in HUP:129 INT:130 QUIT:131 TERM:143; do
			start_making env --default-signal=INT,QUIT $fs \
				crrctl log cat -f -o made -
			kill "-${signal%:*}" "$pid"
			finish "$pid" "${signal#*:}"
			exec 9>&-
			is "$(cat made)" precious 'what existed'
			nothing_left
		done
		# One that is ignored.
		start_making env --ignore-signal=HUP $fs \
			crrctl log cat -o whole -
		kill -HUP "$pid"
		cat rest >&9
		exec 9>&-
		finish "$pid" 0
		run 0 crrctl log verify whole
		rm whole
	done
}

# Nor by what cannot be written.
log_output_full() {
	mklog random 300000 > big.crr
	echo precious > made
	for fs in "$new_fs" "$old_fs"; do
		for command in 'cat -f -o made big.crr' 'cut -f big.crr made' \
			'export -f -F text big.crr made' 'report -f big.crr made'; do
			# Blocks of 512 bytes; without a signal, and with one.
			run 1 sh -c 'trap "" XFSZ; ulimit -f 200; exec "$@"' sh \
				$fs crrctl log $command
			has err 'made: File too large'
			is "$(cat made)" precious 'what existed'
			run 153 sh -c 'ulimit -c 0; ulimit -f 200; exec "$@"' sh \
				$fs crrctl log $command
			is "$(cat made)" precious 'what existed'
			nothing_left
		done
	done
}

# Pipes, devices and files that are open already need no --force.
log_output_direct() {
	mklog two > good.crr
	crrctl log export -F text good.crr > good.txt
	for command in cut cat export import report; do
		from=good.crr
		[ $command != import ] || from=good.txt
		fs=''
		force=''
		run 0 make_of $command $from want
		for to in - /dev/stdout /dev/fd/1 /proc/self/fd/1; do
			make_of $command $from $to > got 2> err || fail "to $to"
			cmp want got || fail "$command to $to: something else"
			empty err
			make_of $command $from $to 2> err | cmp - want ||
				fail "$command to $to: something else"
			# Behind what is there.
			echo before > got
			make_of $command $from $to >> got || fail "to $to"
			tail -n +2 got | cmp - want || fail "$command >> $to"
			is "$(head -n 1 got)" before 'what was there'
		done
		make_of $command $from /dev/fd/9 9> got 2> err || fail 'to /dev/fd/9'
		cmp want got || fail "$command to /dev/fd/9: something else"
		run 1 make_of $command $from /dev/fd/9
		has err '/dev/fd/9: Bad file descriptor'
		run 0 make_of $command $from /dev/null
		[ ! -c /dev/full ] || run 1 make_of $command $from /dev/full
		rm -f pipe
		mkfifo pipe
		start cp pipe got
		run 0 make_of $command $from pipe
		finish "$pid" 0
		cmp want got || fail "$command to a pipe: something else"
		[ -p pipe ] || fail 'the pipe was replaced'
		rm want
	done
	nothing_left
	# For others to read: not by mistake.
	[ "$(id -u)" = 0 ] || return 0
	chown 65534 pipe
	run 1 crrctl log cat -o pipe good.crr
	has err 'pipe is a pipe of another user; --force writes to it'
	start cp pipe got
	run 0 crrctl log cat -f -o pipe good.crr
	finish "$pid" 0
	run 0 crrctl log verify got
}
