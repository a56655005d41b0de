# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2016,SC2086,SC2154
#
# Tests of crrctl log, which needs neither the module nor root. Sourced by
# crrctl_test.sh.

log_info() {
	mklog all > a.crr
	run 0 crrctl log info a.crr
	empty err
	cat > want <<-'INFO'
	recorded: 2023-11-14 22:13:20 +0000
	command: emulator --verbose {}
	delivery: free
	counter: 0 to 18446744073709551615 cycles
	records: 12
	size: SIZE bytes, A_RECORD per record
	output: captured in part
	stream 0: ttyS0, 11 records, 9 bytes in, 7 out
	INFO
	sed "s/SIZE/$(size a.crr)/; s/A_RECORD/$(
		awk -v size="$(size a.crr)" 'BEGIN { printf "%.2f", size / 12 }')/" \
		want | diff - out > diff.out || fail "$(cat diff.out)"
	run 0 crrctl log info --json a.crr
	empty err
	is "$(wc -l < out)" 1 lines
	json out '.[0] | .created == "1700000000000000000" and
		.command == "emulator --verbose {}" and .counter == "cycles" and
		.delivery == "free" and .records == "12" and .complete and
		.output == "partial" and .first_counter == "0" and
		.last_counter == "18446744073709551615"'
	json out '.[0].streams == [{ stream: 0, name: "ttyS0", records: "11",
		bytes_in: "9", bytes_out: "7" }]'
	mklog two > two.crr
	run 0 crrctl log info two.crr
	has out 'stream 1: ttyS1, 3 records, 1 bytes in, 0 out'
	has out 'output: nothing was written'
	run 0 crrctl log info -j two.crr
	json out '.[0].output == "none"'
	json out '.[0].streams | map(.name) == ["ttyS0", "ttyS1"]'
}

# An imported log tells what its source tells, and nothing else.
log_info_imported() {
	gzip -dc "$tests/qemu-rr/uboot-rv64-7.2.rr.gz" > a.rr
	run 0 crrctl log import --from qemu-rr a.rr a.crr
	run 0 crrctl log info a.crr
	has out 'recorded: unknown'
	run 0 crrctl log info -j a.crr
	json out '.[0] | .created == null and .output == "uncaptured"'
	run 0 crrctl log export a.crr a.vcd
	has a.vcd '$date unknown $end'
	text_log d <<-'TEXT'
	@0 0 STREAM "t"
	@1 0 WRITE "hello"
	@2 0 STREAM_END reason=stopped
	@2 0 END
	TEXT
	run 0 crrctl log export --hz 1M d.crr d.cast
	json d.cast '.[0] | has("timestamp") | not'
	# A file of text has a date of its own, which does not count.
	crrctl log export -F text a.crr > a.txt
	grep -v '^created' a.txt > b.txt
	for text in a.txt b.txt; do
		run 0 crrctl log import -f $text b.crr
		run 0 crrctl log info b.crr
		has out 'recorded: unknown'
	done
	sed 's/^created.*/created 1700000000000000000/' a.txt > c.txt
	run 0 crrctl log import c.txt c.crr
	run 0 crrctl log info c.crr
	has out 'recorded: 2023-11-14 22:13:20 +0000'
}

log_dump() {
	mklog all > a.crr
	run 0 crrctl log dump a.crr
	empty err
	is "$(wc -l < out)" 12 lines
	is "$(awk '{ print $1 }' out | xargs)" '0 1 2 3 4 5 6 7 8 9 10 11' \
		'sequence numbers'
	is "$(awk '{ print $2 }' out | xargs)" \
		'@0 @10 @10 @11 @12 @13 @14 @15 @16 @17 @17 @18446744073709551615' \
		counters
	is "$(awk '{ print $4 }' out | xargs)" \
		'STREAM READ READ READ_ERROR EOF WRITE WRITE WRITE PEER_CLOSED HANGUP STREAM_END END' \
		types
	has out 'STREAM ttyS0, 115200 baud'
	has out 'READ 8 "\x00A\"\\\n\a\x7f\xff"'
	has out 'after 3 empty'
	has out 'READ_ERROR EINTR'
	has out 'WRITE 5 "hello"'
	has out 'WRITE 3 -> 2 cut after 2 refused "abc"'
	has out 'WRITE 3 -> EAGAIN crc32c 364b3fb7'
	has out 'STREAM_END hung-up'
	run 0 crrctl log dump -T STREAM_END "$golden/every.crr"
	has out 'STREAM_END after 4 empty hung-up after 5 interrupted'
}

# Queries and marks; records without a number of their own.
log_dump_asked() {
	mklog asked > a.crr
	run 0 crrctl log dump a.crr
	empty err
	cat > want <<-'DUMP'
	0 @0 0 STREAM ttyS0, 0 baud
	1 @1 0 INQ after 2 empty 80
	2 @2 0 OUTQ 0
	3 @3 0 MODEM DTR CTS, 100 received, 50 sent, 19 errors after 1 interrupted
	4 @4 0 MODEM ENOTTY
	5 @5 0 MARK "state \"1a2b\""
	6 @6 0 TERMIOS 1200 baud
	6 @7 0 TIME 2023-11-14 22:13:21.234
	6 @8 0 STREAM_END stopped after 3 refused
	7 @8 0 END
	DUMP
	sed 's/^ *//; s/  */ /g' out > got
	diff want got > diff.out || fail "$(cat diff.out)"
	run 0 crrctl log dump --json a.crr
	json out '.[1] | .type == "INQ" and .empty_reads == "2" and .value == 80'
	json out '.[2] | .type == "OUTQ" and .value == 0 and .refused == "0"'
	json out '.[3] | .lines == 34 and .refused == "1" and .interrupted and
		.rx == 100 and .brk == 6 and .buf_overrun == 7 and
		(has("error") | not)'
	json out '.[4] | .error == "ENOTTY" and (has("rx") | not)'
	json out '.[5].label == "state \"1a2b\""'
	json out '.[6] | .type == "TERMIOS" and .ospeed == 1200'
	json out '.[7] | .type == "TIME" and .nanoseconds == "1700000001234000000"'
	json out '.[8].refused == "3"'
	run 0 crrctl log info a.crr
	has out 'records: 8'
}

log_dump_json() {
	mklog all > a.crr
	run 0 crrctl log dump --json a.crr
	empty err
	is "$(wc -l < out)" 12 lines
	json out 'map(.seq) == [range(12) | tostring]'
	json out 'map(.counter) == ["0", "10", "10", "11", "12", "13", "14", "15",
		"16", "17", "17", "18446744073709551615"]'
	json out 'all(.stream == 0)'
	json out 'map(.type) == ["STREAM","READ","READ","READ_ERROR","EOF","WRITE",
		"WRITE","WRITE","PEER_CLOSED","HANGUP","STREAM_END","END"]'
	json out '.[0] | .name == "ttyS0" and .iflag == 1 and .oflag == 2 and
		.cflag == 3 and .lflag == 4 and .ispeed == 9600 and
		.ospeed == 115200'
	json out '.[1].data == "0041225c0a077fff" and .[1].empty_reads == "0"'
	json out '.[2].data == "78" and .[2].empty_reads == "3"'
	json out '.[3].error == "EINTR"'
	json out '.[5] | .requested == 5 and .result == 5 and .offset == 5 and
		.crc32c == "9a71bb4c" and .data == "68656c6c6f" and
		.refused == "0" and .cut == false and .interrupted == false and
		(has("error") | not)'
	json out '.[6] | .result == 2 and .offset == 2 and .refused == "2" and .cut'
	json out '.[7] | .result == -1 and .error == "EAGAIN" and .offset == 0 and
		.crc32c == "364b3fb7" and (has("data") | not)'
	json out '.[9].empty_reads == "1" and .[10].reason == "hung-up"'
	json out '[.[] | select(has("data")) | .type] | unique == ["READ","WRITE"]'
}

# What report_test.sh sees in a browser: the page has the names of its errors.
log_report() {
	mklog all > a.crr
	run 0 crrctl log report a.crr a.html
	has a.html '"errors":{"4":"EINTR","11":"EAGAIN"}'
	mklog odd > a.crr
	run 0 crrctl log report -f a.crr a.html
	has a.html '"errors":{}'
}

# Numbers that have no name, types that nobody knows.
log_odd() {
	mklog odd > a.crr
	run 0 crrctl log dump a.crr
	lacks out null
	has out 500
	has out 'type 0x804d'
	run 0 crrctl log dump -j a.crr
	json out '.[3] | .type == "0x804d" and .seq == "3" and .stream == 65535'
	json out '.[1].error == "500" and .[2].error == "500" and
		.[2].result == -1'
	run 0 crrctl log info a.crr
	has out 'command: /opt/jürg "quoted" back\slash'
	# An optional record is none of those that are counted.
	has out 'records: 5'
	run 0 crrctl log info -j a.crr
	json out '.[0].command == "/opt/jürg \"quoted\" back\\slash"'
}

# A log from who knows where does nothing to the terminal of its reader.
log_escape() {
	mklog escape > a.crr
	crrctl log info a.crr > out 2> err
	[ "$(tr -d '\033\a' < out | wc -c)" = "$(size out)" ] ||
		fail 'control characters in the output'
	crrctl log info --json a.crr > out 2> err
	[ "$(tr -d '\033\a' < out | wc -c)" = "$(size out)" ] ||
		fail 'control characters in the output'
}

log_stdin() {
	mklog all > a.crr
	run 0 crrctl log dump a.crr
	cp out want
	run 0 crrctl log dump - < a.crr
	cmp -s want out || fail 'not the same from standard input'
	mklog all | crrctl log dump - > out 2> err || fail 'not from a pipe'
	cmp -s want out || fail 'not the same from a pipe'
	run 123 crrctl log info - < /dev/null
	has err '-: at byte 0: '
}

# Cut at the end of a block, in a block's header, in a block, in the header;
# and in what follows the blocks.
log_cut_off() {
	mklog all | mklog split > a.crr
	# A node of 12 entries, and the footer, follow the blocks.
	blocks=$(($(size a.crr) - 48 - 12 * 32 - 48))
	# The last record, END, has a block of 48 + 24 bytes.
	cut_to a.crr $((blocks - 72)) > cut.crr
	run 123 crrctl log dump cut.crr
	is "$(wc -l < out)" 11 lines
	has err 'cut.crr has no end'
	lacks err 'at byte'
	run 123 crrctl log info cut.crr
	has out 'records: 11; the log has no end'
	run 123 crrctl log info -j cut.crr
	json out '.[0].complete == false and .[0].records == "11"'
	run 123 crrctl log dump -j cut.crr
	json out 'length == 11'

	for less in 1 24 25 71; do
		cut_to a.crr $((blocks - less)) > cut.crr
		run 123 crrctl log dump cut.crr
		is "$(wc -l < out)" 11 lines
		is "$(wc -l < err)" 1 'lines of messages'
		has err "cut.crr: at byte $((blocks - less)): the file ends in the middle of a block"
		run 123 crrctl log info cut.crr
		has out 'records: 11'
		has err "at byte $((blocks - less))"
		run 123 crrctl log info -j cut.crr
		json out '.[0].records == "11"'
	done

	# All records are there: a log is none the worse for it.
	cut_to a.crr "$blocks" > cut.crr
	run 0 crrctl log dump cut.crr
	is "$(wc -l < out)" 12 lines
	run 123 crrctl log verify cut.crr
	has out 'cut.crr: the footer is missing'
	for less in 1 47 48 49 100; do
		cut_to a.crr $(($(size a.crr) - less)) > cut.crr
		status=0
		crrctl log dump cut.crr > out 2> err || status=$?
		is "$(wc -l < out)" 12 lines
		[ "$less" = 48 ] || is "$status" 123 status
		run 123 crrctl log verify cut.crr
	done

	cut_to a.crr 20 > cut.crr
	for command in dump info; do
		run 123 crrctl log $command cut.crr
		empty out
		has err 'cut.crr: at byte 20: '
	done
	cut_to a.crr 96 > cut.crr
	run 123 crrctl log dump cut.crr
	empty out
}

# A log without END: all that can be read, and the status tells.
log_no_end() {
	mklog two > whole.crr
	mklog two | mklog split > a.crr
	blocks_of a.crr
	cut_to a.crr $((blocks - 72)) > cut.crr
	said='has no end: the recording was killed, or this is a copy made while it went on'
	for command in 'dump' 'dump -j' 'dump -r 2..' 'stat' 'stat -j' \
		'export -F text' 'export -F vcd' 'export -F cast --hz 1M' \
		'export -F pcapng --hz 1M' 'diff cut.crr' 'diff whole.crr' \
		'diff -q cut.crr'; do
		run 123 crrctl log $command cut.crr
		has err "cut.crr $said"
		[ "$command" = 'diff -q cut.crr' ] || [ -s out ] ||
			fail "$command: nothing"
	done
	run 123 crrctl log diff cut.crr whole.crr
	run 123 crrctl log info cut.crr
	run 123 crrctl log verify cut.crr
	for command in 'cut cut.crr made' 'cat -o made cut.crr' \
		'report cut.crr made' 'export -F text cut.crr made' \
		'report -a cut.crr whole.crr made' 'cut -r 3.. cut.crr made' \
		'cat -o made whole.crr cut.crr'; do
		rm -f made
		run 123 crrctl log $command
		has err "cut.crr $said"
		[ -s made ] || fail "$command: no output"
	done
	crrctl log export -F text cut.crr > cut.txt 2> err
	run 123 crrctl log import cut.txt made.crr
	has err 'cut.txt has no END record: made.crr is incomplete'
	run 123 crrctl log dump made.crr
	# From a pipe.
	mkfifo pipe
	start cp cut.crr pipe
	run 123 crrctl log stat pipe
	has err "pipe $said"
	# What is wanted does not go so far; or it begins behind the end.
	for command in 'dump -r ..3' 'stat -c ..5' 'export -F text -r 2..3' \
		'diff -r ..3 whole.crr' 'cut -f -r 1..2'; do
		out=
		[ "${command#cut}" = "$command" ] || out=made
		run 0 crrctl log $command cut.crr $out
		empty err
	done
	run 0 crrctl log dump -r 100.. whole.crr
	run 0 crrctl log stat -r 100.. whole.crr
	run 0 crrctl log diff -q whole.crr whole.crr
	# Not an exit status of diff alone, which finds the first difference.
	crrctl log export -F text whole.crr | sed 's/"a"/"b"/' > other.txt
	run 0 crrctl log import other.txt other.crr
	run 1 crrctl log diff -q other.crr cut.crr
	run 123 crrctl log diff other.crr cut.crr
}

# What lies behind damage is shown, and what is missing said.
log_damaged() {
	mklog all | mklog split > a.crr
	blocks=$(($(size a.crr) - 48 - 12 * 32 - 48))
	# The counter of END, all ones.
	put a.crr $((blocks - 1)) 0
	run 123 crrctl log dump a.crr
	is "$(wc -l < out)" 11 lines
	is "$(head -n 1 err)" "crrctl: a.crr: at byte $((blocks - 72)): the block is damaged (CRC)" \
		message
	run 123 crrctl log info a.crr
	has err "at byte $((blocks - 72))"
	run 123 crrctl log dump -j a.crr
	json out 'length == 11'
	# The first block's header: the other eleven are there.
	mklog all | mklog split > a.crr
	put a.crr $((80 + 20)) 377
	run 123 crrctl log dump a.crr
	is "$(wc -l < out)" 11 lines
	has err 'at byte 80: '
	has err "the block's header is damaged (CRC)"
	has err 'records 0 to 0 are missing'
	run 123 crrctl log verify a.crr
	has out '11 records can be read'
	# From a pipe nobody can look for the next one.
	run 123 crrctl log dump - < a.crr
	crrctl log dump - > out 2> err < /dev/null || :
	mkfifo pipe
	start cp a.crr pipe
	run 123 crrctl log dump pipe
	empty out
	# Behind the end.
	mklog all > a.crr
	total=$(size a.crr)
	echo more >> a.crr
	run 123 crrctl log dump a.crr
	is "$(wc -l < out)" 12 lines
	has err "at byte $total: something follows the footer"
}

log_refused() {
	mklog all > a.crr
	put a.crr 8 2
	for command in 'log info' 'log dump'; do
		# shellcheck disable=SC2086 # two words
		{
			run 123 crrctl $command a.crr
			empty out
			has err 'log version 2: this crr reads version 1'
			has err newer
			: > empty.crr
			run 123 crrctl $command empty.crr
			has err 'empty.crr: at byte 0: '
			run 123 crrctl $command "$self"
			has err 'not a crr log'
			mkdir -p directory
			run 1 crrctl $command directory
			has err 'directory: Is a directory'
			run 1 crrctl $command nosuch.crr
			has err 'nosuch.crr: No such file or directory'
		}
	done
	# A short text is no log, rather than the beginning of one.
	echo hello > hello
	run 123 crrctl log info hello
	has err 'not a crr log'
}

log_unreadable() {
	mklog all > a.crr
	chmod 600 a.crr
	if [ "$(id -u)" = 0 ]; then
		need_nobody
		run 1 nobody crrctl log info a.crr
	else
		chmod 0 a.crr
		run 1 crrctl log info a.crr
	fi
	has err 'a.crr: Permission denied'
}

# What could not be written is not passed over.
log_stdout_full() {
	[ -c /dev/full ] || skip 'no /dev/full'
	mklog all > a.crr
	for words in 'log dump a.crr' 'log dump -j a.crr' 'log info a.crr' \
		'log info -j a.crr' '--help' 'record --help' '--version'; do
		status=0
		# shellcheck disable=SC2086 # words
		crrctl $words > /dev/full 2> err || status=$?
		case $words in
		record*) want=125 ;;
		*) want=1 ;;
		esac
		is "$status" "$want" "status of $words > /dev/full"
		has err 'No space left on device'
	done
}

# A reader that has seen enough.
log_closed_pipe() {
	mklog long > a.crr
	{ crrctl log dump a.crr 2> err; echo $? > status; } | head -n 1 > out
	is "$(cat status)" 141 status
	empty err
}

# ---- Parts ----

log_dump_ranges() {
	mklog all > a.crr
	for part in '-r 3..4:3 4' '-r ..1:0 1' '-r 10..:10 11' '-r 7:7' \
		'-c 13..15:5 6 7' '-c 10:1 2' '-c 17..:9 10 11' '-c ..0:0' \
		'-T read:1 2' '-T READ_ERROR,EOF:3 4' '-r 2..9 -c 12..14:4 5 6'; do
		# shellcheck disable=SC2086 # options
		run 0 crrctl log dump ${part%:*} a.crr
		is "$(awk '{ print $1 }' out | xargs)" "${part##*:}" \
			"records of ${part%:*}"
		empty err
	done
	mklog two > two.crr
	run 0 crrctl log dump -s 1 two.crr
	is "$(awk '{ print $1 }' out | xargs)" '1 2 3 5' 'records of stream 1'
	run 0 crrctl log dump -s 0 -T STREAM,STREAM_END two.crr
	is "$(awk '{ print $1 }' out | xargs)" '0 4' 'records of stream 0'
	for bad in 5..4 .. '' x 1..x -1; do
		usage 2 'crrctl log dump' log dump -r "$bad" a.crr
	done
	usage 2 'crrctl log dump' log dump -T nosuch a.crr
	usage 2 'crrctl log dump' log dump -t 25 a.crr
}

# Times as TIME records tell them, and what can be said of them.
log_dump_times() {
	text_log <<-'TEXT'
	created 1700000000000000000
	@0 0 STREAM "tty"
	@5 0 READ "a"
	@9 0 TIME nanoseconds=1700000010000000000
	@9 0 READ "b"
	@12 0 READ "c"
	@20 0 TIME nanoseconds=1700000020500000000
	@20 0 READ "d"
	@30 0 STREAM_END reason=stopped
	@30 0 END
	TEXT
	for part in '+10..+15:b c' '+15..:d' '22:13:30..22:13:31:b c' \
		'2023-11-14 22:13:40.5..:d' '..+5:a' '+15..+16:'; do
		run 0 crrctl log dump -T READ -t "${part%:*}" a.crr
		is "$(sed 's/.*"\(.\)"/\1/' out | xargs)" "${part##*:}" \
			"records of ${part%:*}"
	done
}

# Records of a dump, and when they were: "a 1.5", in one line.
elapsed() {
	jq -r 'select(.type != "TIME") |
		((.data // .label // .type) + " " + (.elapsed | tostring))' "$1" |
		xargs
}

# The clock: between two times by the counter if it moves, else by the record.
log_dump_elapsed() {
	text_log <<-'TEXT'
	created 1700000000000000000
	@0 0 STREAM "tty"
	@0 0 TIME nanoseconds=1700000001000000000
	@100 0 READ "1"
	@300 0 READ "2"
	@1000 0 TIME nanoseconds=1700000002000000000
	@1000 0 TIME nanoseconds=1700000005000000000
	@1000 0 READ "3"
	@1100 0 TERMIOS ospeed=9600
	@1100 0 READ "4"
	@1400 0 READ "5"
	@1400 0 TIME nanoseconds=1700000005400000000
	@1400 0 READ "6"
	@1400 0 READ "7"
	@1400 0 TIME nanoseconds=1700000006000000000
	@1500 0 TIME nanoseconds=1700000003000000000
	@1500 0 TIME nanoseconds=1700000006500000000
	@1500 0 TIME nanoseconds=1700000006400000000
	@1500 0 READ "8"
	@1700 0 TIME nanoseconds=1700000007000000000
	@1700 0 READ "9"
	@1700 0 STREAM_END reason=stopped
	@18446744073709551615 0 END
	TEXT
	times='STREAM 1 31 1.333333 32 2 33 5 TERMIOS 5.1 34 5.1 35 5.4 36 5.7 37 6
38 7 39 7 STREAM_END 7 END 7'
	run 0 crrctl log dump -e -j a.crr
	empty err
	is "$(elapsed out)" "$(echo "$times" | xargs)" 'elapsed times'
	json out 'map(.elapsed) | . == sort'
	# That of a TIME is its own, as far as no clock was set back.
	json out 'map(select(.type == "TIME").elapsed) == [1, 2, 5, 5.4, 6, 6, 6.5, 6.5, 7]'
	run 0 sh -c 'cat a.crr | crrctl log dump --elapsed --json -'
	is "$(elapsed out)" "$(echo "$times" | xargs)" 'elapsed times from a pipe'
	run 0 crrctl log dump --elapsed a.crr
	is "$(awk '$5 == "READ" { print $1 }' out | xargs)" \
		'1.333333 2.000000 5.000000 5.100000 5.400000 5.700000 6.000000 7.000000 7.000000' \
		'elapsed times'
	# By a frequency, from a pipe as well; and of types that are asked for.
	run 0 sh -c 'cat a.crr | crrctl log dump -j --hz 1k -T READ -'
	is "$(elapsed out)" \
		'31 0.1 32 0.3 33 1 34 1.1 35 1.4 36 1.4 37 1.4 38 1.5 39 1.7' \
		'elapsed times'
	run 0 crrctl log dump -e -j -T TIME a.crr
	json out 'map(.elapsed) == [1, 2, 5, 5.4, 6, 6, 6.5, 6.5, 7]'
	# What is before a part counts.
	for part in '-r 6..7:36 5.7 37 6' '-c 1500..1699:38 7' '-r 2:32 2' \
		'-t +5..+5.3:33 5 TERMIOS 5.1 34 5.1 35 5.4'; do
		# shellcheck disable=SC2086 # options
		run 0 crrctl log dump -e -j ${part%:*} a.crr
		is "$(elapsed out)" "${part##*:}" "elapsed times of ${part%:*}"
	done
	mklog two > two.crr
	run 1 crrctl log dump -e two.crr
	has err "two.crr has no times: give the counter's frequency with --hz"
	usage 2 'crrctl log dump' log dump -z fast two.crr
}

# A part has the times that it has in the whole, however far it is from them;
# so has what can be read of a damaged log.
log_dump_elapsed_far() {
	awk 'BEGIN {
		print "created 1700000000000000000"
		print "@0 0 STREAM \"tty\""
		for (n = 1; n < 100000; n++) {
			if (n == 10 || n == 11 || n == 90000)
				print "@0 0 TIME nanoseconds=" 1700000000 + n \
					"000000000"
			print "@0 0 READ \"x\""
		}
		print "@0 0 STREAM_END reason=stopped"
		print "@0 0 END"
	}' | text_log
	run 0 crrctl log dump -e a.crr
	grep -v TIME out > all
	for n in 0 9 10 11 12 4106 4107 50000 89999 90000 90001 99999 100000; do
		run 0 crrctl log dump -e -r $n a.crr
		is "$(grep -v TIME out)" "$(sed -n $((n + 1))p all)" "record $n"
	done
	uncounted=$(mktemp -d)
	cd "$uncounted" || exit
	uncounted_log whole
	mklog split < whole.crr > a.crr
	run 0 crrctl log dump -e a.crr
	cp out whole
	run 0 crrctl log dump -e whole.crr
	cmp -s whole out || fail 'not the same'
	# The first WRITE's block.
	put a.crr $((80 + 3 * 100)) 377
	run 123 crrctl log dump -e a.crr
	is "$(wc -l < err)" 3 'lines of messages'
	grep -F -x -v -f whole out && fail 'other times'
	rm -r "$uncounted"
}

# A whole log of a part, which other programs can use; and together again.
log_cut_and_cat() {
	text_log <<-'TEXT'
	@0 0 STREAM "one"
	@0 1 STREAM "two"
	@1 0 READ "a"
	@2 1 WRITE "b"
	@3 0 HANGUP
	@4 0 STREAM_END reason=hung-up
	@5 1 READ "c"
	@6 1 WRITE "d"
	@9 1 STREAM_END reason=stopped
	@9 0 END
	TEXT
	run 0 crrctl log cut -c ..2 a.crr first.crr
	run 0 crrctl log cut -c 3.. a.crr rest.crr
	run 0 crrctl log verify first.crr rest.crr
	is "$(xargs < out)" \
		'first.crr: complete, 7 records rest.crr: complete, 8 records' verdict
	run 0 crrctl log dump -j rest.crr
	json out 'map(.seq) == [range(length) | tostring]'
	json out 'map(.type) == ["STREAM", "STREAM", "HANGUP", "STREAM_END",
		"READ", "WRITE", "STREAM_END", "END"]'
	run 0 crrctl log cat -o both.crr first.crr rest.crr
	run 0 crrctl log diff a.crr both.crr
	has out 'the same, 10 records'
	# Into a pipe, and not onto a terminal.
	crrctl log cat a.crr | crrctl log verify -q - || fail 'not into a pipe'
	# One that has ended is not begun again.
	run 0 crrctl log cut -r 6.. a.crr end.crr
	run 0 crrctl log dump -j end.crr
	json out 'map(.type) == ["STREAM", "READ", "WRITE", "STREAM_END", "END"]'
	json out '.[0].name == "two" and map(.stream) == [0, 0, 0, 0, 0]'
	run 0 crrctl log cut -s 1 a.crr two.crr
	run 0 crrctl log dump -j two.crr
	json out 'map(select(.type == "READ" or .type == "WRITE") | .data) ==
		["62", "63", "64"]'
	# What cannot be.
	run 1 crrctl log cat -o bad.crr rest.crr first.crr
	has err 'first.crr has a record at @1, but the log before it ends at @6'
	run 1 crrctl log cut -c 100.. a.crr none.crr
	has err 'no record is in the given range'
	run 1 crrctl log cut a.crr first.crr
	has err '--force replaces it'
	run 0 crrctl log cut -f -z 0 a.crr first.crr
	run 0 crrctl log diff a.crr first.crr
	is "$(stat -c %a first.crr)" 600 'mode of the log'
	# A part knows when it begins.
	uncounted_log c
	run 0 crrctl log cut -r 3.. c.crr part.crr
	run 0 crrctl log verify part.crr
	run 0 crrctl log dump -j -e part.crr
	is "$(elapsed out)" 'STREAM 2 63 5.1 64 5.2 65 5.3 f 5.4 STREAM_END 5.4 END 5.4' \
		'times of a part'
}

# A long log: most of it is not read for a part of it.
log_seek() {
	mklog long > a.crr
	crrctl log cat -z 0 a.crr > plain.crr || fail 'cat'
	for log in a.crr plain.crr; do
		run 0 crrctl log dump -r 760..770 $log
		is "$(awk '{ print $1 }' out | xargs)" \
			'760 761 762 763 764 765 766 767 768 769 770' records
	done
	command -v strace > /dev/null || skip 'no strace'
	# Leaks cannot be looked for under strace.
	ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e trace=read,pread64 crrctl log dump -r 760..770 \
		plain.crr > out || fail 'strace'
	bytes=$(awk -F '= ' '{ n += $NF } END { print n }' trace)
	[ "$bytes" -lt 700000 ] || fail "$bytes bytes read of $(size plain.crr)"
}

# One that no memory would hold: CRR_HUGE bytes. In little memory, and without
# reading it all, its end, its middle and a place by the counter are found.
log_huge() {
	huge=${CRR_HUGE-200000000}
	free=$(df --output=avail -B 1 . | tail -n 1)
	limit='prlimit --as=67108864'
	[ -z "${CRR_SANITIZED-}" ] || limit=
	[ "$free" -gt $((huge + huge / 4)) ] || skip "$huge bytes do not fit here"
	mklog random "$huge" > huge.crr || fail 'not made'
	[ "$(size huge.crr)" -gt "$huge" ] || fail 'too small'
	n=$((huge / 512))
	for part in "-r $n..:$n" "-r $((n / 2))..$((n / 2)):$((n / 2))" \
		"-c $((n / 3))000..$((n / 3))000:$((n / 3))"; do
		# shellcheck disable=SC2086 # options
		run 0 $limit crrctl log dump ${part%:*} huge.crr
		is "$(awk 'NR == 1 { print $1 }' out)" "${part##*:}" \
			"first record of ${part%:*}"
	done
	command -v strace > /dev/null || skip 'no strace'
	ASAN_OPTIONS=detect_leaks=0 strace -o trace -e trace=read,pread64 crrctl log dump \
		-r "$((n / 2))..$((n / 2))" huge.crr > out || fail strace
	bytes=$(awk -F '= ' '{ n += $NF } END { print n }' trace)
	[ "$bytes" -lt 1000000 ] || fail "$bytes bytes were read"
	echo "$(size huge.crr) bytes, of which $bytes were read"
}

# ---- Damage mended ----

log_repair() {
	mklog two | mklog split > a.crr
	blocks=$(($(size a.crr) - 48 - 6 * 32 - 48))
	# In the last but two: of stream 1, STREAM_END.
	cut_to a.crr $((blocks - 72 - 96 - 50)) > cut.crr
	run 0 crrctl log repair cut.crr repaired.crr
	has err 'cut.crr: at byte '
	has err 'cut.crr: records 0 to 2 can be read; the rest is not in repaired.crr'
	has err 'repaired.crr has 6 records, 3 of them added to end it'
	run 0 crrctl log verify repaired.crr
	run 1 crrctl log diff -i a.crr repaired.crr
	# Nothing is damaged: the recording has not ended.
	cut_to a.crr $((blocks - 72)) > cut.crr
	run 0 crrctl log repair -f cut.crr repaired.crr
	is "$(cat err)" "crrctl: cut.crr has no end: the recording was killed, or this is a copy made while it went on
crrctl: repaired.crr has 6 records, 1 of them added to end it" 'what repair prints'
	run 0 crrctl log diff a.crr repaired.crr
	# Of one that is whole a copy.
	run 0 crrctl log repair a.crr copy.crr
	is "$(cat err)" 'crrctl: a.crr is complete; copy.crr has all 6 records' \
		'what repair prints'
	run 0 crrctl log diff a.crr copy.crr
	# Its footer is missing or damaged, and no record.
	cut_to a.crr "$blocks" > cut.crr
	run 0 crrctl log repair -f cut.crr copy.crr
	is "$(cat err)" 'crrctl: cut.crr has no footer; copy.crr has all 6 records' \
		'what repair prints'
	cp a.crr bad.crr
	put bad.crr $(($(size a.crr) - 1)) 377
	run 0 crrctl log repair -f bad.crr copy.crr
	has err 'bad.crr: at byte '
	has err 'copy.crr has all 6 records'
	run 0 crrctl log diff a.crr copy.crr
	# Of one of which nothing is left.
	head -c 96 a.crr > nothing.crr
	run 0 crrctl log repair nothing.crr b.crr
	has err 'nothing.crr: no record can be read'
	has err 'b.crr has 1 record, added to end it'
	run 0 crrctl log verify b.crr
	run 123 crrctl log repair /dev/null c.crr
	[ ! -e c.crr ] || fail 'a log was made of nothing'
}

# Cut at every byte: what is whole is read, and mended to a whole log.
log_cut_everywhere() {
	mklog two > a.crr
	run 0 crrctl log dump a.crr
	cp out whole
	total=$(size a.crr)
	at=0
	while [ "$at" -lt "$total" ]; do
		cut_to a.crr $at > cut.crr
		crrctl log dump cut.crr > out 2> err
		status=$?
		[ "$status" = 123 ] || [ -s out ] || fail "at $at: $status"
		[ ! -s out ] || cmp -s out whole || fail "at $at"
		run 123 crrctl log verify cut.crr
		if crrctl log repair -f cut.crr repaired.crr 2> err; then
			run 0 crrctl log verify repaired.crr
		fi
		at=$((at + 1))
	done
}

# ---- Two logs ----

log_diff() {
	mklog two > a.crr
	run 0 crrctl log diff a.crr a.crr
	is "$(tail -n 1 out)" 'the same, 6 records' verdict
	text_log b <<-'TEXT'
	@0 0 STREAM "ttyS7" ospeed=9600
	@0 1 STREAM "ttyS1"
	@5 1 READ "b"
	@9 1 STREAM_END reason=stopped
	@9 0 STREAM_END reason=stopped
	@9 0 END
	TEXT
	run 1 crrctl log diff a.crr b.crr
	cat > want <<-'DIFF'
	- a.crr
	+ b.crr
	2 records are the same; then
	         0 @0              0 STREAM ttyS0, 0 baud
	         1 @0              1 STREAM ttyS1, 0 baud
	-        2 @5              1 READ 1 "a"
	-        3 @9              1 STREAM_END stopped
	-        4 @9              0 STREAM_END stopped
	+        2 @5              1 READ 1 "b"
	+        3 @9              1 STREAM_END stopped
	+        4 @9              0 STREAM_END stopped
	  byte 0: 0x61, 0x62
	records: 6 / 6
	stream 0, in 0 bytes, the same, out 0 bytes, the same
	stream 1, in 1 bytes each, not the same, out 0 bytes, the same
	DIFF
	sed -i 's/^ \{9\}\([01]\)/         \1/' want
	sed 's/^\(.\) *\([0-9]\)/\1 \2/' out > got
	sed 's/^\(.\) *\([0-9]\)/\1 \2/' want | diff - got > diff.out ||
		fail "$(cat diff.out)"
	run 1 crrctl log diff -q a.crr b.crr
	empty out
	run 1 crrctl log diff --color always a.crr b.crr
	grep -q "$(printf '\033')" out || fail 'no colours'
	# At other counters.
	crrctl log export -F text a.crr | sed 's/@5 /@7 /' > c.txt
	crrctl log import c.txt c.crr || fail import
	run 1 crrctl log diff a.crr c.crr
	run 0 crrctl log diff -i a.crr c.crr
	# One is shorter; one is no log.
	crrctl log cut -r ..2 a.crr short.crr
	run 1 crrctl log diff -i a.crr short.crr
	run 123 crrctl log diff a.crr "$self"
	run 2 crrctl log diff a.crr nosuch.crr
	usage 2 'crrctl log diff' log diff a.crr
	# What one has not captured the CRC stands for.
	crrctl log export -F text a.crr > d.txt
	text_log d <<-'TEXT'
	@0 0 STREAM "t"
	@1 0 WRITE "hello"
	@2 0 STREAM_END reason=stopped
	@2 0 END
	TEXT
	text_log e <<-'TEXT'
	@0 0 STREAM "t"
	@1 0 WRITE requested=5 crc32c=0x9a71bb4c
	@2 0 STREAM_END reason=stopped
	@2 0 END
	TEXT
	run 0 crrctl log diff d.crr e.crr
}

log_stat() {
	{
		echo '@0 0 STREAM "tty"'
		for n in 1 2 3 4 5; do
			echo "@$((n * 10)) 0 READ \"x\""
		done
		for n in 1 2 3 4 5 6 7 8; do
			echo "@$((100000 + n * 10)) 0 WRITE \"yy\""
		done
		echo '@200000 0 STREAM_END reason=stopped'
		echo '@200000 0 END'
	} | text_log
	run 0 crrctl log stat a.crr
	has out 'stream 0: tty'
	has out 'in: 5 bytes in 5 reads, 25.0 bytes per million counts'
	has out 'out: 16 bytes in 8 writes'
	has out 'longest 99960 at @50'
	has out 'bursts: 2, largest 16 bytes in 8 records from @100010 to @100080'
	run 0 crrctl log stat -j a.crr
	json out '.[0].streams[0] | .bursts == "2" and .bytes_in == "5" and
		.longest_gap == "99960" and .largest_burst.bytes == "16"'
	run 0 crrctl log stat -g 1000000 a.crr
	has out 'bursts: 1'
	cp out want
	run 0 sh -c 'cat a.crr | crrctl log stat -g 1000000 -'
	cmp -s want out || fail 'not the same from a pipe'
}

# Without a counter, gaps and bursts are those of time.
log_stat_uncounted() {
	uncounted_log a
	run 0 crrctl log stat a.crr
	empty err
	cat > want <<-'STAT'
	time: 4.400 s
	counter: 0 to 0
	stream 0: ttyS0
	  records: 8, 1.8 per second
	  in: 1 bytes in 1 reads, 0.2 bytes per second
	  out: 4 bytes in 4 writes, 0.9 bytes per second
	  gaps: median about 0.067109 s, longest 3.100000 s at +2.000000 s
	  bursts: 2, largest 3 bytes in 3 records from +5.100000 s to +5.300000 s
	STAT
	diff want out > diff.out || fail "$(cat diff.out)"
	run 0 crrctl log stat -j a.crr
	json out '.[0] | .seconds == 4.4 and .unit == "second" and
		(.streams[0] | .longest_gap == 3.1 and .longest_gap_at == 2 and
		.bursts == "2" and .largest_burst == { bytes: "3", records: "3",
			from: 5.1, to: 5.3 })'
	run 0 crrctl log stat -g 3.2s a.crr
	has out 'bursts: 1, largest 5 bytes in 5 records from +1.500000 s'
	run 0 crrctl log stat -g 150ms a.crr
	has out 'bursts: 1, largest 3 bytes'
	run 1 crrctl log stat -g 100 a.crr
	has err 'a.crr: its counter does not move: give --gap as a time, such as 20ms'
	usage 2 'crrctl log stat' log stat -g 5min a.crr
	usage 2 'crrctl log stat' log stat -g -1s a.crr
	# A log with a counter can be looked at in the same way.
	text_log b <<-'TEXT'
	created 1700000000000000000
	@0 0 STREAM "tty"
	@10 0 READ "a"
	@20 0 TIME nanoseconds=1700000001000000000
	@20 0 READ "b"
	@30 0 STREAM_END reason=stopped
	@30 0 TIME nanoseconds=1700000002000000000
	@30 0 END
	TEXT
	run 0 crrctl log stat b.crr
	has out 'time: 2.000 s'
	has out 'longest 10 at @0'
	run 0 crrctl log stat -g 1s b.crr
	has out 'longest 1.000000 s at +0.000000 s'
	mklog two > two.crr
	run 1 crrctl log stat -g 1s two.crr
	has err 'two.crr has no times: give --gap in counts'
}

# Streams are told apart by their numbers where their names do not.
log_names() {
	text_log <<-'TEXT'
	@0 0 STREAM "pts0"
	@0 1 STREAM "pts0"
	@0 2 STREAM "1"
	@0 3 STREAM "pts0"
	@1 0 WRITE "a"
	@2 1 WRITE "bc"
	@3 3 STREAM_END reason=stopped
	@3 2 STREAM_END reason=stopped
	@3 1 STREAM_END reason=stopped
	@3 0 STREAM_END reason=stopped
	@3 0 END
	TEXT
	run 0 crrctl log info a.crr
	has out 'stream 0: pts0, 3 records, 0 bytes in, 1 out'
	has out 'stream 1: pts0, 3 records, 0 bytes in, 2 out'
	for command in info stat; do
		run 0 crrctl log $command -j a.crr
		json out '.[0].streams | map([.stream, .name, .bytes_out]) ==
			[[0, "pts0", "1"], [1, "pts0", "2"], [2, "1", "0"],
			 [3, "pts0", "0"]]'
	done
	run 0 crrctl log dump -j a.crr
	json out 'all(has("stream")) and
		(map(select(.type == "WRITE") | [.stream, .data]) ==
			[[0, "61"], [1, "6263"]])'
	# To be replayed on, they must be told apart.
	usage 125 'crrctl replay' replay --map pts0=/dev/null a.crr -- true
	has err '--map pts0=/dev/null: streams 0, 1, 3 have the name pts0: give a number'
	# A number is a number.
	usage 125 'crrctl replay' replay --map 1=/dev/null --map 0=/dev/null \
		--map 3=/dev/null a.crr -- true
	has err 'stream 2, 1, lacks a TTY'
	usage 125 'crrctl replay' replay --map 4=/dev/null a.crr -- true
	has err 'the log has no stream 4'
	# Put together again, the first is the first.
	run 0 crrctl log cut -c ..1 a.crr first.crr
	run 0 crrctl log cut -c 2.. a.crr rest.crr
	run 0 crrctl log cat -o both.crr first.crr rest.crr
	run 0 crrctl log dump -j both.crr
	json out 'map(select(.type == "WRITE") | [.stream, .data]) ==
		[[0, "61"], [1, "6263"]]'
}

# ---- Text, out and in again ----

# text_log [NAME]: a log of the text from standard input.
text_log() {
	crrctl log import - "${1-a}.crr" || fail 'not imported'
}

log_text() {
	for kind in all odd asked two long; do
		mklog $kind > a.crr
		run 0 crrctl log export -f a.crr a.txt
		run 0 crrctl log import -f a.txt b.crr
		crrctl log dump -j a.crr > a.json
		crrctl log dump -j b.crr > b.json
		cmp -s a.json b.json || fail "$kind is not what it was"
		crrctl log info a.crr | grep -v '^size' > a.info
		crrctl log info b.crr | grep -v '^size' > b.info
		cmp -s a.info b.info || fail "info of $kind is not what it was"
		run 0 crrctl log export -F text b.crr
		cmp -s a.txt out || fail "text of $kind is not what it was"
		is "$(stat -c %a a.txt)" 600 'mode of the text'
	done
	# Edited: a line more, and another's bytes.
	mklog two > a.crr
	crrctl log export -F text a.crr |
		sed 's/READ "a"/READ "abc"\n@6 0 WRITE "\\xffnew\\n" # mine/' > a.txt
	run 0 crrctl log import -f a.txt b.crr
	run 0 crrctl log dump -j b.crr
	json out '.[2].data == "616263" and .[3].data == "ff6e65770a" and
		.[3].result == 5 and .[6].type == "END"'
}

# Errors are reported with their line, and no log is made.
log_text_refused() {
	while IFS='|' read -r line why; do
		printf '@0 0 STREAM "tty"\n@5 0 READ "x"\n%s\n' "$line" > a.txt
		run 123 crrctl log import -f a.txt a.crr
		has err "a.txt: at line 3: "
		has err "$why"
		[ ! -e a.crr ] || fail 'a log was made'
	done <<-'BAD'
	@4 0 READ "x"|record 2: the counter goes back
	@5 1 READ "x"|record 2:
	@5 0 READ|record 2:
	@5 0 READ ""|record 2:
	@5 0 READ "x|unterminated string
	@5 0 READ "\q"|unknown escape: \q
	@5 0 READ "\x4"|unknown escape
	@5 0 NOSUCH|'NOSUCH' is not a type of record
	@5 0 READ "x" nosuch=1|'nosuch' is not a member of this record
	@5 0 READ "x" empty_reads=x|'x' is not a value of empty_reads
	@5 0 READ "x" empty_reads=99999999999999999999|is not a value of empty_reads
	@5 0 READ "x" nosuch|'nosuch' is not a flag of this record
	@5 0 READ "x" "y"|
	@5 0 EOF "x"|EOF record has no bytes
	@5 0 WRITE "x" crc32c=1|record 2:
	@5 0 WRITE "x" result=2|record 2:
	@5 0 READ_ERROR error=ENOSUCH|'ENOSUCH' is not a value of error
	@5 65536 READ "x"|'65536' is not a stream number
	5 0 READ "x"|'5' is not a counter
	@ 0 READ "x"|'@' is not a counter
	@5|the line is incomplete
	created 5|'created' is not a counter
	BAD
	echo 'nosuch 1' > a.txt
	run 123 crrctl log import -f a.txt b.crr
	has err "at line 1: 'nosuch' is neither a record nor a known key"
	[ ! -e b.crr ] || fail 'a log was made'
	: > a.txt
	run 1 crrctl log import a.txt b.crr
	has err ': no records'
}

# ---- QEMU's logs ----

# With the events to be expected of them.
log_qemu_rr() {
	rr=$tests/qemu-rr
	for name in microbit-upy-7.2 uboot-rv64-7.2; do
		gzip -dc "$rr/$name.rr.gz" > a.rr
		run 0 crrctl log import -f --from qemu-rr a.rr a.crr
		run 0 crrctl log verify a.crr
		crrctl log dump -j a.crr | jq -r '
			if .type == "READ" then "\(.counter) IN 0 \(.data)"
			elif .type == "WRITE" then
				"\(.counter) OUT \(.result) \(.offset)"
			else empty end' > events
		cmp -s events "$rr/$name.events.txt" ||
			fail "$name: $(diff events "$rr/$name.events.txt" |
				head -n 5)"
		run 0 crrctl log dump -j -T WRITE a.crr
		json out 'all(.known == false and .crc32c == "00000000")'
		# From a pipe.
		gzip -dc "$rr/$name.rr.gz" | crrctl log import --from qemu-rr - b.crr
		run 0 crrctl log diff a.crr b.crr
		rm b.crr
	done
}

# Made by hand: what those do not have.
log_qemu_rr_odd() {
	# head VERSION; then events
	head=00e0200c0000000000000000
	hex() {
		echo "$*" | tr -d ' ' | sed 's/../\\x&/g' > escaped
		# shellcheck disable=SC2059 # made for it
		env printf "$(cat escaped)"
	}
	# Two that read, one that asks for all; an error; a write of the first.
	hex $head 00 00000005 07 00 00000001 61 07 02 00000002 6263 \
		00 00000007 16 ffffffff 00000000 16 00000003 00000002 \
		17 00000002 6465 18 fffffffb 18 80000000 1e 27 > a.rr
	run 123 crrctl log import --from qemu-rr a.rr a.crr
	has err 'at byte 0: 2 chardevs read, and the log does not tell which one writes'
	run 0 crrctl log import --from qemu-rr --writes-to 2 --gated a.rr a.crr
	run 0 crrctl log info a.crr
	has out 'delivery: gated'
	has out 'counter: 0 to 12 instructions'
	has out 'stream 1: chardev2, 8 records, 4 bytes in, 2 out'
	run 0 crrctl log dump -j a.crr
	json out 'map(select(.type == "WRITE") | [.stream, .counter, .result, .offset])
		== [[1, "12", -1, 0], [1, "12", 3, 2]]'
	json out 'map(select(.type == "READ_ERROR") | .error) == ["EIO", "EIO"]'
	json out 'map(select(.type == "READ") | .data) == ["61", "6263", "6465"]'
	# To one that has not read.
	run 0 crrctl log import -f --from qemu-rr --writes-to 7 a.rr a.crr
	run 0 crrctl log info a.crr
	has out 'stream 2: chardev7,'
	# Every other event.
	hex $head 01 02 03 1111111111111111 04 2222222222222222 \
		05 00000000 00000001 00000002 01 \
		05 00000000 00000000 0000000000000002 00 \
		05 00000001 00000001 01 05 00000002 00000001 0000000000000001 \
		05 00000003 00000001 0000000000000001 \
		05 00000004 00000001 0000000000000001 0000000000000001 \
		00000001 0000000000000001 06 08 3333333333333333 \
		09 00 00000000 00000003 010203 0a 15 19 00000001 \
		1a 0000000000000001 0000000000000000 0000000000000001 \
		0000000000000002 1b 00000000 00000002 abcd \
		1c 4444444444444444 1d 5555555555555555 1e 26 \
		07 00 00000001 7a 27 > a.rr
	run 0 crrctl log import -f --from qemu-rr a.rr a.crr
	run 0 crrctl log dump -T READ a.crr
	has out 'READ 1 "z"'
	# Cut at every byte: refused, with the offset of the event.
	at=0
	total=$(size a.rr)
	while [ "$at" -lt "$total" ]; do
		cut_to a.rr $at > cut.rr
		run 123 crrctl log import -f --from qemu-rr cut.rr none.crr
		has err 'cut.rr: at byte '
		[ ! -e none.crr ] || fail 'a log was made of a cut one'
		at=$((at + 1))
	done
	# An unknown event, version; a killed one; something behind the end.
	hex $head 28 27 > a.rr
	run 123 crrctl log import --from qemu-rr a.rr none.crr
	has err 'at byte 12: unknown event 40'
	hex 00e0200d0000000000000000 27 > a.rr
	run 123 crrctl log import --from qemu-rr a.rr none.crr
	has err 'unknown version 0xe0200d'
	hex 000000000000000000000000 27 > a.rr
	run 123 crrctl log import --from qemu-rr a.rr none.crr
	has err 'the recording was killed'
	run 123 crrctl log import --from qemu-rr /dev/null none.crr
	has err 'the recording was killed'
	hex $head 27 27 > a.rr
	run 123 crrctl log import --from qemu-rr a.rr none.crr
	has err 'at byte 13: unexpected data after END'
	# Older ones: asynchronous events have a checkpoint, or a kind, behind
	# their number; there are ten causes of a shutdown.
	hex 00e0200a0000000000000000 00 00000005 03 04 04 00 00000001 61 \
		0f 00000001 ffffffff 14 00000000 00000001 ff \
		15 1111111111111111 0f 00000002 ffffffff 17 20 21 > a.rr
	run 0 crrctl log import -f --from qemu-rr a.rr a.crr
	run 0 crrctl log dump -j a.crr
	json out 'map(select(.type == "READ") | .data) == ["61"]'
}

# ---- Another reader, made from crr-log(5) ----

log_reader() {
	for kind in all odd asked two long split; do
		if [ $kind = split ]; then
			mklog all | mklog split > a.crr
		else
			mklog $kind > a.crr
		fi
		status=0
		"$tests/readlog.py" a.crr > other.json 2> err || status=$?
		[ "$status" != 77 ] || skip 'no python3-zstandard'
		is "$status" 0 "status of the other reader, of $kind"
		crrctl log dump -j a.crr > own.json
		jq -cS . own.json > own
		jq -cS . other.json > other
		cmp -s own other || fail "$kind: $(diff own other | head -n 4)"
	done
	# One of so many blocks that its index has several nodes.
	rm a.crr
	{
		echo '@0 0 STREAM "tty"'
		seq 1000 | sed 's/.*/@&00 0 READ "&"/'
		echo '@100000 0 STREAM_END reason=stopped'
		echo '@100000 0 END'
	} | text_log
	mklog split < a.crr > b.crr
	run 0 "$tests/readlog.py" b.crr
	is "$(wc -l < out)" 1003 lines
	for n in 0 1 255 256 257 511 512 700 1002; do
		run 0 "$tests/readlog.py" --seek $n b.crr
		json out "length == 1 and .[0].seq == \"$n\""
	done
	# Both see damage wherever it is.
	for at in 70 150 5000 20000 $(($(size b.crr) - 30)); do
		cp b.crr spoilt.crr
		put spoilt.crr "$at" 245
		run 1 "$tests/readlog.py" spoilt.crr
		run 123 crrctl log verify spoilt.crr
	done
}

# ---- Logs of earlier versions ----

golden=$tests/golden

# Sets name and log for each golden log in turn, and text to what it holds.
each_golden() {
	for log in "$golden"/*.crr; do
		name=$(basename "$log" .crr)
		text=$golden/$name.txt
		[ -f "$text" ] || text=$golden/${name%%.*}.txt
		"$@"
	done
}

# Exit status of crrctl for a log that may have been cut.
run_golden() {
	status=0
	"$@" > out 2> err || status=$?
	case $name:$status in
	killed*:0 | killed*:123 | *:0) ;;
	*) fail "$name: status $status: $*" ;;
	esac
}

golden_is_read() {
	run_golden crrctl log export -F text "$log"
	cmp -s out "$text" || fail "$name: $(diff "$text" out | head -n 4 | cut -c 1-200)"
	run_golden crrctl log info --json "$log"
	cmp -s out "$golden/$name.json" ||
		fail "$name: $(diff "$golden/$name.json" out)"
	run_golden crrctl log verify "$log"
	case $name in
	killed*) is "$status" 123 "status of verify, $name" ;;
	*) empty err ;;
	esac
	# In the words of this version: what was read, and what the text says.
	[ "$name" != killed.begun ] || return 0
	run_golden crrctl log dump --json "$log"
	mv out got
	run_golden crrctl log import -f "$text" new.crr
	crrctl log dump --json new.crr > want 2> err
	cmp -s want got || fail "$name: $(diff want got | head -n 4 | cut -c 1-200)"
}

# What was recorded by an earlier version is read as it was then.
log_golden() {
	each_golden golden_is_read
	[ "$name" = values ] || fail 'logs are missing'
}

golden_types() {
	crrctl log dump --json "$log" >> all.json 2> err
}

# Every type of record, and every flag, is in one of them.
log_golden_types() {
	each_golden golden_types
	jq -r .type all.json | grep -v ^0x | sort -u > got
	sed -n 's/^\tCRR_TYPE_\([A-Z_]*\)[[:space:]]*= .*/\1/p' \
		"$tests/../../uapi/linux/crr.h" | grep -vx OPTIONAL | sort > want
	cmp -s want got || fail "$(diff want got)"
	json all.json 'any(.type | startswith("0x"))'
	json all.json 'map(select(.type == "WRITE")) | any(.cut) and
		any(.known == false) and any(has("data")) and any(.interrupted)'
	for type in OUTQ MODEM MARK VALUE STREAM_END; do
		json all.json "any(.type == \"$type\" and .interrupted)"
	done
}

golden_seeks() {
	case $name in killed*) return ;; esac
	crrctl log dump "$log" > whole
	for n in 0 1 5 254 255 256 257 300 350; do
		run 0 crrctl log dump -r $n..$n "$log"
		awk -v n=$n '$1 == n' whole > want
		cmp -s out want || fail "$name: record $n is not found"
	done
}

# Through the index that is in them.
log_golden_seek() {
	each_golden golden_seeks
}

golden_is_documented() {
	case $name in killed*) return ;; esac
	status=0
	"$tests/readlog.py" "$log" > other.json 2> err || status=$?
	[ "$status" != 77 ] || skip 'no python3-zstandard'
	is "$status" 0 "status of the other reader, of $name"
	crrctl log dump -j "$log" | jq -cS . > own
	jq -cS . other.json > other
	cmp -s own other || fail "$name: $(diff own other | head -n 4 | cut -c 1-200)"
}

# The page describes the format that they have.
log_golden_reader() {
	each_golden golden_is_documented
}
