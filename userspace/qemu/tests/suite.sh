#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# suite.sh BUILD QEMU [REPLAYS]: tests of crr-qemu.so, with the module loaded, as
# root. BUILD is where userspace was built, with qemu-tests and tests; QEMU is
# the directory of qemu-system-riscv64. Each guest is recorded once and replayed
# REPLAYS times (default 8). Prints TAP.
#
# shellcheck disable=SC1083 # {0} is for crrctl
# shellcheck disable=SC2086 # words
set -u
unset CDPATH

build=$(cd "$1" && pwd)
riscv64=$2/qemu-system-riscv64
replays=${3:-8}
guests=$build/qemu/tests
plugin=$build/qemu/crr-qemu.so
crrctl() { "$build/crrctl/crrctl" "$@"; }

work=$(mktemp -d)
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	[ -z "${lines-}" ] || kill $lines 2> /dev/null
	rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit

# ---- TAP ----

n=0
# check NAME COMMAND...
check() {
	n=$((n + 1))
	name=$1
	shift
	if "$@" > log 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		tail -n 40 log | sed 's/^/# /'
	fi
}

# What is wrong; for check.
fail() {
	echo "$*"
	for file in err out; do
		[ ! -s "$file" ] || { echo "--- $file:"; head -n 20 "$file"; }
	done
	return 1
}

# run STATUS COMMAND...: with that exit status; what it says is in out and err.
run() {
	expected=$1
	shift
	timeout -k 10 300 "$@" > out 2> err
	status=$?
	[ "$status" = "$expected" ] ||
		fail "exit status $status instead of $expected: $*"
}

# ---- Machines ----

# Exactly what makes a machine exact, and no more.
safe='-icount shift=3,sleep=off -seed 1 -rtc base=2024-01-01,clock=vm -nic none'
quiet='-display none -monitor none -m 16M -bios none'

# record LOG PEER COMMAND...
record() {
	log=$1 peer=$2
	shift 2
	run 0 "$build/crrctl/crrctl" record -q --gated -c ns -o "$log" \
		--peer "$peer" -- "$@"
}

# replay LOG COMMAND...
replay() {
	log=$1
	shift
	run 0 "$build/crrctl/crrctl" replay -q "$log" -- "$@"
}

# equal TIMES LOG SAID COMMAND...: so many replays print what the recorded run did.
equal() {
	times=$1 log=$2 said=$3
	shift 3
	for i in $(seq "$times"); do
		replay "$log" "$@" || { echo "in replay $i"; return 1; }
		cmp out "$said" || { echo "in replay $i"; return 1; }
	done
}

# What the log has in the counter's last value, in milliseconds.
log_ms() {
	crrctl log info "$1" | sed -n 's/^counter: 0 to \([0-9]*\)[0-9]\{6\} ns/\1/p'
}

# ---- Tests ----

# virt GUEST COMMAND...: the machine for it. $options are those of the plugin.
options=''
virt() {
	guest=$guests/$1
	shift
	"$@" "$riscv64" -M virt $quiet $safe -kernel "$guest" \
		-plugin "$plugin$options" -serial {}
}

recorded() {
	virt "$1" record "$1.crr" "$guests/peer 7 $2 $3 $1.said 2> $1.times" &&
		sed 's/^/# /' "$1.times" &&
		[ "$(wc -l < "$1.said")" -gt "$2" ]
}

replayed() {
	virt "$1" equal "$replays" "$1.crr" "$1.said"
}

# The peer types at an idle guest for as long on the guest's clock as on the wall's.
paced() {
	begun=$(date +%s%N)
	recorded HALTING 20 100000 || return
	wall=$((($(date +%s%N) - begun) / 1000000))
	guest=$(log_ms HALTING.crr)
	echo "# guest $guest ms, wall $wall ms"
	[ "$guest" -le "$wall" ] || fail "the guest is ahead: $guest ms in $wall ms"
}

# Its timer comes while nobody types.
sleeping() {
	recorded SLEEPING 3 900000 || return
	cat SLEEPING.said
	grep -q '^- ' SLEEPING.said
}

# An idle guest that was not paced: long on its own clock. How long the replay takes
# is printed, and not judged: the start of QEMU is most of it.
fast() {
	options=,pace=off
	virt HALTING record fast.crr "$guests/peer 3 4 300000 fast.said" || return
	options=''
	guest=$(log_ms fast.crr)
	begun=$(date +%s%N)
	virt HALTING replay fast.crr || return
	wall=$((($(date +%s%N) - begun) / 1000000))
	echo "# guest $guest ms, replayed in $wall ms"
	cmp out fast.said
}

# Another byte in the log, and the replay stops there.
other_byte() {
	crrctl log export --format text BUSY.crr text || return
	# The tenth digit that the guest wrote after the third read, whatever it has
	# read meanwhile: the peer may be fast, or the guest slow.
	awk '/ READ / { reads++ }
	     reads >= 3 && / WRITE "[0-9a-f]"$/ && ++digits == 10 {
		sub(/WRITE "."/, "WRITE \"~\""); print > "changed"
	     }
	     { print }' text > edited || return
	[ -s changed ] || fail "nothing to change in the log" || return
	crrctl log import edited changed.crr || return
	at=$(sed 's/^@\([0-9]*\) .*/\1/' changed)
	virt BUSY run 120 "$build/crrctl/crrctl" replay -q changed.crr -- ||
		return
	grep -q "counter  $at expected, $at in this run" err ||
		fail "another place than $at" || return
	grep -q "expected 0x7e '~'" err || fail "another byte"
}

# A log without its end, as of a recording that was killed: all of it is replayed,
# up to a record that is read, and up to one that is written.
breaks_off() {
	for type in READ WRITE; do
		awk -v type=$type '/^@/ && $3 == type && ++n == 3 { last = 1 }
				   last == 2 { exit }
				   { print; last *= 2 }' text > short || return
		crrctl log import -f short short.crr 2> /dev/null
		virt BUSY run 123 "$build/crrctl/crrctl" replay -q short.crr -- ||
			return
		records=$(crrctl log dump short.crr 2> /dev/null |
			  sed -n 's/^ *\([0-9]*\) @.*/\1/p' | tail -n 1)
		grep -q "breaks off after record $records," err ||
			fail "elsewhere than $records" || return
		cmp -n "$(wc -c < out)" out BUSY.said || return
	done
	# Then the machine is no debugger's: it waits in a call.
	virt BUSY run 123 "$build/crrctl/crrctl" replay -q --qemu --gdb=socket \
		--until @999999999999 short.crr --
}

# Behind a log's end the guest goes on with the line, and all of it is a log.
live() {
	crrctl log cut -r 0..99 added.crr part.crr || return
	run 0 "$build/crrctl/crrctl" replay -q --stored --live -o whole.crr --peer \
		"$guests/peer 4 6 20000 live.said 2> live.times" part.crr || return
	run 0 "$build/crrctl/crrctl" replay -q --stored whole.crr || return
	tail -n 6 live.said > said
	[ "$(wc -l < said)" = 6 ] && tail -n 6 out | cmp - said
}

# crrctl adds what the command lacks.
added() {
	set -- "$riscv64" -M virt -m 16M -bios none -monitor none \
		-kernel "$guests/BUSY"
	run 0 "$build/crrctl/crrctl" record --qemu -o added.crr \
		--peer "$guests/peer 9 5 20000 added.said 2> added.times" -- \
		"$@" || return
	for option in '-plugin .*/crr-qemu.so' '-icount shift=3,sleep=off' \
		      '-seed 1' '-rtc base=.*,clock=vm' '-nic none' \
		      '-display none' '-serial {0}'; do
		grep -q "added to COMMAND: $option\$" err ||
			fail "not added: $option" || return
	done
	run 0 "$build/crrctl/crrctl" replay -q --qemu added.crr -- "$@" || return
	cmp out added.said || return
	crrctl log info added.crr
	crrctl log info added.crr | grep -q '^counter: .* ns$' &&
		crrctl log info added.crr | grep -q '^delivery: gated'
}

# The log's own command, as it was completed then.
stored() {
	run 0 "$build/crrctl/crrctl" replay -q --stored added.crr || return
	cmp out added.said || return
	grep -q -e '-icount shift=3,sleep=off -seed 1 .* -serial {0}$' err &&
		! grep -q -e -plugin err
}

# Another program can replay the log of a QEMU, and is no QEMU for that.
by_another() {
	run 122 "$build/crrctl/crrctl" replay -q added.crr -- \
		sh -c 'echo "$# words"' sh || return
	grep -q '^0 words' out || fail "words were added"
}

# stops_at WHAT BYTES COUNTER: it has printed so much by then.
stops_at() {
	run 0 "$build/crrctl/crrctl" replay --stored --until "$1" added.crr ||
		return
	head -c "$2" added.said | cmp - out || return
	grep -q "stopped at counter $3," err || fail "elsewhere"
}

# Behind the record of a byte that was written, behind one that was read, and
# between two, of which the peer determines which comes first.
until_() {
	crrctl log dump added.crr | sed -n 's/^ *\([0-9]*\) @\([0-9]*\) .* \(WRITE\|READ\) .*/\3 \1 \2/p' > records
	# shellcheck disable=SC2046 # words
	set -- $(awk '/WRITE/ && ++n == 40 { written = n " " $2 " " $3 }
		      /READ/ && ++m == 2 { read = n + 0 " " $2 " " $3 }
		      NR > 1 && $3 - last > 400 { between = last + 200 }
		      { last = $3 }
		      END { print written, read, between }' records)
	# Where the line begins, too: nothing has run.
	stops_at 0 0 0 || return
	stops_at "$2" "$1" "$3" && stops_at "$5" "$4" "$6" || return
	n_=$(awk -v at="$7" '/WRITE/ && $3 <= at' records | wc -l)
	stops_at "@$7" "$n_" "$7"
}

# Back from a place, from the end and from a divergence: as if stopped there at once.
# back_to ARGUMENTS: replays of $log; the second run's output follows the first one's.
back_to() {
	run 0 "$build/crrctl/crrctl" replay --stored "$@" || return
	grep -q 'replaying again$' err || fail 'not said'
}

back() {
	crrctl log dump added.crr | sed -n 's/^ *\([0-9]*\) @\([0-9]*\) .* WRITE .*/\1 \2/p' > records
	# The record of the 30th byte written, and of the 40th.
	# shellcheck disable=SC2046 # words
	set -- $(sed -n '30p; 40p' records)
	back_to --until "$3" --back-to "$1" added.crr || return
	{ head -c 40 added.said; head -c 30 added.said; } | cmp - out || return
	grep -q "stopped at counter $2," err || fail 'elsewhere' || return
	# The same place, counted from there.
	back_to --until "$3" --back-to "-$(($3 + 1 - $1))" added.crr || return
	grep -q "stopped at counter $2," err || fail 'elsewhere' || return
	back_to --back-to "@$2" added.crr || return
	grep -q "stopped at counter $2," err || fail 'elsewhere' || return
	# The 41st byte is another one; before it is the 40th, or a key.
	crrctl log export --format text added.crr added.txt || return
	awk '/ WRITE "/ && ++n == 41 { sub(/WRITE "[^\\]/, "WRITE \"~") } { print }' \
		added.txt > edited
	crrctl log import -f edited changed.crr || return
	back_to --back-to -1 changed.crr || return
	head -c 40 added.said > want
	{ cat want want; } | cmp - out || return
	grep -q 'diverged from changed.crr' err || fail 'no divergence' || return
	# One that cannot begin shows nothing to go back from.
	run 125 env --ignore-signal=CHLD "$build/crrctl/crrctl" replay --stored \
		--back-to -1 none.crr || return
	! grep 'replaying again' err || return
	run 124 "$build/crrctl/crrctl" replay --stored -T 0.01 --back-to -1 \
		added.crr || return
	! grep 'replaying again' err || return
	# A signal to crrctl ends the first run, and there is no second one.
	"$build/crrctl/crrctl" replay --stored --stall 0 --back-to -1 \
		short.crr > out 2> err &
	replay=$!
	until pgrep -P $replay > first; do
		kill -0 $replay || fail 'it has ended' || return
	done
	kill -TERM $replay
	wait $replay
	! grep 'replaying again' err || return
	! kill -0 "$(cat first)" 2> /dev/null || fail 'the first run is left' || return
	# Not before the beginning, nor behind the end of the first run.
	run 125 "$build/crrctl/crrctl" replay --stored --until "$1" \
		--back-to -100000 added.crr || return
	run 125 "$build/crrctl/crrctl" replay --stored --until "$1" \
		--back-to "$3" added.crr
}

# A debugger that stops at each byte, and steps, changes nothing. A machine that is
# stopped for a debugger stays so if that dies: -T ends it.
debugged() {
	run 0 "$build/crrctl/crrctl" record --qemu --debuggable -q -o debug.crr \
		--peer "$guests/peer 11 6 20000 debug.said 2> debug.times" -- \
		"$riscv64" -M virt -m 16M -bios none -monitor none \
		-kernel "$guests/HALTING" || return
	cat > commands <<-'GDB'
	set pagination off
	set confirm off
	target remote socket
	break see
	continue
	set $stops = 0
	while $_isvoid($_exitcode) && ++$stops < 6
	printf "sees %d\n", byte
	stepi
	stepi
	continue
	end
	delete
	detach
	GDB
	"$build/crrctl/crrctl" replay -T 300 --stored --gdb=socket debug.crr > out 2> err &
	replay=$!
	lines=$replay
	until grep -q 'gdb: target remote socket' err && [ -S socket ]; do
		kill -0 $replay || fail "the replay has ended" || return
		sleep 0.1
	done
	timeout 240 gdb-multiarch -batch -x commands "$guests/HALTING" \
		< /dev/null > gdb 2>&1
	wait $replay || fail "exit status $?" || return
	lines=''
	cmp out debug.said || return
	sed -n 's/^sees /\&/p' gdb > seen
	[ "$(wc -l < seen)" = 5 ] || { cat gdb; return 1; }
}

# Stopped somewhere, it is a debugger's, and ends as it was recorded.
stopped_for_gdb() {
	rm -f socket
	at=$(crrctl log dump debug.crr | sed -n 's/^ *\([0-9]*\) .* WRITE .*/\1/p' | sed -n 50p)
	"$build/crrctl/crrctl" replay -q -T 300 --stored --until "$at" --gdb=socket \
		debug.crr > out 2> err &
	replay=$!
	lines=$replay
	until grep -q 'stopped at counter' err; do
		kill -0 $replay || fail "the replay has ended" || return
		sleep 0.1
	done
	timeout 240 gdb-multiarch -batch -ex 'target remote socket' -ex bt \
		-ex detach "$guests/HALTING" < /dev/null > gdb 2>&1
	wait $replay || fail "exit status $?" || return
	lines=''
	cmp out debug.said || return
	grep -q '^#.* show ' gdb || { cat gdb; return 1; }
}

# What the command has is left as it is, and is the plugin's to refuse.
not_added() {
	run 1 "$build/crrctl/crrctl" record --qemu -f -o refused.crr -- \
		"$riscv64" -M virt $quiet -kernel "$guests/BUSY" \
		--icount shift=4 -rtc base=utc -serial {} < /dev/null || return
	! grep -e 'COMMAND: -[irs]*\(count\|tc\|erial\)' err || return
	grep -q 'add -icount shift=3,sleep=off' err &&
		grep -q 'add -rtc base=' err
}

# two COMMAND...: on two lines, the second one a file to QEMU. Nothing but a signal
# ends that machine.
two() {
	"$@" "$riscv64" -M sifive_e $safe -display none -monitor none \
		-kernel "$guests/TWO" -plugin "$plugin" \
		-serial {0} -chardev file,id=two,path={1} -serial chardev:two
}

two_lines() {
	mkfifo in0 in1 back
	exec 7<> in0 8<> in1 9<> back
	"$build/tests/line" tty0 < in0 > said0 &
	lines=$!
	"$build/tests/line" tty1 < in1 > back &
	lines="$lines $!"
	until [ -s tty0 ] && [ -s tty1 ]; do sleep 0.1; done
	two exec "$build/crrctl/crrctl" record -q -T 300 --gated -c ns -o two.crr \
		"$(cat tty0)" "$(cat tty1)" -- > out 2> err &
	record=$!
	# What is typed at the second line is answered at the first.
	tail -f said0 | "$guests/peer" 5 10 20000 said 2> answers > in1 &
	lines="$lines $!"
	until [ -s answers ]; do
		kill -0 $record || fail "the recording has ended" || return
		sleep 0.1
	done
	kill -TERM $record
	wait $record || fail "exit status $?" || return
	for i in 1 2 3; do
		two run 0 "$build/crrctl/crrctl" replay -q two.crr -- ||
			{ echo "in replay $i"; return 1; }
	done
	crrctl log info two.crr
	[ "$(crrctl log dump two.crr | grep -c ' 1 READ ')" = 11 ]
}

# refused NAME OPTIONS MESSAGE...: QEMU with these options ends before the guest
# has run, and gives these reasons.
refused() {
	what=$1
	shift
	run 1 "$build/crrctl/crrctl" record -q --gated -f -o refused.crr -- \
		"$riscv64" $quiet -kernel "$guests/BUSY" -plugin "$plugin" \
		$what < /dev/null || return
	[ ! -s out ] || fail "the guest has run" || return
	for reason; do
		grep -q "crr-qemu: $reason" err || fail "not said: $reason" ||
			return
	done
}

refused_options() {
	mkdir share
	dd if=/dev/zero of=image bs=1M count=1 2> /dev/null
	refused "-M virt -serial {} -serial stdio
		-drive if=none,id=disk,file=image,format=raw
		-device virtio-blk-device,drive=disk
		-fsdev local,id=fs,path=share,security_model=none
		-device virtio-9p-device,fsdev=fs,mount_tag=share
		-device virtio-serial-pci,ioeventfd=on -device virtio-rng-device
		-object iothread,id=io -device virtio-balloon-device
		-object memory-backend-ram,id=shared,size=1M,share=on
		-device ivshmem-plain,memdev=shared
		-audiodev wav,id=wav,path=sound -device AC97,audiodev=wav
		-semihosting" \
		'.*add -icount shift=3,sleep=off' \
		'.*add -rtc base=2024-01-01T00:00:00,clock=vm' \
		'.*add -seed 1' \
		'.*add -nic none' \
		'drive disk: the guest sees when' \
		'device virtio-9p-device gives the guest files' \
		'device virtio-serial-pci.* is served by another thread' \
		'device rng-builtin gives random numbers' \
		'device iothread is another thread' \
		'device virtio-balloon-device is driven by the host' \
		'device ivshmem-plain shares memory' \
		'.*shares the guest.s memory with others: add share=off' \
		'device AC97 plays on the host' \
		'semihosting lets the guest read the host.s clock' \
		'chardev serial1 (stdio) is not recorded' \
		'these would make a replay of this machine diverge'
}

refused_shared_line() {
	refused "-M virt $safe -serial mon:{}" \
		'chardev .*-base is shared with the monitor'
}

# QEMU 10 itself refuses it for a serial port, but not for a file.
refused_rr() {
	refused "-M virt -seed 1 -rtc base=2024-01-01,clock=vm -nic none
		-icount shift=3,sleep=off,rr=record,rrfile=rr
		-chardev file,id=line,path={} -serial chardev:line" \
		'-icount rr= records the same lines itself'
}

# A display's timer is not there when the machine starts.
refused_display() {
	run 1 "$build/crrctl/crrctl" record -q --gated -f -o refused.crr -- \
		"$riscv64" -M virt $safe -m 16M -bios none -monitor none \
		-kernel "$guests/BUSY" -plugin "$plugin" -serial {} \
		-device VGA -display vnc=unix:vnc < /dev/null || return
	grep -q 'a display, or something else with a timer of the host' err ||
		fail "not said"
}

refused_drive() {
	dd if=/dev/zero of=flash bs=1M count=32 2> /dev/null
	refused "-M virt $safe -serial {} -drive if=pflash,file=flash,format=raw" \
		'drive pflash0 is writable, .*snapshot=on'
}

refused_without_line() {
	refused "-M virt $safe -serial null" \
		'no character device of QEMU is on .*: give -serial {0}'
}

refused_free() {
	run 1 "$build/crrctl/crrctl" record -q -f -o refused.crr -- \
		"$riscv64" -M virt $quiet $safe -kernel "$guests/BUSY" \
		-plugin "$plugin" -serial {} < /dev/null || return
	grep -q 'delivery is not gated' err || fail "not said"
}

echo "TAP version 13"
echo "# $("$riscv64" --version | head -n 1)"
check "a busy guest: recorded" recorded BUSY 30 20000
check "a busy guest: $replays replays" replayed BUSY
check "an idle guest: recorded, at the wall clock's pace" paced
check "an idle guest: $replays replays" replayed HALTING
check "a guest that sleeps for long: recorded" sleeping
check "a guest that sleeps for long: $replays replays" replayed SLEEPING
check "an idle guest: recorded without pacing" fast
check "another byte in the log is found" other_byte
check "a log that breaks off" breaks_off
check "missing options are added" added
check "the log's command is run again" stored
check "another program replays it" by_another
check "a replay goes on live" live
check "a replay stops where it is told to" until_
check "a replay goes back" back
check "a debugger changes nothing" debugged
check "a stopped replay is a debugger's" stopped_for_gdb
check "options that are given are not changed" not_added
check "two lines: recorded and replayed" two_lines
check "refused: unsafe options, all at once" refused_options
check "refused: a line that others use as well" refused_shared_line
check "refused: QEMU's own recording" refused_rr
check "refused: a display" refused_display
check "refused: a writable flash" refused_drive
check "refused: two CPUs" refused "-M virt $safe -smp 2 -serial {}" \
	'the machine has more than one CPU'
check "refused: no -serial" refused_without_line
check "refused: delivery that is not gated" refused_free
echo "1..$n"
