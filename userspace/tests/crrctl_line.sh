# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# shellcheck disable=SC2016 # programs in quotes are for other shells
# shellcheck disable=SC1083 # {0} is for crrctl
# shellcheck disable=SC2086 # words
#
# Tests of crrctl that need the module, and root: recording and replaying.
# Sourced by crrctl_test.sh.

# ---- Records and replays, with the module ----

# What the peer says, not too fast; the emulator answers with a line.
talk='for word in abc defg q; do sleep 0.05; printf $word; read -r answer; done'

# The records of a dump that have a number of their own; what is a number of 64
# bits, and a string in JSON, is a number again.
numbered() {
	jq -c 'select(.type != "TIME" and .type != "TERMIOS") |
		with_entries(if .key | IN("seq", "counter", "empty_reads", "refused")
			then .value |= tonumber else . end)'
}

# The log that most of what follows replays: a talk, made once. Its records are
# in base.json; of its reads and writes the counters are r1, r2, r3 and w1, w2,
# w3, and the numbers those of w1_seq, and so on; the log ends at r_end.
base() {
	if [ ! -f "$work/base.sh" ]; then
		run 0 crrctl record -o "$work/base.crr" -p "$talk" -- emulator {}
		run 0 crrctl log dump --json "$work/base.crr"
		numbered < out > "$work/base.json"
		jq -r -s 'def some(t; l): map(select(.type == t)) |
			to_entries[] | "\(l)\(.key + 1)=\(.value.counter)",
			"\(l)\(.key + 1)_seq=\(.value.seq)";
			some("READ"; "r"), some("WRITE"; "w"),
			"r_end=\(.[-1].counter)",
			"base_records=\(length)"' "$work/base.json" > out
		mv out "$work/base.sh"
	fi
	r1='' r2='' w1='' w2='' w2_seq='' r_end='' base_records=''
	# shellcheck source=/dev/null
	. "$work/base.sh"
}

# A line to be followed: its other end is the files input and output. Sets
# tty, and linepid, which holds it.
make_line() {
	mkfifo input
	exec 8<> input
	start line name < input > output
	linepid=$pid
	soon test -f name
	tty=$(cat name)
}

# say TEXT: to the line.
say() {
	printf %s "$1" >&8
}

# status_has TTY MEMBER...: crrctl status --json says so; "state":"recording".
status_has() {
	json_status=$(crrctl status --json "$1") || return
	shift
	for member; do
		case $json_status in
		*"$member",* | *"$member}"*) ;;
		*) return 1 ;;
		esac
	done
}

state_is() {
	status_has "$1" "\"state\":\"$2\""
}

# Is the log whole, from STREAM to END? Then was_read and was_written are all
# the bytes that its reads and writes have, and json.out has its records.
whole() {
	crrctl log dump --json "$1" > json.all 2> json.err ||
		fail "$1: $(cat json.err)"
	empty json.err
	numbered < json.all > json.out
	jq -r -s 'def text: map(.data // "") | add // "" | explode |
			map(if . > 96 then . - 87 else . - 48 end) |
			[range(0; length; 2) as $i | .[$i] * 16 + .[$i + 1]] |
			implode;
		(map(.seq) == [range(length)] and .[0].type == "STREAM" and
			.[-1].type == "END"),
		"was_read=" + (map(select(.type == "READ")) | text | @sh),
		"was_written=" + (map(select(.type == "WRITE")) | text | @sh)' \
		json.out > json.sh || fail "$1 cannot be read"
	{
		read -r good
		[ "$good" = true ] || fail "$1 is not whole"
	} < json.sh
	sed -i 1d json.sh
	was_read='' was_written=''
	# shellcheck source=/dev/null
	. ./json.sh
}

read_is() {
	is "$was_read" "$1" 'what was read'
}

# written_is FILE
written_is() {
	slurp "$1"
	is "$text" "${was_written%?}" 'what was written'
}

line_module() {
	grep -q '^n_crr ' /proc/tty/ldiscs || skip 'the module is not loaded'
	modprobe -n -q n_crr || skip 'the module is not installed'
	rmmod n_crr || skip 'the module is in use'
	run 0 crrctl record -o a.crr -- true
	grep -q '^n_crr ' /proc/tty/ldiscs || fail 'not loaded'
}

line_record() {
	base
	whole "$work/base.crr"
	read_is abcdefgq
	json json.out 'map(select(.type == "WRITE") |
			.result == .requested and .offset == .requested) | all'
	json json.out 'map(.counter) | . == sort and .[-1] > 0'
	is "$(stat -c %a "$work/base.crr")" 600 mode
	run 0 crrctl log info --json "$work/base.crr"
	json out '.[0] | .complete and .output == "captured" and
		.command == "emulator {}" and
		.counter == "" and .streams[0].bytes_in == "8" and
		(now - (.created | tonumber) / 1e9 | . >= -5 and . < 3600)'
}

line_replay() {
	base
	whole "$work/base.crr"
	run 0 crrctl replay "$work/base.crr" -- emulator {}
	empty err
	written_is out
	# The log from standard input; the command's arguments are its own.
	run 0 crrctl replay - -- emulator {} wrong 999999999 < "$work/base.crr"
	written_is out
	run 0 crrctl replay --mute "$work/base.crr" -- emulator {}
	empty out
	run 0 crrctl replay --buffer 256K "$work/base.crr" -- emulator {}
}

# {} in the middle of words, and CRR_TTY; what COMMAND begins with.
line_command() {
	run 0 crrctl record -o a.crr -- sh -c \
		'echo "$0 $1 $CRR_TTY" > words; grep Sig /proc/self/status > signals
		 ls /proc/self/fd > fds' 'a{}b{}{c}' {}
	read -r mixed tty variable < words
	is "$mixed" "a${tty}b$tty{c}" 'words'
	is "$variable" "$tty" CRR_TTY
	case $tty in /dev/pts/*) ;; *) fail "the tty is $tty" ;; esac
	# Nothing blocked; nothing ignored that was not before.
	contains signals SigBlk:
	blocked=${text##*SigBlk:?}
	is "${blocked%%[!0-9a-f]*}" 0000000000000000 'blocked signals'
	ignored=${text##*SigIgn:?}
	contains /proc/self/status SigIgn:
	before=${text##*SigIgn:?}
	is "${ignored%%[!0-9a-f]*}" "${before%%[!0-9a-f]*}" 'ignored signals'
	# 0, 1, 2, the directory, and what a shell may have open.
	[ "$(wc -l < fds)" -le 5 ] || fail "open files: $(xargs < fds)"
}

# Whatever COMMAND's status is, it is crrctl's.
line_status() {
	for what in 'exit 7:7' 'kill -9 $$:137'; do
		run "${what#*:}" crrctl record -f -o a.crr -- sh -c "${what%:*}"
		whole a.crr
		run "${what#*:}" crrctl replay a.crr -- sh -c "${what%:*}"
	done
	run 127 crrctl record -o b.crr -- ./nosuch
	has err './nosuch: No such file or directory'
	run 127 crrctl replay a.crr -- nosuch-command
	has err 'nosuch-command: No such file or directory'
	: > file
	run 126 crrctl record -o c.crr -- ./file
	has err './file: Permission denied'
	run 126 crrctl replay a.crr -- ./file
	run 126 crrctl replay a.crr -- /
}

# A file is replaced only by order, and never for others to read.
line_output() {
	echo precious > a.crr
	chmod 644 a.crr
	run 125 crrctl record -o a.crr -- true
	has err 'a.crr exists; --force replaces it'
	is "$(cat a.crr)" precious 'the file'
	run 0 crrctl record --force -o a.crr -- true
	whole a.crr
	is "$(stat -c %a a.crr)" 600 'mode, forced'
	(
		umask 0
		run 0 crrctl record -o b.crr -- true
	) || exit
	is "$(stat -c %a b.crr)" 600 'mode, without umask'
	run 125 crrctl record -o nosuch/a.crr -- touch started
	has err 'nosuch/a.crr: No such file or directory'
	mkdir directory
	run 125 crrctl record -f -o directory -- touch started
	has err 'directory: Is a directory'
	[ ! -e started ] || fail 'COMMAND was started'
	nothing_left
}

# The log gets its name once COMMAND has been executed; else nothing is left, and
# what existed is as it was.
line_output_named() {
	: > file
	base
	for fs in "$new_fs" "$old_fs"; do
		run 127 $fs crrctl record -o a.crr -- ./nosuch
		run 126 $fs crrctl record -o a.crr -- ./file
		run 127 $fs crrctl replay --live -o a.crr "$work/base.crr" -- \
			./nosuch
		[ ! -e a.crr ] || fail 'a log is left'
		echo precious > a.crr
		run 127 $fs crrctl record -f -o a.crr -- ./nosuch
		run 127 $fs crrctl replay --live -f -o a.crr "$work/base.crr" -- \
			./nosuch
		is "$(cat a.crr)" precious 'what existed'
		# It is there while COMMAND runs, and is the log to its end.
		run 0 $fs crrctl record -f -o a.crr -- sh -c \
			'until crrctl log info a.crr | grep delivery; do
				sleep 0.02
			 done; stat -c %i a.crr'
		whole a.crr
		is "$(stat -c %i a.crr)" "$(tail -n 1 out)" 'the file'
		is "$(stat -c %a a.crr)" 600 mode
		nothing_left
		rm a.crr
		# Of a run that ends at once, too.
		run 1 $fs crrctl record -o a.crr -- false
		whole a.crr
		run 122 $fs crrctl replay --live -f -o a.crr "$work/base.crr" -- \
			true
		whole a.crr
		is "$(wc -l < json.out)" "$base_records" 'records'
		nothing_left
		rm a.crr
	done
	# A tty that has N_CRR does not stay in a recording that nobody has.
	make_line
	run 0 crrctl attach "$tty"
	run 127 crrctl record -o a.crr "$tty" -- ./nosuch
	state_is "$tty" idle || fail "state: $json_status"
	run 0 crrctl record -o a.crr "$tty" -- true
}

# A program of this name sleeps: it reads its tty.
is_asleep() {
	[ "$(cat "/proc/$1/comm")" = "$2" ] && state_of "$1" && [ "$state" = S ]
}

# The log's name is taken, or the log killed, before there is anything in it.
line_output_appears() {
	make_line
	run 0 crrctl attach "$tty"
	for fs in "$new_fs" "$old_fs"; do
		for how in '' -f KILL TERM; do
			start head -c 1 "$tty"
			reader=$pid
			soon is_asleep "$reader" head
			force=''
			[ "$how" != -f ] || force=-f
			start_foreground $fs crrctl record $force -o a.crr \
				"$tty" 2> err
			record=$pid
			soon contains err 'waiting until no read(2)'
			[ ! -e a.crr ] || fail 'it has its name too early'
			case $how in
			KILL | TERM)
				kill "-$how" "$record"
				[ $how = TERM ] || soon ended "$record"
				[ $how = KILL ] || finish "$record" 143
				[ $how = KILL ] || nothing_left
				;;
			*)
				echo precious > a.crr
				;;
			esac
			say x
			finish "$reader" 0
			case $how in
			'')
				finish "$record" 125
				has err 'a.crr exists; --force replaces it'
				is "$(cat a.crr)" precious 'what has appeared'
				;;
			-f)
				soon sh -c 'crrctl log info a.crr | grep delivery'
				kill -TERM "$record"
				finish "$record" 0
				whole a.crr
				;;
			*)
				[ ! -e a.crr ] || fail 'a log is left'
				;;
			esac
			# Of kill -9 its file may be left, under no name of ours.
			rm -f a.crr .crrctl-*
		done
	done
}

# What is wrong with the log is found before anything is dropped for it.
line_output_discard() {
	orphan
	run 125 crrctl record --discard -o nosuch/b.crr "$tty"
	has err 'nosuch/b.crr: No such file or directory'
	run 125 crrctl record --discard -o a.crr "$tty"
	has err 'a.crr exists; --force replaces it'
	start crrctl record --resume -o a.crr "$tty" 2> err
	record=$pid
	soon status_has "$tty" '"controller":true'
	kill -TERM "$record"
	finish "$record" 0
	whole a.crr
	read_is abcdef
}

# A log is not replaced by what follows it.
line_output_is_input() {
	base
	cp "$work/base.crr" a.crr
	ln -s a.crr link
	ln a.crr hard
	for out in a.crr ./a.crr link hard; do
		run 125 crrctl replay --live -f -o $out a.crr -- touch started
		has err "$out is the same file as the input a.crr"
		run 125 crrctl replay --live -f -o $out - -- touch started < a.crr
		has err "$out is the same file as the input -"
	done
	cmp -s a.crr "$work/base.crr" || fail 'the log was destroyed'
	[ ! -e started ] || fail 'COMMAND was started'
}

# To standard output by another name, of which COMMAND has none.
line_output_stdout() {
	for out in /dev/stdout /dev/fd/1; do
		crrctl record -o $out -p "$talk" -- sh -c \
			'echo noise; exec emulator "$1"' sh {} > a.crr 2> err ||
			fail "status $?"
		whole a.crr
		read_is abcdefgq
	done
	crrctl record -o /dev/fd/9 -p "$talk" -- emulator {} 9> a.crr > out 2> err ||
		fail "status $?"
	whole a.crr
	mkfifo pipe
	start cp pipe a.crr
	run 0 crrctl record -o pipe -p "$talk" -- emulator {}
	finish "$pid" 0
	whole a.crr
}

# A device is written to, and stays what it is.
line_output_device() {
	mknod null c 1 3 || skip 'no devices here'
	chmod 666 null
	run 0 crrctl record -o null -- true
	is "$(stat -c %a null)" 666 'mode of the device'
}

line_stdout() {
	crrctl record -o - -p "$talk" -- emulator {} > a.crr 2> err ||
		fail "status $?"
	whole a.crr
	read_is abcdefgq
	# Into a pipe.
	{ crrctl record -o - -p "$talk" -- emulator {} 2> err; } |
		crrctl log dump - > out || fail "status $?"
	has out ' END'
}

# Without a peer, what the line says is no part of the log, nor COMMAND's own.
line_stdout_alone() {
	printf abcq | crrctl record -o - -- sh -c \
		'echo noise; ls /proc/self/fd > fds; exec emulator "$1"' sh {} \
		> a.crr 2> err || fail "status $?"
	# 0, 1, 2, the directory: not the log.
	[ "$(wc -l < fds)" -le 4 ] || fail "open files: $(xargs < fds)"
	whole a.crr
	read_is abcq
}

# Nobody reads what is written: a log that is not begun; a run that ends.
line_stdout_closed() {
	base
	mkfifo fifo
	exec 9<> fifo
	exec 6> fifo
	exec 9>&-
	status=0
	crrctl record -o - -- touch started >&6 2> err || status=$?
	is "$status" 125 status
	has err 'crrctl: -: Broken pipe'
	[ ! -e started ] || fail 'COMMAND was started'
	status=0
	crrctl replay "$work/base.crr" -- emulator {} >&6 2> err || status=$?
	is "$status" 143 'status of the replay'
	empty err
}

line_stdout_terminal() {
	script -qec 'crrctl record -o - -- true' typescript > /dev/null 2>&1 < \
		/dev/null
	is "$?" 125 status
	has typescript 'will not write a log to a terminal'
}

# Started by something that has closed its standard files.
line_closed_files() {
	timeout 200 crrctl record -o a.crr -- sh -c \
		'readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 > files
		 exec emulator "$1" run 1000' sh {} <&- >&- 2>&-
	is "$?" 0 status
	# Not the log, nor what else was opened in their place.
	is "$(sed -n '1p; 3p' files | xargs)" '/dev/null /dev/null' \
		'standard input and error'
	whole a.crr
	timeout 200 crrctl replay a.crr -- emulator {} run 1000 <&- >&- 2>&-
	is "$?" 0 'status of the replay'
}

line_header() {
	run 0 crrctl record -c cycles -o a.crr -- true a 'b  c' "$(printf 'd\ne')"
	run 0 crrctl log info --json a.crr
	json out '.[0].counter == "cycles" and .[0].command == "true a b  c d e"'
	long=$(head -c 5000 /dev/zero | tr '\0' x)
	run 0 crrctl record -o b.crr -- true "$long"
	run 0 crrctl log info --json b.crr
	json out '.[0].command | startswith("true xxxx")'
	# What cannot be a counter's name is told before anything happens.
	run 125 crrctl record -c "$(printf 'a\nb')" -o c.crr -- true
	has err counter
	[ ! -e c.crr ] || fail 'a file was made'
}

line_no_capture() {
	run 0 crrctl record --no-capture -o a.crr -p "$talk" -- emulator {}
	whole a.crr
	json json.out '[.[] | select(.type == "WRITE") | has("data")] | any | not'
	json json.out '[.[] | select(.type == "WRITE") | .crc32c | length == 8] |
		all'
	run 0 crrctl replay a.crr -- emulator {}
	run 120 crrctl replay a.crr -- emulator {} wrong 1
	has err 'different bytes'
	has err '  got      '
	lacks err '  expected '
	lacks err '  byte '
}

# ---- Programs that wait ----

keys='for key in a b cd e f; do sleep 0.03; printf $key; done; exec cat > /dev/null'

# waits WAY TIMEOUT [TTY]: a program that knows nothing of crr prints the same in
# each replay, also how often it has waited in vain before each key.
waits() {
	rm -f a.crr
	waiter="exec waiter $1 $2 6 ${3-}"
	run 0 crrctl record -q --preload -o a.crr -p "$keys" -- \
		sh -c "$waiter > recorded"
	empty err
	lines_with recorded after
	is "$lines" 6 "keys: $1 $2"
	for replay in first second; do
		run 0 crrctl replay -q a.crr -- sh -c "$waiter > replayed"
		cmp recorded replayed ||
			fail "$1 $2, $replay replay: $(diff recorded replayed)"
	done
}

line_preload_poll() {
	waits poll 10 {}
	waits poll 0 {}
	[ -z "${CRR_BRIEF-}" ] || return 0
	waits poll -1 {}
	waits ppoll 10 {}
}

line_preload_select() {
	waits select 10 {}
	[ -z "${CRR_BRIEF-}" ] || return 0
	waits select 0 {}
	waits select -1 {}
	waits pselect 10 {}
}

line_preload_epoll() {
	waits epoll 10 {}
	[ -z "${CRR_BRIEF-}" ] || return 0
	waits epoll 0 {}
	waits epoll -1 {}
	waits epoll-once 10 {}
}

# Beside a pipe, which never has anything.
line_preload_others() {
	waits pipe-select 10 {}
	[ -z "${CRR_BRIEF-}" ] || return 0
	waits pipe-epoll 10 {}
	waits pipe-poll 10 {}
	waits pipe-poll -1 {}
	waits pipe-epoll 0 {}
}

# It makes a pty, and is given the line.
line_preload_pty() {
	waits poll 10
	[ -z "${CRR_BRIEF-}" ] || return 0
	waits openpty-epoll 10
}

# Its last waits are at the counter of the log's end, which is no error yet.
line_preload_end() {
	cat > last.py <<-'CODE'
		import os, select, sys, tty
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
		tty.setraw(fd)
		poll = select.poll()
		poll.register(fd, select.POLLIN | select.POLLPRI)
		for i in range(3):
		    if any(select.select([fd], [], [fd], 0.05)) or poll.poll(10):
		        sys.exit(1)
		CODE
	run 0 crrctl record -q --preload --no-clock -o a.crr -p 'cat > /dev/null' -- \
		python3 last.py {}
	run 0 crrctl replay -q a.crr -- python3 last.py {}
}

# The log says that it wants the library.
line_preload_stored() {
	waits poll 10 {}
	run 0 crrctl log info --json a.crr
	json out '.[0].run.preload'
	mv recorded before
	run 0 crrctl replay -q --stored a.crr
	cmp recorded before || fail 'replay --stored'
}

# What a replay will not repeat is said at the end.
line_preload_notes() {
	run 0 crrctl record -f --preload -o a.crr -p 'cat > /dev/null' -- \
		python3 "$tests/emulators/sources.py" {}
	has err 'COMMAND waits for other files as well'
	has err 'COMMAND sets timers'
	has err 'COMMAND asks the kernel for random numbers'
	has err 'COMMAND starts threads'
	has err 'warning: COMMAND uses a tty in several threads'
	lacks err 'modem'
	lacks err 'reads the time'
	run 0 crrctl record -f --preload --no-clock -o a.crr -p 'cat > /dev/null' -- \
		python3 "$tests/emulators/sources.py" {}
	has err 'reads the time'
	run 0 crrctl record -f -q --preload -o a.crr -p 'cat > /dev/null' -- \
		python3 "$tests/emulators/sources.py" {}
	lacks err timers
	has err 'several threads'
	printf '#!/bin/sh\n' > qemu-system-none
	chmod +x qemu-system-none
	run 0 crrctl record -f -q --preload -o a.crr -- ./qemu-system-none
	has err 'so a replay diverges: use --qemu'
}

# ---- Peers behind TCP ----

# Where socat listens: sets port.
listening() {
	port=
	while read -r line; do
		case $line in
		*'listening on'*) port=${line##*:} ;;
		esac
	done < "$1"
	[ -n "$port" ]
}

# The network is of no importance to a replay.
line_tcp() {
	command -v socat > /dev/null || skip 'no socat'
	[ -e /proc/net/tcp ] || skip 'no TCP in this kernel'
	printf %s "$talk" > device.sh
	start socat -d -d TCP-LISTEN:0,bind=127.0.0.1 'EXEC:sh device.sh' 2> server
	server=$pid
	soon listening server
	run 0 crrctl record -o a.crr -p "socat - TCP:127.0.0.1:$port" -- emulator {}
	finish "$server" 0
	whole a.crr
	read_is abcdefgq
	run 0 crrctl replay a.crr -- emulator {}
	written_is out
}

# ---- Serial ports ----

# Two ports with a null modem between them: sets tty and other.
pair() {
	[ -n "${CRR_PAIR-}" ] || skip 'CRR_PAIR is not set'
	tty=${CRR_PAIR% *}
	other=${CRR_PAIR#* }
	stty -F "$tty" raw -echo 115200
	stty -F "$other" raw -echo 115200
}

# Modem lines of a serial port, replayed on a pty, which has none.
line_port_modem() {
	pair
	# What is sent to a port that is not open yet is lost.
	start sh -c 'exec 3<> "$1"
		: > opened
		read -r ready <&3
		for key in a b c d e f; do
			sleep 0.05
			printf $key
		done >&3
		exec cat <&3 > heard' sh "$other"
	peer=$pid
	soon test -e opened
	run 0 crrctl record -q --preload -o a.crr "$tty" -- \
		sh -c 'exec waiter modem 10 6 {} > recorded'
	kill "$peer"
	lacks recorded 0xffffffff
	run 0 crrctl replay -q a.crr -- \
		sh -c 'exec waiter modem 10 6 {} > replayed'
	cmp recorded replayed || fail "$(diff recorded replayed)"
}

# Has the other end got all that was written?
heard_all() {
	slurp "$1"
	[ "$text" = "${was_written%?}" ]
}

line_port() {
	pair
	start cat "$other" > heard
	start crrctl record -o a.crr "$tty" -- emulator {} 2> err
	record=$pid
	soon status_has "$tty" '"clock":true' '"state":"recording"'
	printf abc > "$other"
	soon contains heard ABC
	printf defq > "$other"
	finish "$record" 0
	whole a.crr
	read_is abcdefq
	has json.out "\"name\":\"${tty#/dev/}\""
	has json.out '"ospeed":115200'
	# The tty is as it was.
	run 1 crrctl status "$tty"
	has err 'does not have N_CRR'
	soon heard_all heard

	# On the same port: without the peer, and the same goes out again.
	: > heard
	run 0 crrctl replay a.crr "$tty" -- emulator {}
	empty out
	soon heard_all heard
	# What the peer says now does not matter.
	yes > "$other" &
	echo $! >> pids
	run 0 crrctl replay a.crr "$tty" -- emulator {}
	# On a pty.
	run 0 crrctl replay a.crr -- emulator {}
	written_is out
	# Recorded on a pty, replayed here.
	base
	run 0 crrctl replay "$work/base.crr" "$tty" -- emulator {}
}

# ---- Following an emulator that runs already ----

# The emulator has a clock before there is a session.
line_follow() {
	make_line
	run 0 crrctl attach "$tty"
	start emulator "$tty"
	emulator=$pid
	say a
	soon contains output A
	start crrctl record -o a.crr "$tty" 2> err
	record=$pid
	soon state_is "$tty" recording
	say bcd
	soon contains output D
	say efq
	finish "$emulator" 0
	kill -TERM "$record"
	finish "$record" 0
	empty err
	whole a.crr
	read_is bcdefq
	lacks json.out '"counter":0'
	# N_CRR was there before, and stays.
	run 0 crrctl status "$tty"
	is "$(cat out)" 'state: attached, no session' status
	run 0 crrctl replay a.crr -- emulator {}
	written_is out
}

# It makes its clock when there is a session.
line_follow_later() {
	make_line
	start crrctl record -o a.crr "$tty" 2> err
	record=$pid
	soon state_is "$tty" recording
	status_has "$tty" '"clock":false' || fail 'a clock'
	start emulator "$tty"
	emulator=$pid
	soon status_has "$tty" '"clock":true'
	say abcq
	finish "$emulator" 0
	kill -TERM "$record"
	finish "$record" 0
	empty err
	whole a.crr
	read_is abcq
	has json.out '"seq":0,"counter":0'
	lacks json.out '"type":"READ","empty_reads":0,"counter":0'
	# N_CRR was not there before.
	run 1 crrctl status "$tty"
	has err 'does not have N_CRR'
	run 0 crrctl replay a.crr -- emulator {}
}

# It opened the tty when it had no N_CRR: it has no clock, which is told.
line_follow_unclocked() {
	make_line
	start emulator "$tty"
	emulator=$pid
	say a
	soon contains output A
	start crrctl record -o a.crr "$tty" 2> err
	record=$pid
	soon state_is "$tty" recording
	say bq
	finish "$emulator" 0
	kill -TERM "$record"
	finish "$record" 0
	has err 'no counter was ever supplied'
	whole a.crr
	read_is bq
}

# The one who follows a replay is told, too, and the replay's end is its end.
line_follow_replay() {
	base
	make_line
	run 0 crrctl attach "$tty"
	start crrctl replay --stall 3 "$work/base.crr" "$tty" 2> err
	replay=$pid
	soon state_is "$tty" replaying
	start emulator "$tty"
	finish "$pid" 0
	whole "$work/base.crr"
	soon heard_all output
	# With nothing left it has come to its end: it does not stall.
	finish "$replay" 0
	empty err
}

# Somebody sleeps in read(2): that is told, and can be interrupted.
line_busy() {
	make_line
	run 0 crrctl attach "$tty"
	start head -c 1 "$tty" > got
	reader=$pid
	soon is_asleep "$reader" head
	for signal in INT:130 TERM:143; do
		rm -f a.crr
		start_foreground crrctl record -o a.crr "$tty" 2> err
		record=$pid
		soon contains err "$tty: waiting until no read(2) or write(2) is in progress"
		kill "-${signal%:*}" "$record"
		finish "$record" "${signal#*:}"
	done
	base
	start crrctl replay "$work/base.crr" "$tty" 2> err
	replay=$pid
	soon contains err 'waiting until no read(2) or write(2) is in progress'
	kill -TERM "$replay"
	finish "$replay" 143

	# It goes on as soon as the reader has gone.
	rm -f a.crr
	start crrctl record -o a.crr "$tty" 2> err
	record=$pid
	soon contains err waiting
	say x
	finish "$reader" 0
	is "$(cat got)" x 'what the reader got'
	soon state_is "$tty" recording
	kill -TERM "$record"
	finish "$record" 0
	whole a.crr
	lines_with err 'waiting'
	is "$lines" 1 'how often it was told'
}

# The line is hung up: that ends it.
line_hangup() {
	make_line
	start crrctl record -o a.crr "$tty" 2> err
	record=$pid
	soon state_is "$tty" recording
	start emulator "$tty"
	emulator=$pid
	say abc
	soon contains output ABC
	kill "$linepid"
	finish "$record" 0
	empty err
	whole a.crr
	read_is abc
	json json.out 'map(.type)[-3:] == ["HANGUP", "STREAM_END", "END"]'
	json json.out '.[-2].reason == "hung-up"'
	! ended "$emulator" || fail 'the emulator was ended'
}

# ---- The user's terminal ----

# terminal COMMAND: runs it in a terminal; what is typed comes from fd 7, and what
# it shows is in typescript, after a line that script(1) begins with. That has its
# command, which is not to be what is looked for. Sets terminal; its tty is in
# terminal.tty.
terminal() {
	rm -f keys typescript terminal.tty
	mkfifo keys
	exec 7<> keys
	cat > terminal.sh <<-END
		trap : INT; tty > terminal.new; mv terminal.new terminal.tty
		stty -a > before; $1
		echo \$? > terminal.status; stty -a > after
	END
	start_foreground script -qfec 'sh terminal.sh' typescript \
		< keys > /dev/null 2>&1
	terminal=$pid
	soon test -f terminal.tty
}

# The terminal shows it.
shows() {
	sed 1d typescript > shown
	contains shown "$1"
}

is_raw() {
	stty -F "$(cat terminal.tty)" -a | grep -q -e '-icanon'
}

line_terminal() {
	terminal 'crrctl record -o a.crr -- emulator {}'
	soon is_raw
	printf 'ab\003' >&7
	soon shows "$(printf 'AB\003')"
	printf q >&7
	soon ended "$terminal"
	is "$(cat terminal.status)" 0 status
	cmp -s before after || fail 'the terminal is not as it was'
	whole a.crr
	read_is "$(printf 'ab\003q')"
	# How to end it, while the terminal is not raw yet.
	has typescript "^] ends recording"
	lines_with typescript 'records in a.crr'
	is "$lines" 1 'summaries'
	# The last message begins in the first column.
	grep -q '^crrctl: .* records in a.crr' typescript || fail 'in the middle of a line'
	# Of a line that the terminal shows there is no progress to be seen.
	lacks typescript 'recording: '
	has typescript 'records in a.crr'
}

# The pty has the size of the terminal, before COMMAND starts and after a change.
line_terminal_size() {
	terminal 'stty rows 33 cols 99; crrctl record -o a.crr -- sh -c "
		stty -F {} size > size; : > ready; while :; do
			stty -F {} size > now; mv now size; sleep 0.1; done"'
	soon test -f ready
	soon contains size '33 99'
	stty -F "$(cat terminal.tty)" rows 44 cols 111
	soon contains size '44 111'
	printf '\035' >&7
	soon ended "$terminal"
	is "$(cat terminal.status)" 143 status
}

# A message begins in the first column, also after half a line of the emulator's.
line_terminal_message() {
	terminal 'crrctl record -o a.crr -- sh -c "
		exec 3<> {}; stty raw <&3; printf half >&3; read -r _ <&3"'
	soon shows half
	printf '\035' >&7
	soon ended "$terminal"
	tr -d '\r' < typescript > lines
	grep -q '^half$' lines || fail "$(cat lines)"
	grep -q '^crrctl: .* records in a.crr' lines || fail "$(cat lines)"
}

# COMMAND's own output and the report do not mix.
line_report_last() {
	base
	run 120 crrctl replay "$work/base.crr" -- sh -c '
		emulator "$1" wrong 1; for i in 1 2 3; do sleep 0.1; echo "last words" >&2; done' sh {}
	tail -n 1 err > last
	lacks last 'last words'
	sed '/^crrctl:/,$d' err > before
	lines_with before 'last words'
	is "$lines" 3 'words before the report'
}

# The key that ends it, with COMMAND and without.
line_terminal_escape() {
	terminal 'crrctl record -o a.crr -- emulator {}'
	soon is_raw
	printf abc >&7
	soon shows C
	printf '\035' >&7
	soon ended "$terminal"
	is "$(cat terminal.status)" 143 status
	cmp -s before after || fail 'the terminal is not as it was'
	whole a.crr
	read_is abc

	terminal 'crrctl record -o b.crr'
	soon is_raw
	soon shows 'the tty is /dev/pts/'
	tty=$(sed -n 's,.*the tty is \(/dev/pts/[0-9]*\).*,\1,p' typescript)
	start emulator "$tty"
	printf xyz >&7
	soon shows XYZ
	printf '\035' >&7
	soon ended "$terminal"
	is "$(cat terminal.status)" 0 status
	cmp -s before after || fail 'the terminal is not as it was'
	whole b.crr
	read_is xyz
}

# Killed, or failed: the terminal is put back.
line_terminal_restored() {
	terminal 'crrctl record -o a.crr -- sh -c "echo \$PPID > pid; exec emulator {}"'
	soon is_raw
	soon test -s pid
	kill -TERM "$(cat pid)"
	soon ended "$terminal"
	cmp -s before after || fail 'the terminal is not as it was'
	whole a.crr
	terminal 'crrctl record -o b.crr -- ./nosuch'
	soon ended "$terminal"
	is "$(cat terminal.status)" 127 status
	cmp -s before after || fail 'the terminal is not as it was'
}

# Not a terminal: standard input goes to the line.
line_input() {
	printf 'abq' > keys
	run 0 crrctl record -o a.crr -- emulator {} < keys
	whole a.crr
	read_is abq
	written_is out
	empty err
}

# Progress and summary are for terminals only, and only if wanted.
line_progress() {
	terminal "crrctl record -o a.crr -p '$talk' -- emulator {} > /dev/null"
	soon ended "$terminal"
	has typescript 'recording: '
	has typescript ' records in a.crr'
	terminal 'crrctl replay a.crr -- emulator {} > /dev/null'
	soon ended "$terminal"
	has typescript 'replaying: '
	has typescript 'replayed '
	terminal 'crrctl replay -q a.crr -- emulator {} > /dev/null'
	soon ended "$terminal"
	lacks typescript 'replaying: '
	lacks typescript 'replayed '
	# COMMAND may use the terminal itself.
	terminal "crrctl record -f -o a.crr -p '$talk' -- emulator {}"
	soon ended "$terminal"
	lacks typescript 'recording: '
	has typescript ' records in a.crr'
	terminal "crrctl record -q -f -o a.crr -p '$talk' -- emulator {} > /dev/null"
	soon ended "$terminal"
	lacks typescript 'recording: '
	lacks typescript ' records in '
	run 0 crrctl record -f -o a.crr -p "$talk" -- emulator {}
	empty err
}

# ---- Signals ----

# interrupt SIGNAL STATUS: to crrctl, with an emulator that dies of it.
interrupt() {
	rm -f a.crr pid answers
	start_foreground crrctl record -o a.crr -p 'printf abc; exec cat > answers' -- sh -c \
		'echo $$ > pid; exec emulator "$1"' sh {} 2> err
	record=$pid
	soon test -s pid
	soon contains answers ABC
	kill "-$1" "$record"
	finish "$record" "$2"
	empty err
	whole a.crr
	read_is abc
	ended "$(cat pid)" || fail 'COMMAND runs on'
	run 0 crrctl replay a.crr -- sh -c 'emulator "$1"; [ $? = 43 ]' sh {}
}

line_interrupt() {
	interrupt INT 130
	interrupt TERM 143
	interrupt HUP 129
}

# As the terminal's ^C, to all at once.
line_interrupt_group() {
	for signal in INT:130 TERM:143; do
		rm -f a.crr answers
		start_foreground setsid crrctl record -o a.crr -p \
			'printf abc; exec cat > answers' -- emulator {} 2> err
		record=$pid
		soon contains answers ABC
		kill -s "${signal%:*}" -- "-$record"
		finish "$record" "${signal#*:}"
		whole a.crr
		read_is abc
	done
}

# The terminal's own ^C; an emulator that counts them has seen one.
line_interrupt_key() {
	make_line
	terminal "crrctl record -o a.crr $tty -- sh -c '
		trap \"echo seen >> seen\" INT; mkfifo fifo; : > ready
		read -r line < fifo; sleep 0.3; exit 5'"
	soon test -f ready
	printf '\003' >&7
	soon ended "$terminal"
	is "$(cat terminal.status)" 5 status
	is "$(wc -l < seen)" 1 'how many SIGINTs'
	whole a.crr
}

# A COMMAND that will not end is ended.
line_interrupt_ignored() {
	start_foreground crrctl record -o a.crr -- sh -c \
		'trap "" INT TERM; : > ready; while :; do sleep 0.1; done' 2> err
	record=$pid
	soon test -f ready
	kill -INT "$record"
	finish "$record" 137
	whole a.crr
	base
	rm ready
	start_foreground crrctl replay --grace 0.2 "$work/base.crr" -- sh -c \
		'trap "" INT TERM; : > ready; while :; do sleep 0.1; done' 2> err
	replay=$pid
	soon test -f ready
	kill -INT "$replay"
	finish "$replay" 137
}

# What nohup(1) has set is meant.
line_nohup() {
	make_line
	(
		trap '' HUP
		exec env crrctl record -o a.crr "$tty" 2> err
	) &
	record=$!
	echo "$record" >> pids
	soon state_is "$tty" recording
	kill -HUP "$record"
	start emulator "$tty"
	say abc
	soon contains output ABC
	! ended "$record" || fail 'SIGHUP was ignored, and ended it'
	kill -TERM "$record"
	finish "$record" 0
	whole a.crr
	read_is abc
}

# Nobody outlives crrctl: the peer and what it has started.
line_peer() {
	run 0 crrctl record -o a.crr -p 'sh -c '\''echo $$ > pid
		trap "" HUP; exec sleep 300'\''; :' -- sh -c \
		'until [ -s pid ]; do sleep 0.02; done'
	soon ended "$(cat pid)"
	# It may end before.
	run 0 crrctl record -o b.crr -p 'printf abcq' -- emulator {}
	whole b.crr
	read_is abcq
}

# ---- Killed, and taken over ----

# kill -9, more than once: nothing is lost, and the log replays.
line_resume() {
	make_line
	run 0 crrctl attach "$tty"
	start emulator "$tty"
	emulator=$pid
	start crrctl record -o a.crr "$tty" 2> err
	record=$pid
	soon state_is "$tty" recording
	sent=
	for round in 1 2 3; do
		say "a$round"
		soon contains output "A$round"
		kill -KILL "$record"
		soon ended "$record"
		# It runs on, and is recorded.
		say "b$round"
		soon contains output "B$round"
		state_is "$tty" recording || fail 'not recording any more'
		status_has "$tty" '"controller":false' '"unread":true' ||
			fail 'nothing left'
		start crrctl record --resume -o a.crr "$tty" 2> err
		record=$pid
		soon status_has "$tty" '"controller":true'
		say "c$round"
		soon contains output "C$round"
		sent="${sent}a${round}b${round}c$round"
	done
	say q
	finish "$emulator" 0
	kill -TERM "$record"
	finish "$record" 0
	empty err
	whole a.crr
	read_is "${sent}q"
	written_is output
	is "$(stat -c %a a.crr)" 600 mode
	run 0 crrctl replay a.crr -- emulator {}
	cmp -s out output || fail 'replayed output is another'
}

# kill -9 at any moment, while much is coming in: whole blocks can be read, and
# in the end nothing is missing.
line_resume_any() {
	make_line
	run 0 crrctl attach "$tty"
	start emulator "$tty"
	emulator=$pid
	start crrctl record -o a.crr "$tty" 2> err
	record=$pid
	soon state_is "$tty" recording
	soon test -s a.crr
	(
		n=0
		while [ "$n" -lt 120 ]; do
			n=$((n + 1))
			printf 'line %s; ' "$n" >&8
			[ $((n % 4)) != 0 ] || sleep 0.03
		done
		: > said
	) &
	echo $! >> pids
	rounds=0
	until [ -f said ]; do
		sleep "0.$((rounds * 7 % 10))"
		kill -KILL "$record"
		soon ended "$record"
		status=0
		crrctl log dump a.crr > dumped 2> err || status=$?
		is "$status" 123 'status of a log that was not ended'
		start crrctl record --resume -o a.crr "$tty" 2> err
		record=$pid
		soon status_has "$tty" '"controller":true'
		rounds=$((rounds + 1))
	done
	[ "$rounds" -ge 2 ] || fail "killed no more than $rounds times"
	say q
	finish "$emulator" 0
	kill -TERM "$record"
	finish "$record" 0
	empty err
	whole a.crr
	n=0
	sent=
	while [ "$n" -lt 120 ]; do
		n=$((n + 1))
		sent="${sent}line $n; "
	done
	read_is "${sent}q"
	run 0 crrctl replay a.crr -- emulator {}
}

# An orphaned recording: sets record's log, a.crr, and has records in it.
orphan() {
	make_line
	run 0 crrctl attach "$tty"
	start emulator "$tty"
	emulator=$pid
	start crrctl record "$@" -o a.crr "$tty" 2> err
	soon state_is "$tty" recording
	say abc
	soon contains output ABC
	kill -KILL "$pid"
	soon ended "$pid"
	say def
	soon contains output DEF
}

line_resume_refused() {
	make_line
	run 125 crrctl record --resume -o a.crr "$tty"
	has err 'there is no recording to resume'
	[ ! -e a.crr ] || fail 'a file was made'
	exec 8>&-
	kill "$linepid"
	rm -f input output name
	orphan
	run 125 crrctl record -o b.crr "$tty"
	has err '--resume'
	has err '--discard'
	[ ! -e b.crr ] || fail 'a file was made'
	base
	run 125 crrctl replay "$work/base.crr" "$tty"
	has err '--resume'
	run 125 crrctl record --resume -o nosuch.crr "$tty"
	has err 'nosuch.crr: No such file or directory'
	mklog all > all.crr
	cp all.crr copy.crr
	run 125 crrctl record --resume -o all.crr "$tty"
	has err 'the log is complete'
	cmp -s all.crr copy.crr || fail 'the log was changed'
	cp "$self" text
	run 125 crrctl record --resume -o text "$tty"
	has err 'not a crr log'
	cmp -s text "$self" || fail 'the file was changed'
	mkfifo fifo
	run 125 crrctl record --resume -o fifo "$tty"
	has err 'fifo: Illegal seek'
	# After all of that it can still be resumed.
	start crrctl record --resume -o a.crr "$tty" 2> err
	record=$pid
	soon status_has "$tty" '"controller":true'
	kill -TERM "$record"
	finish "$record" 0
	whole a.crr
	read_is abcdef
}

# Another recording's log is not what was recorded here.
line_resume_other() {
	orphan
	base
	mklog split < "$work/base.crr" > other.crr
	blocks_of other.crr
	cut_to other.crr $((blocks - 72)) > long.crr
	cp long.crr copy.crr
	status=0
	timeout --foreground -s TERM 10 crrctl record --resume -o long.crr \
		"$tty" > out 2> err || status=$?
	is "$status" 125 status
	cmp -s long.crr copy.crr || fail 'records were put into another log'
	start crrctl record --resume -o a.crr "$tty" 2> err
	soon status_has "$tty" '"controller":true'
	kill -TERM "$pid"
	finish "$pid" 0
	whole a.crr
	read_is abcdef
}

line_discard() {
	orphan
	start crrctl record --discard -o b.crr "$tty" 2> err
	record=$pid
	soon status_has "$tty" '"controller":true' '"state":"recording"'
	say ghi
	soon contains output GHI
	kill -TERM "$record"
	finish "$record" 0
	whole b.crr
	read_is ghi
	# What was in the other log stays there.
	run 123 crrctl log dump a.crr
}

# Nobody takes over, and the buffer fills: as asked for, that is an error.
line_fail_orphan() {
	orphan --fail-orphan --buffer 256K
	(yes | tr -d '\n' | head -c 600000 >&8) 2>/dev/null &
	echo $! >> pids
	soon ended "$emulator"
	state_is "$tty" failed || fail 'not failed'
	run 0 crrctl status "$tty"
	has out 'nobody reads the recording'
	run 123 crrctl record --resume -o a.crr "$tty"
	has err 'recording has failed: nobody reads the recording'
	run 123 crrctl log info a.crr
}

# crrctl killed while COMMAND is its own: COMMAND is ended, and what has been
# written can be read.
# However often, and whenever: no record is lost, and what the log has it keeps.
line_killed_often() {
	make_line
	run 0 crrctl attach "$tty"
	start emulator "$tty"
	emulator=$pid
	start crrctl record --flush 0.05 -o a.crr "$tty" 2> err
	record=$pid
	soon state_is "$tty" recording
	sent='' readable=0 round=0
	while [ "$round" -lt "${CRR_KILLS-25}" ]; do
		say "k$round"
		sent=${sent}k$round
		[ $((round % 3)) = 0 ] || soon contains output "K$round"
		sleep "0.$(shuf -i 0-199 -n 1 | sed 's/^.$/00&/; s/^..$/0&/')"
		kill -KILL "$record"
		soon ended "$record"
		crrctl log dump --json a.crr > json.all 2> dump.err || :
		[ "$(wc -l < json.all)" -ge "$readable" ] ||
			fail "round $round: the log has fewer records: $(cat dump.err)"
		readable=$(wc -l < json.all)
		start crrctl record --flush 0.05 --sync --resume -o a.crr \
			"$tty" 2> err
		record=$pid
		# In every other round it has come up before it is killed.
		[ $((round % 2)) = 0 ] ||
			soon status_has "$tty" '"controller":true'
		round=$((round + 1))
	done
	soon status_has "$tty" '"controller":true'
	say q
	finish "$emulator" 0
	kill -TERM "$record"
	finish "$record" 0
	whole a.crr
	read_is "${sent}q"
	written_is output
	run 0 crrctl log verify a.crr
}

line_killed() {
	start crrctl record -o a.crr -p 'printf abc; exec cat > /dev/null' -- \
		sh -c 'echo $$ > pid; exec emulator "$1"' sh {} 2> err
	record=$pid
	soon test -s pid
	soon sh -c 'crrctl log dump a.crr | grep -q STREAM'
	# What is being recorded was not killed, which is told apart.
	run 123 crrctl log info a.crr
	has out 'has no end yet: it is still being recorded'
	run 123 crrctl log verify a.crr
	has out 'has no end yet: it is still being recorded'
	run 123 crrctl replay --grace 0 a.crr -- emulator {}
	has err ': it is still being recorded'
	cp a.crr copy.crr
	run 123 crrctl log verify copy.crr
	has out 'or this is a copy made while it went on'
	run 0 crrctl log repair a.crr whole.crr
	has err 'still being recorded'
	kill -KILL "$record"
	soon ended "$record"
	soon ended "$(cat pid)"
	run 123 crrctl log info a.crr
	has out 'has no end: the recording was killed'
	run 123 crrctl replay --grace 0 a.crr -- emulator {}
	lacks err 'still being recorded'
}

# ---- Buffers, full disks ----

# bytes_in TTY: sets bytes.
bytes_in() {
	status_has "$1" '"state":"recording"' || return
	bytes=${json_status##*\"bytes_in\":\"}
	bytes=${bytes%%\"*}
}

# The emulator has read something, and reads no more: refused, or asleep.
is_held() {
	bytes_in "$1" && before=$bytes && [ "$before" -gt 0 ] || return
	sleep 0.5
	bytes_in "$1" && [ "$bytes" = "$before" ]
}

# The smallest buffer, and a reader that is late: nothing is lost.
line_full_buffer() {
	start crrctl record --block --buffer 256K -o a.crr -p \
		'{ until [ -f go ]; do sleep 0.05; done
		   yes | tr -d "\n" | head -c 200000; printf q; } &
		 cat > answers; wait' \
		-- sh -c 'echo $$ > pid; echo "$1" > tty; exec emulator "$1"' sh {} \
		2> err
	record=$pid
	soon test -s tty
	tty=$(cat tty)
	kill -STOP "$record"
	: > go
	soon is_held "$tty"
	[ "$bytes" -lt 200001 ] || fail 'the buffer did not fill'
	run 0 crrctl status --json "$tty"
	json out '.[0].buffer_size | tonumber | . >= 262144 and . < 8388608'
	kill -CONT "$record"
	finish "$record" 0
	run 0 crrctl log info --json a.crr
	has out '"complete":true'
	has out '"bytes_in":"200001"'
	has out "\"bytes_out\":\"$(size answers)\""
	run 0 crrctl replay --buffer 256K --mute a.crr -- emulator {}
	empty err
}

# How many records a damaged log has that can be read.
readable() {
	crrctl log dump "$1" 2>/dev/null |
		awk '$4 !~ /^(TIME|TERMIOS)$/ { n++ } END { print n + 0 }'
}

line_disk_full() {
	mkdir small
	mount -t tmpfs -o size=1m small small || skip 'no mounts here'
	status=0
	timeout 200 crrctl record -o small/a.crr -p \
		'{ base64 -w 0 /dev/urandom | tr -d q | head -c 3000000; } & cat > /dev/null' -- sh -c \
		'trap "echo ended > ended; exit 3" TERM; emulator "$1" & wait' sh {} \
		> out 2> err || status=$?
	cp small/a.crr a.crr
	umount small
	is "$status" 123 status
	has err 'small/a.crr: No space left on device'
	lines_with err 'No space left'
	is "$lines" 1 'how often it was told'
	[ -f ended ] || fail 'COMMAND was not ended'
	n=$(readable a.crr)
	[ "$n" -gt 10 ] || fail "only $n records can be read"
	has err "the log ends before record $n"
	# All but the block that did not fit.
	[ "$(size a.crr)" -gt 600000 ] || fail "only $(size a.crr) bytes"
}

# A run that goes on live: as when it is recorded.
line_disk_full_live() {
	rm -f heard
	start_foreground crrctl record -o a.crr \
		-p 'printf abc; read -r answer; touch heard; sleep 100' -- \
		emulator {} > out 2> err
	recorder=$pid
	soon test -e heard
	kill -INT "$recorder"
	finish "$recorder" 130
	mkdir small
	mount -t tmpfs -o size=1m small small || skip 'no mounts here'
	status=0
	timeout 200 crrctl replay --live -o small/b.crr -p \
		'{ base64 -w 0 /dev/urandom | tr -d q | head -c 3000000; } & cat > /dev/null' \
		a.crr -- sh -c \
		'trap "echo ended > ended; exit 3" TERM; emulator "$1" & wait' sh {} \
		> out 2> err || status=$?
	cp small/b.crr b.crr
	umount small
	is "$status" 123 status
	has err 'small/b.crr: No space left on device'
	lines_with err 'No space left'
	is "$lines" 1 'how often it was told'
	[ -f ended ] || fail 'COMMAND was not ended'
	n=$(readable b.crr)
	has err "the log ends before record $n"
	[ "$(size b.crr)" -gt 600000 ] || fail "only $(size b.crr) bytes"
}

# ---- One at a time ----

line_second() {
	make_line
	start crrctl record -o a.crr "$tty" 2> err.first
	record=$pid
	soon state_is "$tty" recording
	run 125 crrctl record -o b.crr "$tty"
	has err "$tty is being recorded or replayed by another crrctl"
	[ ! -e b.crr ] || fail 'a file was made'
	base
	run 125 crrctl replay "$work/base.crr" "$tty" -- emulator {}
	has err 'by another crrctl'
	run 1 crrctl detach "$tty"
	has err 'is being recorded or replayed'
	start emulator "$tty"
	say abcq
	finish "$pid" 0
	kill -TERM "$record"
	finish "$record" 0
	whole a.crr
	read_is abcq
}

# ---- Attach, detach, status ----

# The processes that hold a tty.
holder() {
	for process in /proc/[0-9]*; do
		comm=
		read -r comm 2>/dev/null < "$process/comm" || :
		[ "$comm" = crrctl ] || continue
		[ "$(tr '\0' ' ' < "$process/cmdline" 2>/dev/null)" != \
			"crrctl attach $1 " ] || echo "${process#/proc/}"
	done
}

nobody_holds() {
	[ -z "$(holder "$1")" ]
}

line_attach() {
	make_line
	run 0 crrctl attach "$tty"
	empty out
	empty err
	run 0 crrctl status "$tty"
	is "$(cat out)" 'state: attached, no session' status
	run 0 crrctl status --json "$tty"
	json out '.[0].session == false and .[0].state == "idle"'
	[ -n "$(holder "$tty")" ] || fail 'nobody holds it'
	hold=$(holder "$tty")
	# Once more does no harm, and it works as before.
	run 0 crrctl attach "$tty"
	say abc
	is "$(timeout 10 head -c 3 "$tty")" abc 'what came in'
	run 0 crrctl detach "$tty"
	run 1 crrctl status "$tty"
	soon ended "$hold"
	soon nobody_holds "$tty"
	run 1 crrctl detach "$tty"
	has err "$tty does not have N_CRR"

	start crrctl attach --foreground "$tty"
	soon crrctl status "$tty"
	run 0 crrctl detach "$tty"
	finish "$pid" 0
	run 1 crrctl attach /dev/null
	has err '/dev/null is not a tty'
	run 1 crrctl attach /dev/nosuch
	# By somebody who may open the tty, and no more.
	chmod 666 "$tty"
	run 0 nobody crrctl attach "$tty"
	run 0 nobody crrctl status "$tty"
	run 125 nobody crrctl record -o /dev/null "$tty"
	has err 'this needs root (CAP_SYS_TTY_CONFIG)'
	run 0 nobody crrctl detach "$tty"
}

line_status_recording() {
	make_line
	start crrctl record -o a.crr "$tty" 2> err.record
	record=$pid
	soon state_is "$tty" recording
	start emulator "$tty"
	say abc
	soon contains output ABC
	run 0 crrctl status "$tty"
	has out 'state: recording'
	has out 'a controller, a clock, a counter'
	has out 'bytes in: 3'
	has out 'bytes of buffer: 8388608'
	has out 'looks without result: '
	lacks out guesses
	lacks out 'next due'
	lacks out 18446744073709551615
	run 0 crrctl status -j "$tty"
	is "$(wc -l < out)" 1 lines
	json out '.[0] | .session and .state == "recording" and .stream == 0 and
		.streams == 1 and .controller and .clock and .counted and
		.bytes_in == "3" and .waiting == [] and (.counter | tonumber) > 0 and
		(.looks | tonumber) >= 0 and .guesses == "0" and
		.interrupted == false and .threads == false'
	kill -TERM "$record"
	finish "$record" 0
}

# Of a replay: what it waits for, and where it stands.
line_status_replaying() {
	base
	make_line
	start crrctl replay --stall 0 "$work/base.crr" "$tty" 2> err.replay
	replay=$pid
	soon state_is "$tty" replaying
	start cat "$tty"
	soon status_has "$tty" '"waiting":["read"]'
	run 0 crrctl status "$tty"
	has out 'state: replaying'
	has out 'waiting: a read, for its counter'
	has out "next due: $r1"
	has out 'records left: 6'
	has out 'guesses: '
	run 0 crrctl status -j "$tty"
	json out '.[0] | .state == "replaying" and .end_fed and .remaining == "6" and
		.discarded == "0"'
	say noise
	soon status_has "$tty" '"discarded":"5"'
	kill -TERM "$replay"
	finish "$replay" 143
}

line_master() {
	run 125 crrctl record -o a.crr /dev/ptmx
	has err 'is the master of a pty: use the other end'
	[ ! -e a.crr ] || fail 'a file was made'
	base
	run 125 crrctl replay "$work/base.crr" /dev/ptmx
	has err 'is the master of a pty: use the other end'
	run 125 crrctl record -o a.crr /dev/null
	has err '/dev/null is not a tty'
	run 125 crrctl record -o a.crr /dev/nosuch
	has err '/dev/nosuch: No such file or directory'
}

# What fails leaves the tty as it was.
line_put_back() {
	make_line
	echo precious > a.crr
	run 125 crrctl record -o a.crr "$tty"
	run 1 crrctl status "$tty"
	has err 'does not have N_CRR'
	run 127 crrctl record -o b.crr "$tty" -- ./nosuch
	has err './nosuch: No such file or directory'
	run 1 crrctl status "$tty"
	mklog two > two.crr
	run 125 crrctl replay two.crr "$tty" -- true
	has err 'lacks a TTY'
	run 1 crrctl status "$tty"
	run 125 crrctl replay two.crr "$tty" /dev/null -- true
	has err '/dev/null is not a tty'
	run 1 crrctl status "$tty"
}

# ---- Warnings ----

line_warn_cooked() {
	run 0 crrctl record -o a.crr -p 'printf "hello\n"; exec cat > /dev/null' -- \
		sh -c 'exec 3<> "$1"; stty icanon echo -isig <&3; read -r line <&3
			echo "$line" >&3; read -r line <&3 & wait_for=$!
			sleep 0.1; kill $wait_for' sh {}
	has err 'has icanon echo on: signals, echo and flow control are'
	lines_with err 'has icanon'
	is "$lines" 1 'how often it was told'
	lacks err isig
	# Raw, and counted: nothing to be said.
	run 0 crrctl record -o b.crr -p "$talk" -- emulator {}
	empty err
}

line_warn_uncounted() {
	run 0 crrctl record -o a.crr -p 'printf abc; exec cat > /dev/null' -- \
		sh -c 'timeout 30 head -c 3 "$1"; printf answer > "$1"' sh {}
	has err 'warning: no counter was ever supplied'
	whole a.crr
	json json.out 'all(.counter == 0)'
	run 0 crrctl replay a.crr -- \
		sh -c 'timeout 30 head -c 3 "$1"; printf answer > "$1"' sh {}
	has out answer
	# Nothing was recorded that a counter could have helped.
	run 127 crrctl record -o b.crr -- ./nosuch
	lacks err 'no counter'
}

# warned COMMAND...: records it, with a peer that says abc when it is asked.
warned() {
	run 0 crrctl record -f -o a.crr \
		-p 'read -r _; printf abc; exec cat > /dev/null' -- "$@"
}

# What record knows of a program that no replay repeats.
line_warn_inexact() {
	cat > reader.py <<-'CODE'
		import os, select, signal, sys, threading, tty
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
		tty.setraw(fd)
		def stop(*args):
		    raise InterruptedError
		if sys.argv[2] == "poll":
		    select.select([fd], [], [], 0.1)
		if sys.argv[2] == "signal":
		    signal.signal(signal.SIGALRM, stop)
		    signal.setitimer(signal.ITIMER_REAL, 0.1)
		    try:
		        os.read(fd, 1)
		        sys.exit(1)
		    except InterruptedError:
		        pass
		os.write(fd, b"?\n")
		os.read(fd, 1)
		if sys.argv[2] == "threads":
		    thread = threading.Thread(target=os.read, args=(fd, 1))
		    thread.start()
		    thread.join()
		os.read(fd, 1)
	CODE
	signalled='a signal came while a read(2) slept'
	several='several threads of a process have read the line'
	warned python3 reader.py {} sleep
	has err 'this one sleeps until there is input'
	lacks err "$signalled"
	lacks err "$several"
	warned python3 reader.py {} poll
	has err 'poll(2)s found nothing, which is not recorded'
	lacks err 'this one sleeps'
	warned python3 reader.py {} signal
	has err "$signalled"
	lacks err "$several"
	warned python3 reader.py {} threads
	has err "$several"
	lacks err "$signalled"
	# To be killed is nothing that a replay would have to repeat.
	run 124 crrctl record -f -o a.crr -p 'exec cat > /dev/null' -- \
		timeout 2 cat {}
	lacks err "$signalled"
}

# ---- How replays end ----

# Exactly where, and how; and what becomes of COMMAND.
line_diverge_content() {
	base
	run 120 crrctl replay "$work/base.crr" -- emulator {} wrong "$w2"
	has err "crrctl: the run diverged from $work/base.crr: different bytes"
	has err "  record   $w2_seq, WRITE of stream 0"
	has err "  counter  $w2 expected, $w2 in this run"
	# The last letter before the end of the line, of "COUNT:DEFG".
	letter=$((${#w2} + 4))
	before=$((${#w1} + 5))
	has err "  byte     $letter of $((letter + 2)): expected 0x47 'G', got 0x46 'F' (byte $((before + letter)) of the stream's output)"
	# The record, and those around it.
	lines_with err '  > '
	is "$lines" 1 'lines that are marked'
	case $text in
	*"  > "*" $w2_seq @$w2 "*"WRITE"*) ;;
	*) fail 'another line is marked' ;;
	esac
	lines_with err ' @'
	is "$lines" 7 'records that are shown'
	has err "emulator: write at $w2: State not recoverable"
	is "$(cat out)" "$w1:ABC" 'what was written before'
}

line_diverge_kinds() {
	base
	# Something said too early; too much at the end; nothing said.
	run 120 crrctl replay "$work/base.crr" -- emulator {} extra $((w2 - 3))
	has err "before the counter of its record"
	has err "$w2 expected, $((w2 - 3)) in this run"
	run 120 crrctl replay "$work/base.crr" -- emulator {} deaf "$w2"
	has err "  record   $w2_seq, WRITE of stream 0"

	# A log that ends a while after its last record.
	run 0 crrctl record -o a.crr -p 'printf abc; exec cat > /dev/null' -- \
		emulator {} early 3000
	whole a.crr
	last=$(jq -s 'map(select(.type == "WRITE"))[-1].counter' json.out)
	run 120 crrctl replay a.crr -- emulator {} extra $((last + 5))
	has err 'an operation that the log does not have'
	has err '  record   none, on stream 0'
	has err "  counter  $((last + 5)) in this run"
	# Another length: its answers are other ones from the beginning.
	run 0 crrctl record -o b.crr -p 'printf abc; exec cat > /dev/null' -- sh -c \
		'exec 3<> "$1"; head -c 3 <&3 > /dev/null; printf four >&3' sh {}
	run 120 crrctl replay b.crr -- sh -c \
		'exec 3<> "$1"; head -c 3 <&3 > /dev/null; printf fourteen >&3' sh {}
	has err 'different length'
	has err '  length   4 expected, 8 got'
	run 120 crrctl replay b.crr -- sh -c \
		'exec 3<> "$1"; dd bs=2 count=1 <&3 > /dev/null' sh {}
	has err 'different length'
	has err '  length   3 expected, 2 got'
}

# member NAME: of the result in result.json.
member() {
	jq -r "$1" result.json
}

line_replay_json() {
	base
	run 0 crrctl replay --json result.json "$work/base.crr" -- emulator {}
	is "$(member '.outcome, .status, .log')" "replayed
0
$work/base.crr" 'the result'
	is "$(member .divergence)" null 'its divergence'
	run 125 crrctl replay -j result.json "$work/base.crr" -- emulator {}
	has err 'result.json exists'
	run 125 crrctl replay -fj "$work/base.crr" "$work/base.crr" -- emulator {}
	has err 'input'

	# To a file that is open, of a run that writes a wrong byte.
	run 120 crrctl replay -j /dev/fd/7 "$work/base.crr" -- \
		emulator {} wrong "$w2" 7> result.json
	is "$(member '.outcome, .status')" 'diverged
120' 'the outcome'
	is "$(member '.divergence | .kind, .seq, .expected_counter, .counter, .expected_type, .type')" \
		"content
$w2_seq
$w2
$w2
WRITE
WRITE" 'the divergence'
	letter=$((${#w2} + 4))
	is "$(member '.divergence | .offset, .expected[:2], .got[:2], .full')" \
		"$letter
47
46
false" 'its byte'
	# An operation that no record has.
	run 0 crrctl record -o a.crr -p 'printf abc; exec cat > /dev/null' -- \
		emulator {} early 3000
	whole a.crr
	last=$(jq -s 'map(select(.type == "WRITE"))[-1].counter' json.out)
	run 120 crrctl replay -fj result.json a.crr -- \
		emulator {} extra $((last + 5))
	is "$(member '.divergence | .kind, has("seq"), has("expected_counter")')" \
		'extra
false
false' 'the divergence'

	run 122 crrctl replay -fj result.json "$work/base.crr" -- true
	is "$(member .outcome)" early 'the outcome'
	run 121 crrctl replay -s 0.2 -fj result.json "$work/base.crr" -- \
		sh -c 'exec 3<> "$1"; stty raw -F "$1"; read -r x <&3; sleep 1000' sh {}
	is "$(member .outcome)" stalled 'the outcome'
	run 124 crrctl replay -T 0.2 -s 0 -fj result.json "$work/base.crr" -- \
		sleep 1000
	is "$(member .outcome)" timeout 'the outcome'
	run 127 crrctl replay -j none.json "$work/base.crr" -- no/such/command
	[ ! -e none.json ] || fail 'a result of nothing'

	# Not the new log.
	run 125 crrctl replay -l -o new.crr -j ./new.crr "$work/base.crr" -- \
		emulator {}
	has err 'is the file of --output'
}

# At the end of the log, not of COMMAND: what was left is told all the same.
line_diverge_past_end() {
	run 0 crrctl record -o a.crr -p 'printf abc; exec cat > /dev/null' -- \
		emulator {} early 3000
	whole a.crr
	at=$(jq -s 'map(select(.type == "WRITE"))[0].counter' json.out)
	run 120 crrctl replay a.crr -- emulator {} deaf 1
	has err 'WRITE of stream 0'
	run 120 crrctl replay a.crr -- emulator {} deaf "$at"
	run 43 crrctl replay a.crr -- emulator {}
}

line_on_diverge() {
	base
	at=$w2
	# Left alone: it is there as long as it likes.
	start crrctl replay --on-diverge=leave --grace 0 "$work/base.crr" -- \
		sh -c 'echo $$ > pid; exec emulator "$1" stay "$2"' sh {} "$at" \
		> out 2> err
	replay=$pid
	soon contains err 'different bytes'
	# Long enough for it to be ended, if anybody wanted to.
	sleep 0.5
	! ended "$(cat pid)" || fail 'it was ended'
	! is_stopped "$(cat pid)" || fail 'it was stopped'
	kill -KILL "$(cat pid)"
	finish "$replay" 120

	# Stopped for a debugger.
	rm pid
	start crrctl replay --on-diverge stop --grace 0 "$work/base.crr" -- \
		sh -c 'echo $$ > pid; exec emulator "$1" stay "$2"' sh {} "$at" \
		> out 2> err
	replay=$pid
	soon contains err 'is stopped for a debugger'
	has err "process $(cat pid) "
	soon is_stopped "$(cat pid)"
	sleep 0.3
	lines_with err 'is stopped'
	is "$lines" 1 'how often it was told'
	lacks err 'no progress'
	# Whoever interrupts crrctl means it.
	kill -TERM "$replay"
	finish "$replay" 120
	ended "$(cat pid)" || fail 'it runs on'

	# Ended, if it does not end.
	rm pid
	run 120 crrctl replay --grace 0.1 "$work/base.crr" -- \
		sh -c 'echo $$ > pid; exec emulator "$1" stay "$2"' sh {} "$at"
	ended "$(cat pid)" || fail 'it runs on'
}

# Nobody spins while somebody debugs, however long the log.
line_diverge_idle() {
	mklog long > a.crr
	start crrctl replay --on-diverge stop --buffer 256K a.crr -- \
		sh -c 'exec emulator "$1" stay 1' sh {} > out 2> err
	replay=$pid
	soon contains err 'is stopped for a debugger'
	before=$(sed 's/.*) //' "/proc/$replay/stat" | awk '{ print $12 + $13 }')
	# Of one second, in ticks of a hundredth.
	sleep 1
	after=$(sed 's/.*) //' "/proc/$replay/stat" | awk '{ print $12 + $13 }')
	kill -TERM "$replay"
	finish "$replay" 120
	[ $((after - before)) -lt 50 ] ||
		fail "it took $((after - before)) % of a processor"
}

line_stall() {
	base
	at=$r2
	run 121 crrctl replay --stall 2 "$work/base.crr" -- \
		emulator {} sleep "$at"
	has err "nothing has happened for 2 s (--stall): the run does nothing with its line (it may sleep in poll(2)), at counter $((at - 1)), after 2 records"
	has err "the log's next record is"
	has err " @$at "
	has err ' READ 4 "defg"'
	# Not only whole seconds.
	run 121 crrctl replay --stall 2.5 "$work/base.crr" -- sh -c 'exec cat "$1"' \
		sh {}
	has err 'sleeps in read(2)'
	has err 'nothing has happened for 2.5 s'
	# A record is due, and is not taken: it stalls, and was ended for that.
	run 121 crrctl replay --stall 2.5 "$work/base.crr" -- \
		emulator {} stuck "$at"
	has err 'does nothing with its line'
	has err " @$at "
	lacks err 'diverged'
	# As long as one of them moves there is progress; stopped is not stalled.
	start crrctl replay --stall 1.5 "$work/base.crr" -- \
		sh -c 'echo $$ > pid; kill -STOP $$; exec emulator "$1"' sh {} \
		> out 2> err
	replay=$pid
	soon test -s pid
	soon is_stopped "$(cat pid)"
	sleep 2
	kill -CONT "$(cat pid)"
	finish "$replay" 0
	empty err
}

# Who looks in vain, again and again, does not stall; nor does who has not begun.
line_stall_looks() {
	base
	cat > poller.py <<-'CODE'
		import os, select, sys, time
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
		until = time.monotonic() + 5
		while time.monotonic() < until:
		    if sys.argv[2] == "poll":
		        p = select.poll()
		        p.register(fd, select.POLLPRI)
		        p.poll(10)
		    else:
		        try:
		            os.read(fd, 10)
		        except BlockingIOError:
		            pass
		        time.sleep(0.01)
	CODE
	for how in poll read; do
		run 122 crrctl replay --stall 2 "$work/base.crr" -- \
			python3 poller.py {} $how
		has err 'the command ended early'
	done
	run 0 crrctl replay --stall 1 "$work/base.crr" -- \
		sh -c 'sleep 4; exec emulator "$1"' sh {}
	empty err
}

# It sleeps in read(2) where the recorded run wrote: it has not ended.
line_read_for_write() {
	run 0 crrctl record -o a.crr -p 'printf abc; exec cat > /dev/null' -- \
		sh -c 'timeout 30 head -c 3 "$1"; printf answer > "$1"; exec sleep 0.1' sh {}
	# At the log's end that is a divergence.
	run 120 crrctl replay a.crr -- cat {}
	has err 'the run diverged from a.crr: it called read(2) while a record was due that it had not consumed'
	has err ', WRITE of stream 0'
	lacks err 'ended'
	# Before it the run waits.
	base
	run 121 crrctl replay --stall 2 "$work/base.crr" -- cat {}
	has err 'sleeps in read(2)'
	has err "READ 3 \"abc\""
}

# The wall time of it all, whatever the run does.
line_timeout() {
	base
	run 124 crrctl record --timeout 2 -o a.crr -- emulator {}
	has err 'the recording took longer than 2 s (--timeout)'
	whole a.crr
	run 124 crrctl replay --timeout 2 --stall 0 "$work/base.crr" -- \
		emulator {} sleep "$r2"
	has err "the replay took longer than 2 s (--timeout): it was ended at counter $((r2 - 1)), after 2 records"
	lacks err diverged
	# One that does not want to end.
	run 124 crrctl replay --timeout 1 --grace 1 --stall 0 "$work/base.crr" -- \
		sh -c 'trap "" TERM; while :; do sleep 0.1; done'
	# What has ended it before counts.
	run 120 crrctl replay --timeout 20 --on-diverge leave "$work/base.crr" -- \
		emulator {} wrong "$r2"
	start crrctl replay --timeout 3 --on-diverge stop "$work/base.crr" -- \
		emulator {} stay "$r2" 2> err
	finish "$pid" 120
	# Without COMMAND.
	make_line
	run 124 crrctl record --timeout 1 -o b.crr "$tty"
	whole b.crr
	run 124 crrctl replay --timeout 1 "$work/base.crr" "$tty"
	# In time.
	run 0 crrctl replay --timeout 60 "$work/base.crr" -- emulator {}
	empty err
}

# The log's command: run as it was, where it was.
line_stored() {
	mkdir there
	printf 1 > there/firmware
	run 0 env -C there crrctl record \
		-o a.crr -p "$talk" -- \
		sh -c 'exec emulator "$0"' {} if=flash,file=firmware
	run 0 crrctl log info --json there/a.crr
	json out 'map(.run.command[2:] == ["exec emulator \"$0\"", "{}", "if=flash,file=firmware"]) == [true]'
	json out 'map(.run.files[] | select(.path == "firmware")) ==
		[{ path: "firmware", size: "1", sha256: "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b" }]'
	json out 'map(.run.files[] | select(.path | endswith("/sh"))) | length == 1'
	run 0 crrctl replay -q --stored there/a.crr
	has err "crrctl: the log's command is: sh -c 'exec emulator \"\$0\"' {} if=flash,file=firmware"
	has err "crrctl: its directory is: $PWD/there"
	lacks err warning
	# Through the text, and as the header of another log.
	run 0 crrctl log export --format text there/a.crr a.text
	run 0 crrctl log import a.text b.crr
	run 0 crrctl replay -q --stored b.crr
	run 0 crrctl log cut there/a.crr c.crr
	run 0 crrctl replay -q --stored - < c.crr
	printf 2 > there/firmware
	run 0 crrctl replay -q --stored there/a.crr
	has err 'warning: firmware has changed since the recording'
	rm there/firmware
	run 0 crrctl replay -q --stored there/a.crr
	has err 'warning: firmware is missing, or cannot be read'
	mv there elsewhere
	run 0 crrctl replay -q --stored elsewhere/a.crr
	has err 'warning: this directory does not exist here'
	run 125 crrctl replay --stored b.crr -- emulator {}
	has err "leave out 'emulator'"
	# What does not fit is not stored; the recording is as good.
	big=$(head -c 20000 /dev/zero | tr '\0' x)
	run 0 crrctl record -o d.crr -p "$talk" -- sh -c 'exec emulator "$0"' {} "$big"
	has err 'are too long to be stored'
	run 125 crrctl replay --stored d.crr
	has err 'd.crr has no stored command'
	run 0 crrctl record -o e.crr -p "$talk" -- \
		sh -c 'exec emulator "$0"' {} "$(printf '\377')"
	has err 'COMMAND is not in UTF-8'
}

# A word that names a fifo or a port is no file to be read: who waits at its other
# end would go on.
line_stored_opens_files_alone() {
	mkfifo fifo
	start sh -c ': > fifo; : > opened'
	writer=$pid
	run 0 crrctl record -o a.crr -p "$talk" -- \
		sh -c 'exec emulator "$0"' {} fifo file=fifo,if=none
	[ ! -e opened ] || fail 'it was opened'
	kill "$writer"
	run 0 crrctl log info --json a.crr
	json out 'map(.run.files | map(.path) | any(. == "fifo")) == [false]'
}

# A place in a log: a number is a record's, and never a label.
line_until_where() {
	cat > marks.text <<-'LOG'
	@0 0 STREAM "ttyS0"
	@5 0 MARK "99"
	@6 0 MARK "here"
	@7 0 STREAM_END reason=stopped
	@7 0 END
	LOG
	run 0 crrctl log import marks.text marks.crr
	for where in 99 there @ @x @-1 18446744073709551615; do
		run 125 crrctl replay --until "$where" marks.crr -- true
		has err --until
		lacks err 'need a QEMU'
	done
	for where in 0 2 4 here @0 @99; do
		run 125 crrctl replay --until "$where" marks.crr -- true
		has err '--until and --gdb need a QEMU'
	done
}

# with_command JSON: a log with this in its header, which somebody has sent.
with_command() {
	jq -n --argjson run "$1" -r '"run \($run | tojson | tojson)"' > sent.text
	cat >> sent.text <<-'LOG'
	@0 0 STREAM "ttyS0"
	@0 0 STREAM_END reason=stopped
	@0 0 END
	LOG
	run 0 crrctl log import --force sent.text sent.crr
}

line_stored_hostile() {
	# Words are words, and what is printed does nothing to a terminal.
	with_command '{ "command": ["sh", "-c", "printf \"%s|\" \"$@\"", "sh",
		"$(touch pwned)", "`touch pwned`", "; touch pwned", "\n",
		"\u001b]0;title\u0007", "\u009b1m", "\u0027; touch pwned; \u0027", "", "-x"] }'
	# Only on demand: without --stored nothing is run.
	run 124 crrctl replay --timeout 1 --stall 0 sent.crr
	empty out
	run 0 crrctl replay -q --stored sent.crr
	printf '%s|' '$(touch pwned)' '`touch pwned`' '; touch pwned' '
' "$(printf '\033]0;title\007')" "$(printf '\302\2331m')" \
		"'; touch pwned; '" '' -x > expected
	cmp out expected || fail 'other words'
	[ ! -e pwned ] || fail 'a shell has had it'
	LC_ALL=C tr -d '\n -~' < err > odd
	empty odd
	has err "the log's command is: sh -c"
	# Not from the current directory, unless it says so.
	printf '#!/bin/sh\ntouch pwned\n' > emulater
	chmod 755 emulater
	with_command '{ "command": ["emulater"] }'
	run 127 crrctl replay -q --stored sent.crr
	[ ! -e pwned ] || fail 'it was run'
	# Nor do messages about what it names.
	with_command '{ "command": ["\u001b]0;title\u0007\n"], "directory": "/\u001b[1m",
		"files": [{ "path": "\u001b[2m\n\u009b1m", "sha256": "0" }] }'
	run 127 crrctl replay -q --stored sent.crr
	LC_ALL=C tr -d '\n -~' < err > odd
	empty odd
	has err '\x1b[2m\x0a\xc2\x9b1m is missing'
	has err '\x1b]0;title\x07\x0a: No such file'
	with_command '{ "command": ["\u001b[3m{7}"] }'
	run 125 crrctl replay -q --stored sent.crr
	LC_ALL=C tr -d '\n -~' < err > odd
	empty odd
	# No command.
	for run in '{}' '[]' '{ "command": "sh" }' '{ "command": [] }' \
		   '{ "command": [1] }' '{ "command": [["sh"]] }' \
		   '{ "command": { "0": "sh" } }'; do
		with_command "$run"
		run 125 crrctl replay --stored sent.crr
		has err 'sent.crr has no stored command'
		run 0 crrctl log info --json sent.crr
	done
	printf 'run "not JSON"\n@0 0 STREAM "a"\n@0 0 STREAM_END reason=stopped\n@0 0 END\n' > sent.text
	run 0 crrctl log import --force sent.text sent.crr
	run 125 crrctl replay --stored sent.crr
	has err 'sent.crr has no stored command'
	run 0 crrctl log info --json sent.crr
	json out 'map(.run) == [null]'
	# Files that are none.
	mkfifo fifo
	with_command '{ "command": ["true"], "directory": "/dev/null",
		"files": [1, {}, { "path": "fifo", "sha256": "0" }, { "path": 1 },
			  { "path": "/dev/zero", "sha256": "0" }] }'
	run 0 crrctl replay -q --stored sent.crr
	has err 'fifo is missing, or cannot be read'
	has err '/dev/zero is missing, or cannot be read'
}

line_early() {
	base
	at=$r2
	run 122 crrctl replay "$work/base.crr" -- emulator {} early "$at"
	has err "the command ended early: at counter $((at - 1)), with 4 records left; the log ends at counter $r_end"
	run 122 crrctl replay "$work/base.crr" -- true
	has err 'at counter 0, with 6 records left'
	# Its own status does not matter then.
	run 122 crrctl replay "$work/base.crr" -- false
	# With nothing left but time.
	run 0 crrctl record -o a.crr -p 'printf abc; exec cat > /dev/null' -- \
		emulator {} early 3000
	run 122 crrctl replay a.crr -- emulator {} early 2900
	has err 'with 0 records left'
}

# The run goes on after the log's end: it finds that, and is told apart.
line_past_end() {
	run 0 crrctl record -o a.crr -p 'printf abc; exec cat > /dev/null' -- \
		emulator {} early 3000
	run 43 crrctl replay a.crr -- emulator {}
	empty err
	# It does not notice, or does not care: it is ended, which is no failure.
	run 0 crrctl replay --grace 0.1 a.crr -- sh -c \
		'emulator "$1"; echo $? > status; sleep 300' sh {}
	is "$(cat status)" 43 'status of the emulator'
}

# Logs that break off, and where.
# An emulator that is followed goes on, and so does the log, with more room.
line_disk_full_followed() {
	make_line
	mkdir small
	mount -t tmpfs -o size=200k small small || skip 'no mounts here'
	run 0 crrctl attach "$tty"
	start emulator "$tty"
	emulator=$pid
	start crrctl record --compress 0 --flush 0.05 -o small/a.crr "$tty" 2> err
	record=$pid
	soon state_is "$tty" recording
	round=0
	until ended "$record"; do
		say "r$round"
		soon contains output "R$round"
		dd if=/dev/zero of="small/fill$round" bs=20k count=1 2> /dev/null ||
			:
		round=$((round + 1))
		[ "$round" -lt 1000 ] || fail 'the disk is never full'
	done
	finish "$record" 123
	has err 'small/a.crr: No space left on device'
	has err "'crrctl record --resume' continues"
	status_has "$tty" '"controller":false' '"unread":true' ||
		fail 'nothing left'
	say more
	soon contains output MORE
	rm small/fill*
	start crrctl record --resume -o small/a.crr "$tty" 2> err
	record=$pid
	soon status_has "$tty" '"controller":true'
	say q
	finish "$emulator" 0
	kill -TERM "$record"
	finish "$record" 0
	cp small/a.crr a.crr
	umount small
	whole a.crr
	written_is output
}

line_incomplete() {
	base
	mklog split < "$work/base.crr" > split.crr
	run 0 crrctl replay split.crr -- emulator {}
	blocks_of split.crr
	# Without END.
	cut_to split.crr $((blocks - 72)) > a.crr
	run 123 crrctl replay a.crr -- emulator {}
	records=$(readable a.crr)
	has err "a.crr breaks off after record $((records - 1)), counter $r_end"
	lacks err 'at byte'
	# In the block before, STREAM_END.
	cut_to split.crr $((blocks - 72 - 40)) > b.crr
	run 123 crrctl replay --grace 0.1 b.crr -- emulator {}
	has err "b.crr: at byte $(size b.crr): the file ends in the middle of a block"
	records=$(readable b.crr)
	has err "b.crr breaks off after record $((records - 1)), counter "
	# Cut in its header, empty, of another version: COMMAND is not started.
	cut_to split.crr 20 > c.crr
	: > d.crr
	cp split.crr e.crr
	put e.crr 8 2
	for log in c.crr d.crr e.crr "$self"; do
		run 123 crrctl replay "$log" -- touch started
		has err "$log: "
		empty out
	done
	has err 'not a crr log'
	[ ! -e started ] || fail 'COMMAND was started'
	mkdir directory
	run 125 crrctl replay directory -- touch started
	has err 'directory: Is a directory'
	run 125 crrctl replay nosuch.crr -- touch started
	has err 'nosuch.crr: No such file or directory'
	[ ! -e started ] || fail 'COMMAND was started'
}

line_damaged() {
	base
	mklog split < "$work/base.crr" > a.crr
	blocks_of a.crr
	# In the last block but one, STREAM_END.
	put a.crr $((blocks - 72 - 4)) 377
	run 123 crrctl replay --grace 0.1 a.crr -- emulator {}
	has err "a.crr: at byte $((blocks - 72 - 96)): the block is damaged (CRC)"
	is "$(readable a.crr)" "$((base_records - 1))" 'records that can be read'
	has err "breaks off after record $((base_records - 3)), "
	# A run that diverges before is told so.
	run 120 crrctl replay a.crr -- emulator {} wrong 1
}

line_two_streams() {
	mklog two > a.crr
	make_line
	run 125 crrctl replay a.crr "$tty" -- true
	has err 'a.crr has 2 streams: stream 1, '
	has err ' lacks a TTY'
	run 125 crrctl replay a.crr --map 1="$tty" -- true
	has err 'stream 0, '
	run 125 crrctl replay a.crr "$tty" "$tty" /dev/ttyX -- true
	has err '/dev/ttyX is one TTY too many'
	for map in 2="$tty" nobody="$tty" 1 1= ="$tty"; do
		run 125 crrctl replay a.crr --map "$map" -- true
	done
	run 125 crrctl replay a.crr --map 1="$tty" --map 1=/dev/tty -- true
	has err "stream 1 is $tty already"
	# Twice the same tty: the second does not get into the session.
	run 125 crrctl replay a.crr "$tty" "$tty" -- true
	has err "$tty is being recorded or replayed"
	# COMMAND's words are looked at before anything is touched.
	run 125 crrctl replay a.crr -- echo {0} {1} x{2}y
	has err 'x{2}y: a.crr has no such stream'
	run 125 crrctl record -o b.crr "$tty" -- echo {1}
	has err '{1}: there is no such TTY'
	[ ! -e b.crr ] || fail 'a log was made'
	run 0 crrctl record -o b.crr "$tty" -- echo {0} {} '{x}' {00}
	is "$(cat out)" "$tty $tty {x} $tty" words
	# N_CRR is off, as before.
	run 1 crrctl status "$tty"
	has err "$tty does not have N_CRR"
}

# Two lines with their other ends: the files in0, out0 and in1, out1. Sets tty0
# and tty1.
make_lines() {
	for n in 0 1; do
		mkfifo in$n
	done
	exec 6<> in0 7<> in1
	for n in 0 1; do
		start line name$n < in$n > out$n
		soon test -f name$n
	done
	tty0=$(cat name0)
	tty1=$(cat name1)
}

# An emulator of two lines; what each was told, in what order, and when.
line_lines() {
	make_lines
	start crrctl record -o a.crr "$tty0" "$tty1" -- \
		sh -c 'echo $CRR_TTY $CRR_TTY0 $CRR_TTY1 > words; exec "$@"' \
		sh emulator {0} also 1 {1} 2> err
	record=$pid
	soon state_is "$tty1" recording
	status_has "$tty1" '"stream":1' '"streams":2' || fail "not stream 1"
	printf ab >&6
	soon contains out0 B
	printf cd >&7
	soon contains out1 D
	printf q >&6
	finish "$record" 0
	empty err
	is "$(cat words)" "$tty0 $tty0 $tty1" 'the ttys'
	run 0 crrctl log dump --json a.crr
	jq -s -e 'map(select(.type == "READ")) |
		(map(select(.stream == 0) | .data) | add) == "616271" and
		(map(select(.stream == 1) | .data) | add) == "6364"' \
		out > /dev/null || fail 'not what was sent'
	run 0 crrctl log info a.crr
	has out 'stream 0: '
	has out 'stream 1: '

	run 0 crrctl replay a.crr -- emulator {0} also 1 {1}
	slurp out0
	is "$(cat out)" "$text" 'output of the first line'
	# On other ttys, by name and number, the wrong way round.
	name1=pts${tty1##*/}
	run 0 crrctl replay a.crr --mute --map "$name1=$tty0" --map "0=$tty1" \
		-- emulator {0} also 1 {1}
	# One that does not look at the second line diverges there.
	run 120 crrctl replay a.crr -- emulator {0}
	has err 'diverged from a.crr'
	has err 'READ of stream 1'
	for line in "$tty0" "$tty1"; do
		run 1 crrctl status "$line"
	done
}

# Both are still there for the next, when crrctl is killed.
line_lines_resumed() {
	make_lines
	run 0 crrctl attach "$tty0"
	run 0 crrctl attach "$tty1"
	start emulator "$tty0" also 1 "$tty1"
	emulator=$pid
	soon status_has "$tty1" '"session":false'
	printf x >&7
	soon contains out1 X
	# Its clocks are two, and no longer can they become one.
	run 125 crrctl record -o a.crr "$tty0" "$tty1"
	has err "$tty1: its emulator runs already"
	printf q >&7
	finish "$emulator" 0

	start crrctl record -o a.crr "$tty0" "$tty1" 2> err
	record=$pid
	soon state_is "$tty1" recording
	start emulator "$tty0" also 1 "$tty1"
	emulator=$pid
	printf a >&6
	soon contains out0 A
	kill -KILL "$record"
	soon ended "$record"
	printf b >&7
	soon contains out1 B
	run 125 crrctl record --resume -o a.crr "$tty1" "$tty0"
	has err 'is being recorded'
	start crrctl record --resume -o a.crr "$tty0" "$tty1" 2> err
	record=$pid
	soon status_has "$tty0" '"controller":true'
	printf q >&7
	finish "$emulator" 0
	kill -TERM "$record"
	finish "$record" 0
	empty err
	run 0 crrctl replay --mute a.crr -- emulator {0} also 1 {1}
}

# One is hung up, and the other goes on.
line_lines_hangup() {
	make_lines
	start crrctl record -o a.crr "$tty0" "$tty1" -- emulator {0} 2> err
	record=$pid
	soon state_is "$tty1" recording
	kill "$(tail -n 2 pids | head -n 1)"
	soon status_has "$tty0" '"streams":2'
	printf a >&6
	soon contains out0 A
	printf q >&6
	finish "$record" 0
	run 0 crrctl log info --json a.crr
	json out '.[0] | .complete and (.streams | length) == 2'
}

# A second tty that cannot be had leaves nothing behind on the first.
line_lines_refused() {
	make_lines
	run 125 crrctl record -o a.crr "$tty0" /dev/null -- true
	has err '/dev/null is not a tty'
	run 1 crrctl status "$tty0"
	start crrctl record -o a.crr "$tty1" -- sleep 1000
	soon state_is "$tty1" recording
	run 125 crrctl record -o b.crr "$tty0" "$tty1" -- true
	has err "$tty1 is being recorded or replayed by another crrctl"
	[ ! -e b.crr ] || fail 'a log was made'
	run 1 crrctl status "$tty0"
	state_is "$tty1" recording || fail 'the other recording has ended'
}

# Gated delivery is in the log, and comes back by itself.
line_gated() {
	run 0 crrctl record -o a.crr --gated -p "$talk" -- emulator {} gated 1
	run 0 crrctl log info a.crr
	has out 'delivery: gated'
	run 0 crrctl log dump --json a.crr
	jq -s -e 'map(select(.type == "READ") | (.counter | tonumber) % 10 == 0) |
		length > 0 and all' out > /dev/null || fail 'read out of checkpoints'
	run 0 crrctl replay a.crr -- emulator {} gated 1
	# What is there in a checkpoint, five bytes at most, is pending until it is
	# read; a read that would have found something is an error of its own.
	run 0 crrctl record -f -o a.crr --gated \
		-p 'sleep 0.1; printf abcdefgh; sleep 0.1; printf ijq
			while read -r answer; do :; done' -- emulator {} pending 1
	whole a.crr
	is "$was_read" abcdefghijq read
	run 0 crrctl replay a.crr -- emulator {} pending 1
	run 0 crrctl replay --buffer 256K a.crr -- emulator {} pending 1
	# An emulator that makes checkpoints is told that nobody asked for them.
	run 44 crrctl record -o b.crr -- emulator {} gated 1
	has err 'checkpoint at 10: Protocol error'
}

# Whether there is something left in a checkpoint, where the log is not known yet.
line_pending() {
	run 0 pending
}

# What earlier versions have recorded is replayed.
line_golden() {
	while read -r name arguments; do
		# shellcheck disable=SC2086 # words
		run 0 crrctl replay "$tests/golden/$name.crr" -- \
			emulator $arguments < /dev/null
	done <<-'LOGS'
	console {}
	nocapture {}
	gated {} gated 1
	streams {0} none 0 {1}
	hangup {0} none 0 {1}
	resumed {}
	live {}
	LOGS
}

# All that was asked for, in whatever pieces it came; marked, and replayed.
line_read_all() {
	run 0 crrctl record -o a.crr -p 'printf a; sleep 0.1; printf bcd
		sleep 0.1; printf efqqq; while read -r answer; do :; done' -- \
		emulator {} all 1
	run 0 crrctl log dump --json a.crr
	is "$(jq -r -s 'map(select(.type == "MARK") | .label) | join(" ")' out)" \
		'read read read' marks
	is "$(jq -r -s 'map(select(.type == "WRITE").data) | length' out)" 3 answers
	has out '"type":"TIME"'
	run 0 crrctl replay a.crr -- emulator {} all 1
	# Read otherwise, it diverges.
	run 120 crrctl replay a.crr -- emulator {}
}

# A pause of a program that supplies no counter is where it was, and as long: what
# it wrote before and after is not spread over it. Records wait in the kernel
# meanwhile, or, with --flush, they do not.
line_times() {
	for flush in 100 0.1; do
		run 0 crrctl record -f -o a.crr -t $flush -- sh -c 'exec 3<> "$1"
			printf a >&3; printf b >&3; sleep 3
			printf c >&3; printf d >&3; sleep 0.5; printf e >&3' sh {}
		run 0 crrctl log dump --json --elapsed a.crr
		jq -s -c 'map(select(.type == "WRITE").elapsed)' out > when
		json when '.[0] | length == 5 and .[1] - .[0] < 1 and
			.[2] - .[1] > 2 and .[3] - .[2] < 1 and
			.[4] - .[3] > 0.2'
		# Idle, it tells no times: at most those around each record.
		jq -s -c 'map(select(.type == "TIME")) | length' out > when
		json when '.[0] < 20'
	done
}

# An emulator that has never heard of crr, and polls its console by read(2):
# SIMH's PDP-8, with a program that gives back six characters and halts.
line_unmodified() {
	cat > pdp8.ini <<-'CODE'
	d 200 6031
	d 201 5200
	d 202 6036
	d 203 6046
	d 204 6041
	d 205 5204
	d 206 2212
	d 207 5200
	d 210 7402
	d 212 7772
	run 200
	exit
	CODE
	set -- sh -c 'exec pdp8 pdp8.ini < "$1" > "$1" 2>&1' sh {}
	run 0 crrctl record -o a.crr \
		-p 'sleep 1; printf a; sleep 0.2; printf bc; sleep 0.1; printf def
			while read -r line; do :; done' -- "$@"
	has err 'no counter was ever supplied'
	run 0 crrctl log dump --json a.crr
	is "$(jq -r -s 'map(select(.type == "READ").empty_reads | tonumber) | add > 10' out)" \
		true 'reads in vain'
	for _ in 1 2 3; do
		run 0 crrctl replay a.crr -- "$@"
		has out ABCDEF
	done
}

# Back, once, to where a snapshot was taken: it all comes again.
line_seek() {
	base
	at=$((w1 + 1))
	run 0 crrctl replay "$work/base.crr" -- emulator {} seek "$at"
	is "$(grep -c "^$r1:ABC" out)" 1 'answers before the snapshot'
	is "$(grep -c "^$r2:DEFG" out)" 2 'answers after it'
	crrctl replay - -- emulator {} seek "$at" < "$work/base.crr" > out
	is "$(grep -c "^$r2:DEFG" out)" 2 'answers, from a pipe'
}

# Of a log of many blocks, back to near its end: what is before that is not read
# a second time; and a divergence is told as if it had been.
line_seek_by_index() {
	run 0 crrctl record -o whole.crr -p 'n=0; while [ $n -lt 40 ]; do
		sleep 0.01; printf abcdefgh; read -r answer; n=$((n + 1)); done
		printf q; read -r answer' -- emulator {}
	mklog split < whole.crr > a.crr
	at=$(crrctl log dump --json a.crr | numbered |
		jq -s 'map(select(.type == "WRITE"))[-3].counter + 1')
	run 0 crrctl replay a.crr -- emulator {} seek "$at"
	is "$(grep -c ':Q' out)" 2 'how often it ended'
	crrctl log dump --json a.crr | numbered | jq -r -s --argjson at "$at" '
		map(select(.type == "WRITE")) | map(select(.counter >= $at))[0] as $bad |
		(map(select(.seq < $bad.seq).offset) | add) + $bad.requested - 2' > want
	run 120 crrctl replay a.crr -- emulator {} astray "$at"
	has err "(byte $(cat want) of the stream's output)"
	# To the beginning, where STREAM is; and in one block.
	first=$(crrctl log dump --json a.crr | numbered |
		jq -s 'map(select(.type == "READ"))[0].counter - 1')
	run 0 crrctl replay a.crr -- emulator {} seek "$first"
	is "$(grep -c ':Q' out)" 2 'how often it ended, from the first'
	run 120 crrctl replay whole.crr -- emulator {} astray "$at"
	has err "(byte $(cat want) of the stream's output)"
	command -v strace > /dev/null || skip 'no strace'
	strace -P a.crr -o trace -e trace=read crrctl replay a.crr -- \
		emulator {} seek "$at" > out || fail strace
	bytes=$(awk -F '= ' '{ n += $NF } END { print n }' trace)
	[ "$bytes" -ge "$(size a.crr)" ] || fail "only $bytes bytes were read"
	[ "$bytes" -lt $(($(size a.crr) * 3 / 2)) ] || fail "$bytes bytes were read"
}

# A recording that was broken off, and goes on: live, and recorded.
line_live() {
	rm -f heard
	start_foreground crrctl record -o a.crr \
		-p 'printf abc; read -r answer; touch heard; sleep 100' -- \
		emulator {} > out 2> err
	recorder=$pid
	soon test -e heard
	kill -INT "$recorder"
	finish "$recorder" 130
	# Not without being told to: the emulator finds the end.
	run 43 crrctl replay a.crr -- emulator {}
	run 0 crrctl replay --live -o b.crr \
		--mute -p 'printf defg; read -r answer; printf q; read -r answer' \
		a.crr -- emulator {}
	run 0 crrctl log dump --json b.crr
	is "$(jq -r -s 'map(select(.type == "READ").data) | join(" ")' out)" \
		'616263 64656667 71' 'what was read'
	run 0 crrctl log info b.crr
	lacks out 'no end'
	run 0 crrctl replay b.crr -- emulator {}
	has out ':DEFG'
	has out ':Q'
	# A run that has diverged does not become live.
	run 120 crrctl replay --live -p 'printf q' a.crr -- emulator {} wrong 1
	# What there is is not overwritten; and it is for --live alone.
	run 125 crrctl replay --live -o b.crr a.crr -- emulator {}
	has err 'b.crr exists'
	run 125 crrctl replay -o c.crr a.crr -- emulator {}
	run 125 crrctl replay -p true a.crr -- emulator {}
	# The end was not reached: nothing is lost of the old log.
	run 122 crrctl replay --live -o c.crr a.crr -- emulator {} early 5
	has err 'stopped before the end of a.crr; c.crr is a copy of it'
	run 43 crrctl replay c.crr -- emulator {}
}

# A log that waits in the kernel for whoever opens the tty.
line_load() {
	base
	make_line
	run 0 crrctl load "$work/base.crr" "$tty"
	status_has "$tty" '"state":"replaying"' '"end_fed":true' \
		'"controller":false' || fail 'not loaded'
	run 0 emulator "$tty"
	soon contains output "$r2:DEFG"
	run 0 crrctl status "$tty"
	has out 'records left: 0'
	# Once more, and otherwise.
	run 0 crrctl load "$work/base.crr" "$tty"
	run 41 emulator "$tty" wrong 1
	run 0 crrctl status "$tty"
	has out 'state: diverged'
	has out 'the run diverged from its log: different bytes'
	has out 'expected'
	run 0 crrctl detach "$tty"
	run 1 crrctl status "$tty"
	has err 'does not have N_CRR'
	# What does not fit, or is not whole.
	mklog long > long.crr
	run 1 crrctl load --buffer 256K long.crr "$tty"
	has err 'does not fit'
	head -c 100 "$work/base.crr" > cut.crr
	run 123 crrctl load cut.crr "$tty"
	mklog two > two.crr
	run 1 crrctl load two.crr "$tty"
	has err 'more or fewer streams'
	run 2 crrctl load two.crr
	run 1 crrctl status "$tty"
}

# Interrupted: what COMMAND makes of it; nothing diverged.
line_replay_interrupt() {
	base
	at=$r2
	for signal in INT:130 TERM:143; do
		rm -f pid
		start_foreground crrctl replay --stall 0 "$work/base.crr" -- sh -c \
			'echo $$ > pid; exec emulator "$1" stuck "$2"' sh {} "$at" \
			> out 2> err
		replay=$pid
		soon contains err 'emulator: stuck'
		kill "-${signal%:*}" "$replay"
		finish "$replay" "${signal#*:}"
		lacks err diverged
		ended "$(cat pid)" || fail 'COMMAND runs on'
	done
}

# ---- Under sudo ----

# As sudo has it, for a user who is in no file of this machine.
as_sudo() {
	{
		cat /etc/passwd
		echo "crrtest:x:12345:12345::$PWD/home:/bin/sh"
	} > passwd
	chmod 644 passwd
	# Root has groups, too, that are not to be had by others.
	unshare -m sh -c 'mount --bind passwd /etc/passwd && shift &&
			exec setpriv --groups 0,4 -- "$@"' \
		sh '' env SUDO_UID=12345 SUDO_GID=12345 SUDO_USER=crrtest "$@"
}

line_sudo() {
	unshare -m true 2> /dev/null || skip 'no mounts here'
	mkdir mine
	chown 12345:12345 mine
	chmod 700 mine
	as_sudo crrctl record -o mine/a.crr -p \
		"id -u > mine/peer; $talk" -- sh -c \
		'{ id -u; id -g; id -G; echo "$HOME $USER $LOGNAME"; } > mine/who
		 stat -c %u "$1" > mine/tty; exec emulator "$1"' sh {} \
		> out 2> err || fail "status $?"
	is "$(xargs < mine/who)" "12345 12345 12345 $PWD/home crrtest crrtest" \
		'who ran COMMAND'
	is "$(cat mine/peer)" 12345 'who ran the peer'
	is "$(cat mine/tty)" 12345 'whose the tty was'
	is "$(stat -c '%u %g %a' mine/a.crr)" '12345 12345 600' 'whose the log is'
	whole mine/a.crr
	as_sudo crrctl replay mine/a.crr -- emulator {} > out 2> err ||
		fail "status $?"
	# What the user may not write or read, crrctl does not.
	status=0
	as_sudo crrctl record -o a.crr -- touch mine/started > out 2> err ||
		status=$?
	is "$status" 125 'status, not writable'
	has err 'a.crr: Permission denied'
	cp mine/a.crr secret.crr
	chmod 600 secret.crr
	status=0
	as_sudo crrctl replay secret.crr -- touch mine/started > out 2> err ||
		status=$?
	is "$status" 125 'status, not readable'
	has err 'secret.crr: Permission denied'
	# Nor by a group that is root's.
	chgrp 0 secret.crr
	chmod 640 secret.crr
	status=0
	as_sudo crrctl replay secret.crr -- touch mine/started > out 2> err ||
		status=$?
	is "$status" 125 "status, root's group's"
	[ ! -e mine/started ] || fail 'COMMAND was started'
}

# Called by somebody who cannot be found: that is not root.
line_sudo_unknown() {
	for uid in 54321 x; do
		status=0
		SUDO_UID=$uid crrctl record -f -o a.crr -- sh -c 'id -u > who' \
			> out 2> err || status=$?
		[ "$status" = 125 ] || [ "$(cat who)" != 0 ] ||
			fail "SUDO_UID=$uid: COMMAND was run as root"
	done
	# Root that calls sudo is root.
	SUDO_UID=0 crrctl record -f -o a.crr -- sh -c 'id -u > who' > out 2> err
	is "$(cat who)" 0 'who ran COMMAND'
}

# ---- How many system calls ----

# calls COUNT COMMAND...: how many system calls of the emulator in COUNT counts,
# by kind, as `name calls` lines, in the file calls.
calls() {
	count=$1
	shift
	rm -f trace
	timeout 120 "$@" -- strace -f -c -o trace emulator {} run "$count" \
		> out 2> err || fail "status $?"
	awk 'NF >= 5 && $1 ~ /^[0-9.]+$/ && $NF != "total" { print $NF, $4 }' \
		trace | sort > calls
	[ -s calls ] || fail "no calls were counted: $(cat trace)"
}

# A million counts in which nothing happens make no system call.
line_no_calls() {
	command -v strace > /dev/null || skip 'no strace'
	calls 10 crrctl record -f -o a.crr -p 'exec cat > /dev/null'
	cp calls few
	calls 1000000 crrctl record -f -o b.crr -p 'exec cat > /dev/null'
	diff few calls > diff.out || fail "recording: $(cat diff.out)"
	whole b.crr
	json json.out 'length == 3 and .[2].counter == 999999'
	# There are some, which shows that they are counted.
	grep -q '^ioctl ' calls || fail "no ioctl: $(cat calls)"
	calls 10 crrctl replay a.crr
	cp calls few
	calls 1000000 crrctl replay b.crr
	diff few calls > diff.out || fail "replaying: $(cat diff.out)"
}
