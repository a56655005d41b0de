# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2016,SC2154
#
# Tests of crrctl log export: what it writes is held against programs that read
# such files. Sourced by crrctl_test.sh.

# A session of a kind, whose characters are torn apart.
export_log() {
	crrctl log import - a.crr <<-'TEXT'
	created 1700000000000000000
	counter "us"
	command "emulator \"x\""
	@0 0 STREAM "ttyS0"
	@0 1 STREAM "/dev/pts/7"
	@1000000 0 READ "l"
	@1000500 0 WRITE "l"
	@2000000 0 READ "s\r"
	@2000000 0 WRITE "s\r\n\xc3"
	@2500000 0 WRITE "\xbc \x1b[1m\xff" result=5 offset=5
	@2550000 0 WRITE "no" result=-EAGAIN offset=0
	@2600000 0 MARK "booted"
	@2700000 1 WRITE "other"
	@2750000 1 WRITE requested=7 crc32c=1
	@2760000 1 MODEM error=ENOTTY
	@2800000 1 MODEM lines=0x26
	@2900000 1 MODEM lines=0x26
	@2950000 0 WRITE "\xe2\x82"
	@3000000 0 HANGUP
	@3000000 0 STREAM_END reason=hung-up
	@3500000 1 STREAM_END reason=stopped
	@3500000 0 END
	TEXT
}

log_export_cast() {
	export_log
	run 0 crrctl log export --hz 1M a.crr a.cast
	empty err
	json a.cast '.[0] == { version: 2, width: 80, height: 24,
		timestamp: 1700000000, title: "emulator \"x\"" }'
	is "$(wc -l < a.cast)" "$(jq -s length a.cast)" 'a value on each line'
	json a.cast '.[1:] == [[1, "i", "l"], [1.0005, "o", "l"],
		[2, "i", "s\r"], [2, "o", "s\r\n"],
		[2.5, "o", "\u00fc \u001b[1"], [2.6, "m", "booted"],
		[2.95, "o", "\ufffd"]]'
	# From the middle: times are those since its first record.
	run 0 crrctl log export --hz 1M -r 5..8 a.crr b.cast
	json b.cast '.[0].timestamp == 1700000002 and
		.[1:] == [[0, "o", "s\r\n"], [0.5, "o", "\u00fc \u001b[1"],
		[0.6, "m", "booted"]]'
	# Captured in part; not at all; without times.
	run 0 crrctl log export -f --hz 1M -s 1 a.crr b.cast
	json b.cast '.[1:] == [[2.7, "o", "other"]]'
	has err 'a.crr: 1 writes were not captured'
	run 1 crrctl log export -f --hz 1M -s 1 -r 10.. a.crr b.cast
	has err 'a.crr: the output was not captured'
	run 1 crrctl log export -f a.crr b.cast
	has err 'with --hz'
	# No output, and an end that no time has.
	mklog all > all.crr
	run 0 crrctl log export -f --hz 1M all.crr b.cast
	json b.cast '.[1:] | map(select(.[1] == "o") | .[2]) | add == "helloab"'
	mklog two > two.crr
	run 0 crrctl log export -f --hz 1M -s 1 two.crr b.cast
	json b.cast '.[1:] | map(.[2]) == ["a"]'
	command -v asciinema > /dev/null || skip 'no asciinema'
	command -v script > /dev/null || skip 'no script'
	# It wants a terminal, which is not to turn "\n" into "\r\n".
	run 0 script -qec 'stty -opost; asciinema cat a.cast' /dev/null
	printf 'ls\r\n\303\274 \033[1\357\277\275' > want
	cmp want out || fail 'asciinema shows something else'
}

# In what order tshark tells it: the packet, then what the header says.
log_export_pcapng() {
	export_log
	command -v tshark > /dev/null || skip 'no tshark'
	run 0 crrctl log export --hz 1000000 a.crr a.pcapng
	empty err
	run 0 tshark -r a.pcapng -T fields -E separator=' ' \
		-e frame.time_epoch -e frame.interface_name -e frame.len \
		-e frame.cap_len -e frame.packet_flags_direction \
		-e rtacser.timestamp -e rtacser.eventtype -e rtacser.cts \
		-e rtacser.dcd -e rtacser.dsr -e rtacser.rts -e rtacser.dtr \
		-e rtacser.ring -e rtacser.footer -e data.data
	sed 's/0x0000000\([012]\)/\1/' out > got
	cat > want <<-'WANT'
	1700000001.000000000 ttyS0 13 13 1 1700000001.000000000 0x02 0 0 0 0 0 0 0x0000 6c
	1700000001.000500000 ttyS0 13 13 2 1700000001.000500000 0x01 0 0 0 0 0 0 0x0000 6c
	1700000002.000000000 ttyS0 14 14 1 1700000002.000000000 0x02 0 0 0 0 0 0 0x0000 730d
	1700000002.000000000 ttyS0 16 16 2 1700000002.000000000 0x01 0 0 0 0 0 0 0x0000 730d0ac3
	1700000002.500000000 ttyS0 17 17 2 1700000002.500000000 0x01 0 0 0 0 0 0 0x0000 bc201b5b31
	1700000002.700000000 /dev/pts/7 17 17 2 1700000002.700000000 0x01 0 0 0 0 0 0 0x0000 6f74686572
	1700000002.750000000 /dev/pts/7 19 12 2 1700000002.750000000 0x01 0 0 0 0 0 0 0x0000 
	1700000002.800000000 /dev/pts/7 12 12  1700000002.800000000 0x00 1 0 0 1 1 0 0x0000 
	1700000002.950000000 ttyS0 14 14 2 1700000002.950000000 0x01 0 0 0 0 0 0 0x0000 e282
	1700000003.000000000 ttyS0 12 12  1700000003.000000000 0x00 0 0 0 0 0 0 0x0000 
	WANT
	diff want got > diff.out || fail "$(cat diff.out)"
	run 0 tshark -r a.pcapng -V
	lacks out Malformed
	has out 'record 5 @2000000'
	command -v capinfos > /dev/null && {
		run 0 capinfos a.pcapng
		has out "$(crrctl --version)"
	}
	# Behind the STREAM records: nobody says what the stream is called.
	run 0 crrctl log export -f --hz 1M -r 9.. a.crr a.pcapng
	run 0 tshark -r a.pcapng -T fields -e frame.interface_name
	is "$(sort out | uniq -c | xargs)" '2 stream 0 3 stream 1' interfaces
}

log_export_vcd() {
	export_log
	run 0 crrctl log export a.crr a.vcd
	empty err
	has a.vcd "\$version $(crrctl --version) \$end"
	has a.vcd '$comment 1 ns is one count of us $end'
	has a.vcd '$scope module ttyS0 $end'
	has a.vcd '$scope module _dev_pts_7 $end'
	# Of the first stream, but for the text; then of the second.
	sed '1,/enddefinitions/d' a.vcd > got
	cat > want <<-'WANT'
	#0
	b0 #
	b0 '
	0)
	b0 -
	b0 1
	03
	#1000000
	b1101100 !
	sl "
	b1 #
	1$
	#1000500
	b1101100 %
	sl &
	b1 '
	1(
	#2000000
	b1101 !
	ss\x0d "
	b11 #
	1$
	b11000011 %
	ss\x0d\x0a\xc3 &
	b101 '
	1(
	#2500000
	b110001 %
	s\xbc\x20\x1b[1 &
	b1010 '
	1(
	#2600000
	sbooted *
	#2700000
	b1110010 /
	sother 0
	b101 1
	12
	#2750000
	bx /
	s\? 0
	b1100 1
	12
	#2950000
	b10000010 %
	s\xe2\x82 &
	b1100 '
	1(
	#3000000
	1)
	#3500000
	x3
	WANT
	diff want got > diff.out || fail "$(cat diff.out)"
	# One string for all that comes at one counter, as far as it fits.
	crrctl log import - c.crr <<-'TEXT'
	@5 0 STREAM "a.b[1]$"
	@5 0 READ "x y"
	@5 0 READ "\\z"
	@5 0 MARK "one"
	@5 0 MARK "two"
	@5 0 STREAM_END reason=closed
	@5 0 END
	TEXT
	run 0 crrctl log export c.crr c.vcd
	has c.vcd '$scope module a_b_1__ $end'
	has c.vcd 'sx\x20y\x5cz "'
	has c.vcd 'sone\x0atwo *'
	is "$(grep '^#' c.vcd)" '#5' times
	mklog long > long.crr
	run 0 crrctl log export long.crr long.vcd
	has long.vcd 'xxx\... "'
	has long.vcd 'b1100000000000000000000 #'
	# A part of a log has its streams' names nevertheless.
	run 0 crrctl log export -f -s 1 -c 2700000.. a.crr b.vcd
	is "$(grep -c scope.module b.vcd)" 1 scopes
	is "$(grep '^#' b.vcd | xargs)" '#2700000 #2750000 #3500000' times
	# Twice through a log, from a pipe, too.
	run 0 sh -c 'cat a.crr | crrctl log export -F vcd -'
	cmp -s a.vcd out || fail 'not the same from a pipe'
	# By the time, if the frequency is told.
	run 0 crrctl log export --hz 1M a.crr timed.vcd
	has timed.vcd '$comment time since the recording began $end'
	is "$(grep '^#' timed.vcd | head -n 3 | xargs)" \
		'#0 #1000000000 #1000500000' times
	command -v vcd2fst > /dev/null || skip 'no vcd2fst'
	command -v fst2vcd > /dev/null || skip 'no fst2vcd'
	for log in c long a; do
		run 0 vcd2fst $log.vcd $log.fst
		run 0 fst2vcd $log.fst
		cp out $log.back
	done
	grep -q '^b0*1101100 !' a.back || fail 'no l'
	grep -q "^b0*1010 '" a.back || fail 'no count of ten bytes'
	# The same bytes, escaped in another way.
	has a.back 's\274\040\033[1 &'
	has a.back 'bxxxxxxxx /'
}

# A recording of a program that supplies no counter: its times are those of TIME.
# uncounted_log NAME
uncounted_log() {
	crrctl log import - "$1.crr" <<-'TEXT'
	created 1700000000000000000
	@0 0 STREAM "ttyS0"
	@0 0 TIME nanoseconds=1700000001000000000
	@0 0 WRITE "a"
	@0 0 WRITE "b"
	@0 0 TIME nanoseconds=1700000002000000000
	@0 0 TIME nanoseconds=1700000005000000000
	@0 0 READ "c"
	@0 0 WRITE "d"
	@0 0 WRITE "e"
	@0 0 MARK "f"
	@0 0 TIME nanoseconds=1700000005400000000
	@0 0 STREAM_END reason=stopped
	@0 0 END
	TEXT
}

log_export_uncounted() {
	uncounted_log a
	run 0 crrctl log export a.crr a.cast
	empty err
	json a.cast '.[0].timestamp == 1700000001 and .[1:] == [[0.5, "o", "a"],
		[1, "o", "b"], [4.1, "i", "c"], [4.2, "o", "d"],
		[4.3, "o", "e"], [4.4, "m", "f"]]'
	run 0 sh -c 'cat a.crr | crrctl log export -F cast - -'
	cmp -s a.cast out || fail 'not the same from a pipe'
	# A part: from its first record on.
	run 0 crrctl log export -F cast -r 3.. a.crr
	json out '.[1:] == [[0, "i", "c"], [0.1, "o", "d"], [0.2, "o", "e"],
		[0.3, "m", "f"]]'
	# There is nothing that a frequency could be the frequency of.
	run 0 crrctl log export -f --hz 1M a.crr b.cast
	has err 'a.crr: its counter does not move: --hz has no effect'
	cmp -s a.cast b.cast || fail 'not the same with --hz'
	run 0 crrctl log export a.crr a.vcd
	empty err
	has a.vcd '$comment time since the recording began $end'
	is "$(grep '^#' a.vcd | xargs)" "#1000000000 #1500000000 #2000000000 \
#5100000000 #5200000000 #5300000000 #5400000000" times
	# Neither times nor a counter.
	crrctl log import - none.crr <<-'TEXT'
	@0 0 STREAM "ttyS0"
	@0 0 WRITE "a"
	@0 0 STREAM_END reason=stopped
	@0 0 END
	TEXT
	run 1 crrctl log export none.crr none.cast
	has err 'none.crr has no times, and its counter does not move'
	[ ! -e none.cast ] || fail 'a file was made'
	run 0 crrctl log export none.crr none.vcd
	is "$(grep '^#' none.vcd)" '#0' times
	command -v tshark > /dev/null || skip 'no tshark'
	run 0 crrctl log export a.crr a.pcapng
	empty err
	run 0 tshark -r a.pcapng -T fields -e frame.time_epoch -e data.data
	is "$(sed 's/^17000000//; s/00000000\t/ /' out | xargs)" \
		'01.5 61 02.0 62 05.1 63 05.2 64 05.3 65' packets
}

# Two containers have a pts0 each; others become the same in a file.
log_export_names() {
	crrctl log import - a.crr <<-'TEXT'
	@0 0 STREAM "pts0"
	@0 1 STREAM "pts0"
	@0 2 STREAM "pts0_1"
	@0 3 STREAM "a.b"
	@0 4 STREAM "a/b"
	@0 5 STREAM "tty"
	@1 0 WRITE "a"
	@2 1 WRITE "b"
	@3 0 STREAM_END reason=stopped
	@3 1 STREAM_END reason=stopped
	@3 2 STREAM_END reason=stopped
	@3 3 STREAM_END reason=stopped
	@3 4 STREAM_END reason=stopped
	@3 5 STREAM_END reason=stopped
	@3 0 END
	TEXT
	run 0 crrctl log export a.crr a.vcd
	is "$(sed -n 's/^.scope module \(.*\) .end/\1/p' a.vcd | xargs)" \
		'pts0_0 pts0_1_1 pts0_1 a_b_3 a_b_4 tty' scopes
	# The same one in a part of it.
	run 0 crrctl log export -F vcd -s 1 a.crr
	has out '$scope module pts0_1_1 $end'
	is "$(grep -c scope.module out)" 1 scopes
	command -v tshark > /dev/null || skip 'no tshark'
	run 0 crrctl log export --hz 1M a.crr a.pcapng
	run 0 tshark -r a.pcapng -T fields -E separator=' ' \
		-e frame.interface_name -e frame.interface_description
	is "$(xargs < out)" 'pts0 stream 0 pts0 stream 1' interfaces
}
