#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# report_test.sh BUILD [PICTURES]: pages that crrctl log report makes, of a million
# records and of a log without a counter, in a headless Chromium. To a copy of a
# page a script is added that uses it and says what it found. Prints TAP, with
# figures. PICTURES is a directory for screenshots, to be looked at.
set -eu

build=$(cd "$1" && pwd)
pictures=${2-}
LD_LIBRARY_PATH=$build
export LD_LIBRARY_PATH
crrctl=$build/crrctl/crrctl
browser=$(command -v chromium || command -v chromium-browser || :)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo 'TAP version 13'
if [ -z "$browser" ]; then
	echo '1..1'
	echo 'ok 1 - report # SKIP no chromium'
	exit 0
fi

browse() {
	HOME=$work timeout 300 "$browser" --headless=new --no-sandbox \
		--disable-gpu --disable-dev-shm-usage --hide-scrollbars \
		--window-size=1400,900 "$@" 2>> "$work/browser.log"
}

# A million records; what is looked for is torn apart, and far behind.
awk 'BEGIN {
	print "counter \"cycles\""
	print "command \"emulator <b>&</script>\""
	print "@0 0 STREAM \"ttyS0\""
	print "@0 1 STREAM \"ttyS1\""
	for (n = 1; n <= 1000000; n++) {
		byte = n % 64 == 0 ? "\\n" : sprintf("%c", 97 + n % 23)
		if (n == 700000)
			byte = "nee"
		if (n == 700002)
			byte = "dle"
		if (n == 500001)
			print "@" n * 100 " 0 MARK \"half way\""
		print "@" n * 100, n % 3 == 2, (n % 2 ? "WRITE" : "READ"), \
			"\"" byte "\""
	}
	print "@100000050 0 READ_ERROR error=EINTR"
	print "@100000050 0 WRITE \"x\" result=-EAGAIN"
	print "@100000060 0 INQ value=5"
	print "@100000060 0 MODEM lines=0x26"
	print "@100000060 0 MODEM error=ENOTTY"
	print "@100000100 1 HANGUP"
	print "@100000100 1 STREAM_END reason=hung-up"
	print "@100000200 0 STREAM_END reason=stopped"
	print "@100000200 0 END"
}' > "$work/a.txt"
sed 's/@90000000 0 READ "[a-z]*"/@90000000 0 READ "!"/' "$work/a.txt" > "$work/b.txt"
"$crrctl" log import "$work/a.txt" "$work/a.crr"
"$crrctl" log import "$work/b.txt" "$work/b.crr"
"$crrctl" log report --against "$work/b.crr" "$work/a.crr" "$work/a.html"
echo "# page: $(stat -c %s "$work/a.html") bytes for $("$crrctl" log info --json \
	"$work/a.crr" | sed 's/.*"records":"\([0-9]*\)","size".*/\1/') records"

# Two of three lines have one name. There is a pause of two seconds.
"$crrctl" log import - "$work/c.crr" <<-'TEXT'
created 1700000000000000000
@0 0 STREAM "pts0"
@0 1 STREAM "pts0"
@0 2 STREAM "ttyS0"
@0 0 TIME nanoseconds=1700000010000000000
@0 0 WRITE "one"
@0 1 WRITE "two"
@0 0 TIME nanoseconds=1700000010500000000
@0 0 TIME nanoseconds=1700000012500000000
@0 2 READ "three"
@0 1 READ "four"
@0 2 HANGUP
@0 0 TIME nanoseconds=1700000013100000000
@0 2 STREAM_END reason=hung-up
@0 1 STREAM_END reason=stopped
@0 0 STREAM_END reason=stopped
@0 0 END
TEXT
"$crrctl" log export -F text "$work/c.crr" | sed 's/"four"/"five"/' > "$work/d.txt"
"$crrctl" log import "$work/d.txt" "$work/d.crr"
"$crrctl" log report --against "$work/d.crr" "$work/c.crr" "$work/c.html"

cat > "$work/begin" <<'SCRIPT'
<script>
"use strict";
const said = [];

function ok(good, what) {
	said.push((good ? "ok" : "not ok") + " - " + what);
}

function time(what, times, run) {
	const begun = performance.now();

	for (let n = 0; n < times; n++)
		run(n);
	said.figures = (said.figures || "") + "# " + what + ": " +
		((performance.now() - begun) / times).toFixed(1) + " ms\n";
}

function at(counter, lane) {
	return under(x_of(counter), MARKS + lane * LANE + 10);
}

/* All marks of the axis have numbers of their own, which can be read. */
function axis() {
	for (const half of [20, 3000, span / 20, span / 2]) {
		const plain = pen.fillText, marks = [];

		show(span / 2 - half, span / 2 + half);
		pen.fillText = function(text, x, y) {
			if (y === height - 7 && x > left - 6)
				marks.push({ text, x, end: x + pen.measureText(text).width });
			plain.apply(pen, arguments);
		};
		draw();
		pen.fillText = plain;
		ok(marks.length > 3 && new Set(marks.map(m => m.text)).size === marks.length &&
		   marks.every((m, k) => !k || marks[k - 1].end < m.x),
		   "marks of the axis: " + marks.map(m => m.text).join(" "));
	}
}

SCRIPT

cat > "$work/end" <<'SCRIPT'
document.body.innerHTML = "<pre id=said></pre>";
$("said").textContent = said.figures + said.join("\n") + "\nthat is all";
</script>
SCRIPT

cat > "$work/a.tests" <<'SCRIPT'
try {
	said.figures = "# page ready after " + performance.now().toFixed(0) + " ms\n";
	ok(log.n === 1000012, "all records: " + log.n);
	ok($("title").textContent === "emulator <b>&</" + "script>",
	   "what the log says is text");
	ok($("facts").textContent.includes("1,000,012"), "how many");
	ok(lanes.length === 4 && lanes.every(l => l.n > 100000), "lanes");
	time("drawing all", 20, draw);
	show(60000000 - 500, 60000000 + 500);
	draw();
	ok(log.counter[at(60000000, 0)] === 60000000, "the record under the pointer");
	ok(said_of(at(60000000, 0), 9) === "\"\\n\"", "its bytes: " +
	   said_of(at(60000000, 0), 9));
	time("drawing a part", 50, draw);
	time("zooming from all to a record", 50, n => {
		const half = 50000000 * Math.pow(.75, n);

		show(60000000 - half, 60000000 + half);
		draw();
	});
	ok(Array.from({ length: 8 }, (_, k) => said_of(log.n - 9 + k, 9)).join(", ") ===
	   "EINTR, 1 -> EAGAIN \"x\", 5 bytes, DTR RTS CTS, ENOTTY, , hung-up, stopped",
	   "names, not numbers");
	axis();
	fit();
	$("what").value = "needle";
	$("where").value = "2";
	time("searching", 1, find);
	ok(picked < 0 && $("said").textContent === "not found", "not in this lane");
	$("where").value = "0";
	find();
	ok(picked >= 0 && string_of(picked) === "nee" &&
	   log.counter[picked] === 70000000, "torn apart, and found: @" +
	   log.counter[picked]);
	ok(view.from < 70000000 && view.to > 70000000, "it is in view");
	ok($("rows").querySelector(".picked").textContent.includes("nee"),
	   "and in the table");
	$("what").value = "0x6e6565646c65";
	picked = -1;
	find();
	ok(string_of(picked) === "nee", "in hexadecimal, too");
	ok(signs.some(s => s.label === "half way") &&
	   signs.some(s => s.label === "HANGUP"), "marks and hangups");
	fit();
	const fill = pen.fillText;
	const outside = [];
	let labels = 0;
	pen.fillText = function(text, x, y) {
		labels += y === 13;
		if (y === 13 && x + pen.measureText(text).width > width)
			outside.push(text);
		fill.apply(pen, arguments);
	};
	draw();
	pen.fillText = fill;
	ok(labels > 1 && !outside.length, "labels can be read: " + outside);
	ok(about.divergence && log.counter[about.divergence.record] === 90000000,
	   "where it differs");
	$("divergence").click();
	ok(picked === about.divergence.record && view.from < 90000000 &&
	   view.to > 90000000, "and a way there");
	canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "0" }));
	ok(view.to - view.from > 100000000, "by the keyboard");
	canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -500 }));
	ok(view.to - view.from < 100000000, "by the wheel");
} catch (error) {
	ok(false, "an exception: " + error.stack);
}
SCRIPT

cat > "$work/c.tests" <<'SCRIPT'
try {
	said.figures = "";
	const drawn = [], fill = pen.fillText;

	pen.fillText = function(text, x, y) {
		drawn.push({ text, x, y });
		fill.apply(pen, arguments);
	};
	draw();
	pen.fillText = fill;
	const axis = drawn.filter(d => d.y === height - 7);
	const marks = axis.filter(d => d.text.endsWith(" s"));
	ok(axis.some(d => d.text === "time"), "the axis is that of time");
	ok(marks.map(d => parseFloat(d.text)).every((t, k) => t === k + 4),
	   "in seconds: " + marks.map(d => d.text).join(", "));
	ok(marks.every(d => Math.abs(d.x - 3 -
	   x_of(parseFloat(d.text) * 1e6 - log.time[0])) < 2), "at their places");
	ok(log.place[5] - log.place[4] === 2.2e6, "a pause is as long as it was");
	ok(Array.from(log.time).map(t => t / 1e6).join() ===
	   "3.333333,6.666666,10,10.25,10.5,12.7,12.9,13.1,13.1,13.1,13.1,13.1",
	   "times: " + Array.from(log.time).map(t => t / 1e6));
	ok($("facts").textContent.includes("time9.767 s"), "how long it took");
	ok($("heads").textContent === "recordcountertimelinetype" &&
	   $("rows").rows[5].cells[2].textContent === "+12.700000 s" &&
	   $("rows").rows[5].cells[4].textContent === "READ", "a column");
	ok(under(x_of(log.place[5]), MARKS + 4 * LANE + 10) === 5,
	   "the record under the pointer");
	tell(x_of(log.place[5]), MARKS + 4 * LANE + 10);
	ok($("tip").textContent.includes("+12.700000 s"), "its time");
	const labels = ["pts0 (0) in", "pts0 (0) out", "pts0 (1) in", "pts0 (1) out",
		"ttyS0 in", "ttyS0 out"];
	ok(Array.from($("where").options).map(o => o.textContent).join() ===
	   labels.join() && labels.every(l => drawn.some(d => d.text === l)),
	   "lines of one name have their numbers");
	$("divergence").click();
	ok(picked === 6 && view.from < log.place[6] && view.to > log.place[6],
	   "where it differs");
} catch (error) {
	ok(false, "an exception: " + error.stack);
}
SCRIPT

cat > "$work/far.tests" <<'SCRIPT'
try {
	said.figures = "";
	axis();
} catch (error) {
	ok(false, "an exception: " + error.stack);
}
SCRIPT

# A log that begins far from 0.
awk 'BEGIN {
	print "command \"far\""
	print "@9000000000000000000 0 STREAM \"ttyS0\""
	for (n = 1; n < 1000; n++)
		printf "@90000000000%08d 0 READ \"x\"\n", n * 90000
	print "@9000000000090000000 0 STREAM_END reason=stopped"
	print "@9000000000090000000 0 END"
}' | "$crrctl" log import - "$work/far.crr"
"$crrctl" log report "$work/far.crr" "$work/far.html"

# visit NAME: use a page, and say what its tests have found.
visit() {
	{
		sed '/^<\/body>/,$d' "$work/$1.html"
		cat "$work/begin" "$work/$1.tests" "$work/end"
		echo '</body></html>'
	} > "$work/test.html"
	browse --dump-dom "file://$work/test.html" > "$work/dom"
	sed -n 's/.*<pre id="said">//; /^# \|^ok\|^not ok\|^that is all/p' \
		"$work/dom" |
		sed 's/<\/pre>.*//; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g' \
		> "$work/said"
	if ! grep -q '^that is all' "$work/said"; then
		echo 'not ok - the page said nothing'
		tail -n 20 "$work/browser.log" | sed 's/^/# /'
	fi
	grep -v '^that is all' "$work/said" || :
	[ -z "$pictures" ] || picture "$1"
}

picture() {
	mkdir -p "$pictures"
	browse --screenshot="$pictures/$1.png" "file://$work/$1.html"
	browse --force-dark-mode --blink-settings=preferredColorScheme=0 \
		--screenshot="$pictures/$1-dark.png" "file://$work/$1.html"
}

{
	visit a
	visit c
	visit far
} | awk '
	sub(/^ok/, "") { print "ok " ++n $0; next }
	sub(/^not ok/, "") { print "not ok " ++n $0; failed = 1; next }
	{ print }
	END {
		print "1.." n
		exit failed
	}'
