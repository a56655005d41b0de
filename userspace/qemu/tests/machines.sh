#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# machines.sh BUILD QEMU REPLAYS [GUEST]...: are recordings of real guests exact? With
# the module loaded, as root. BUILD is where userspace was built, with qemu-tests and
# tests; QEMU is the directory of the emulators. LINUX_AMD64 and LINUX_ARM64 are
# directories of rig/linux-guest.
#
# Each guest is recorded once, while a typist types at random times, and then replayed:
# of REPLAYS in thousandths as the table at the end says, but at least once. A replay is
# identical if it ends where the recording did, and executed the same instructions at
# the same times until the last byte that the guest wrote (trace.c). Prints TAP.
#
# shellcheck disable=SC1083 # {0} is for crrctl
# shellcheck disable=SC2086 # words
set -u
unset CDPATH

build=$(cd "$1" && pwd)
qemu=$(cd "$2" && pwd)
total=$3
shift 3
wanted=" $* "
tools=$build/qemu/tests
trace=$tools/trace.so
crrctl=$build/crrctl/crrctl
# Seconds for a recording, or a replay.
limit=${CRR_TIMEOUT:-600}

work=$(mktemp -d)
peers=''
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	[ -z "$peers" ] || kill $peers 2> /dev/null
	rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit

n=0 replays=0 identical=0 seconds=0

now() { date +%s; }

comment() { sed 's/^/# /'; }

# Or "exec", in a process that is to be killed.
execute=''
# emulate SYSTEM ARGUMENT...: QEMU, traced; $before is what records or replays it.
emulate() {
	system=$1
	shift
	$execute timeout "$limit" $before -- env LD_PRELOAD="$trace" "$qemu/$system" \
		"$@" -monitor none -plugin "$trace,to=$work/trace"
}

# ---- Guests: what QEMU is given, and what is typed ----

bare() {
	emulate qemu-system-riscv64 -M virt -m 16M -bios none -kernel "$tools/$1"
}

guest_BUSY() { bare BUSY; }
guest_HALTING() { bare HALTING; }
guest_TWO() {
	emulate qemu-system-riscv64 -M sifive_e -kernel "$tools/TWO" \
		-serial {0} -serial {1}
}

uboot_riscv64() {
	emulate qemu-system-riscv64 -M virt -m 64M \
		-bios /usr/lib/u-boot/qemu-riscv64/u-boot.bin
}
uboot_arm64() {
	emulate qemu-system-aarch64 -M virt -cpu cortex-a57 -m 128M \
		-bios /usr/lib/u-boot/qemu_arm64/u-boot.bin
}

guest_uboot_riscv64() { uboot_riscv64; }
guest_uboot_arm64() { uboot_arm64; }
guest_loady_riscv64() { uboot_riscv64; }
guest_loadb_arm64() { uboot_arm64; }

script_uboot_riscv64() {
	cat <<-'SCRIPT'
	wait stop autoboot
	type
	wait => 
	type version
	wait => 
	type bdinfo
	wait => 
	type setenv a 'one two'; printenv a
	wait => 
	type md 80200000 20
	wait => 
	type sleep 2; echo slept
	wait => 
	type poweroff
	SCRIPT
}
script_uboot_arm64() { script_uboot_riscv64 | sed 's/80200000/40200000/'; }

script_loady_riscv64() {
	cat <<-'SCRIPT'
	wait stop autoboot
	type
	wait => 
	type loady 80200000
	wait C
	run sb -q small 2> /dev/null
	wait => 
	type crc32 80200000 $filesize
	wait => 
	type poweroff
	SCRIPT
}
script_loadb_arm64() {
	cat <<-'SCRIPT'
	wait stop autoboot
	type
	wait => 
	type loadb 40200000
	wait bps
	run gkermit -q -i -s small 2> /dev/null
	wait => 
	type crc32 40200000 $filesize
	wait => 
	type poweroff
	SCRIPT
}

guest_micropython() {
	emulate qemu-system-arm -M microbit -no-reboot -device \
		loader,file=/usr/share/firmware-microbit-micropython/firmware.hex
}
script_micropython() {
	cat <<-'SCRIPT'
	wait >>> 
	type from microbit import *
	wait >>> 
	type running_time()
	wait >>> 
	type sum(i * i for i in range(100))
	wait >>> 
	type sleep(500); running_time()
	wait >>> 
	type import random; [random.randint(0, 99) for i in range(5)]
	wait >>> 
	type [running_time() for i in range(4)]
	wait >>> 
	type reset()
	SCRIPT
}

linux_amd64() {
	lines=$1
	shift
	emulate qemu-system-x86_64 -M pc -m 128M -kernel "$LINUX_AMD64/vmlinuz" \
		-initrd "$LINUX_AMD64/initrd" \
		-append "console=ttyS0 quiet rig.lines=$lines" "$@"
}
linux_arm64() {
	lines=$1
	shift
	emulate qemu-system-aarch64 -M virt -cpu cortex-a53 -m 256M \
		-kernel "$LINUX_ARM64/vmlinuz" -initrd "$LINUX_ARM64/initrd" \
		-append "console=ttyAMA0 quiet rig.lines=$lines" "$@"
}

guest_linux_amd64() {
	linux_amd64 ttyS0,ttyS1,ttyS2,ttyS3 \
		-serial {0} -serial {1} -serial {2} -serial {3}
}
guest_linux_arm64() { linux_arm64 ttyAMA0; }
guest_zmodem_amd64() { linux_amd64 ttyS0; }
guest_zmodem_arm64() { linux_arm64 ttyAMA0; }
guest_virtio_amd64() {
	linux_amd64 ttyS0,hvc0 -serial {0} -device virtio-serial-pci \
		-chardev file,id=console,path={1} -device virtconsole,chardev=console
}
guest_virtio_arm64() {
	linux_arm64 ttyAMA0,hvc0 -serial {0} -device virtio-serial-device \
		-chardev file,id=console,path={1} -device virtconsole,chardev=console
}

# commands LINE: what is typed at a shell.
commands() {
	cat <<-SCRIPT
	wait $1# 
	type uname -a; cat /proc/uptime
	wait $1# 
	type head -c 4096 /dev/urandom | md5sum
	wait $1# 
	type for i in 1 2 3; do sleep 0.3; date +%N; done
	wait $1# 
	type grep -c . /proc/interrupts; cat /proc/loadavg
	wait $1# 
	SCRIPT
}

# The others are waited for.
last() {
	commands "$1"
	cat <<-SCRIPT
	type until [ \$(ls /tmp/*.done | wc -l) = $2 ]; do sleep 0.1; done; poweroff -f
	SCRIPT
}
not_last() {
	commands "$1"
	cat <<-SCRIPT
	type > /tmp/$1.done
	SCRIPT
}

script_linux_amd64() { last ttyS0 3; }
script_linux_amd64_1() { not_last ttyS1; }
script_linux_amd64_2() { not_last ttyS2; }
script_linux_amd64_3() { not_last ttyS3; }
script_linux_arm64() { commands ttyAMA0; echo "type poweroff -f"; }
script_virtio_amd64() { last ttyS0 1; }
script_virtio_amd64_1() { not_last hvc0; }
script_virtio_arm64() { last ttyAMA0 1; }
script_virtio_arm64_1() { not_last hvc0; }

zmodem() {
	cat <<-SCRIPT
	wait $1# 
	type rz -q
	wait **
	run sz -q file 2> /dev/null
	wait $1# 
	type md5sum file
	wait $(md5sum < file | cut -d ' ' -f 1)
	wait $1# 
	type poweroff -f
	SCRIPT
}
script_zmodem_amd64() { zmodem ttyS0; }
script_zmodem_arm64() { zmodem ttyAMA0; }

# Who types at a bare guest.
peer() {
	case $1 in
	BUSY) echo "$tools/peer 7 30 20000 said" ;;
	HALTING) echo "$tools/peer 7 20 100000 said" ;;
	*) echo "$tools/typist script 7 60000 said" ;;
	esac
}

# ---- Recording and replaying ----

# recorded_by STATUS: what records has ended; so do the peers.
recorded_by() {
	kill $peers 2> /dev/null
	wait $peers 2> /dev/null
	peers=''
	return "$1"
}

record_one() {
	case $1 in
	BUSY|HALTING) ;;
	*) "script_$1" > script ;;
	esac
	# --peer's argument would have blanks.
	printf '#!/bin/sh\nexec %s\n' "$(peer "$1")" > peer
	chmod +x peer
	before="$crrctl record -q --qemu -o log --peer $work/peer"
	"guest_$1" > out 2> err < /dev/null
}

# A line of its own, and a typist, for each of them.
record_many() {
	peers='' ttys=''
	for i in $(seq 0 "$(($2 - 1))"); do
		rm -f "to$i" "from$i" "tty$i"
		mkfifo "to$i" "from$i"
		"$build/tests/line" "tty$i" < "to$i" > "from$i" &
		peers="$peers $!"
		script=script_$1
		[ "$i" = 0 ] || script=${script}_$i
		"$script" > "script$i"
		"$tools/typist" "script$i" "$i" 60000 "said$i" > "to$i" < "from$i" &
		peers="$peers $!"
	done
	for i in $(seq 0 "$(($2 - 1))"); do
		until [ -s "tty$i" ]; do sleep 0.1; done
		ttys="$ttys $(cat "tty$i")"
	done
	before="$crrctl record -q --qemu -o log $ttys"
	"guest_$1" > out 2> err < /dev/null
	recorded_by $?
}

# TWO cannot be switched off: ended when all has been answered.
record_two() {
	peers=''
	for i in 0 1; do
		rm -f "to$i" "from$i" "tty$i"
		mkfifo "to$i" "from$i"
	done
	exec 7<> to0 8<> to1 9<> from1
	: > said0
	"$build/tests/line" tty0 < to0 > said0 &
	peers=$!
	"$build/tests/line" tty1 < to1 > from1 &
	peers="$peers $!"
	until [ -s tty0 ] && [ -s tty1 ]; do sleep 0.1; done
	before="$crrctl record -q --qemu -o log $(cat tty0) $(cat tty1)"
	execute='exec'
	guest_TWO > out 2> err < /dev/null &
	record=$!
	execute=''
	: > answers
	tail -f said0 | "$tools/peer" 5 10 20000 said 2> answers > to1 &
	peers="$peers $!"
	until [ -s answers ]; do
		kill -0 $record 2> /dev/null || return 1
		sleep 0.1
	done
	kill -TERM $record
	wait $record
	recorded_by $?
}

complain() {
	echo "# $*"
	for file in err out said trace trace.recorded; do
		[ ! -s "$file" ] || {
			echo "# --- $file:"
			tail -n 20 "$file" | cut -c 1-200 | comment
		}
	done
}

# once GUEST LINES: one replay; is it identical?
once() {
	rm -f trace
	before="$crrctl replay -q --qemu log"
	"guest_$1" > out 2> err < /dev/null || { complain "exit status $?"; return 1; }
	cmp trace trace.recorded > difference 2>&1 ||
		{ complain "$(cat difference)"; return 1; }
	[ "$2" = 1 ] || return 0
	cmp out said > difference 2>&1 || { complain "$(cat difference)"; return 1; }
}

# guest NAME LINES THOUSANDTHS
guest() {
	case $wanted in
	'  '|*" $1 "*) ;;
	*) return ;;
	esac
	n=$((n + 1))
	times=$((total * $3 / 1000))
	[ "$times" -gt 0 ] || times=1
	rm -f log trace said
	begun=$(now)
	case $1,$2 in
	TWO,*) record_two ;;
	*,1) record_one "$1" ;;
	*) record_many "$1" "$2" ;;
	esac
	status=$?
	if [ $status != 0 ] || ! grep -q '^writes [1-9]' trace; then
		complain "exit status $status"
		echo "not ok $n - $1: recorded"
		return
	fi
	mv trace trace.recorded
	echo "# $1: recorded in $(($(now) - begun)) s: $(cat trace.recorded)"
	"$crrctl" log info log | grep -E '^(records|counter)' | comment
	same=0
	begun=$(now)
	for i in $(seq "$times"); do
		if once "$1" "$2"; then
			same=$((same + 1))
		else
			echo "# $1: that was replay $i"
		fi
	done
	took=$(($(now) - begun))
	replays=$((replays + times)) identical=$((identical + same))
	seconds=$((seconds + took))
	[ "$same" = "$times" ] || printf 'not '
	echo "ok $n - $1: $same of $times replays identical, in $took s"
}

echo "TAP version 13"
echo "# $("$qemu/qemu-system-riscv64" --version | head -n 1)"
head -c 30000 /dev/urandom > file
head -c 3000 file > small

guest BUSY		1 283
guest HALTING		1 283
guest TWO		2 284
guest uboot_riscv64	1 30
guest uboot_arm64	1 25
guest loady_riscv64	1 20
guest loadb_arm64	1 20
guest micropython	1 45
guest linux_amd64	4 2
guest virtio_amd64	2 2
guest zmodem_amd64	1 2
guest linux_arm64	1 2
guest virtio_arm64	2 1
guest zmodem_arm64	1 1

echo "# $identical of $replays replays identical, in $seconds s"
echo "1..$n"
