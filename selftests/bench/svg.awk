#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0-only
#
# svg.awk core-SERIES.tsv...: what ./core found, as a picture: a table for each
# kernel, of times of N_TTY and of instructions. A cell's bar is the ratio, to
# scale; the line in it is N_TTY.

function thousands(x,   s)
{
	if (x < 1000)
		return sprintf(x < 100 && x != int(x) ? "%.1f" : "%.0f", x)
	s = sprintf("%.0f", x)
	return substr(s, 1, length(s) - 3) "," substr(s, length(s) - 2)
}

function text(x, y, class, what)
{
	printf "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y, class, what
}

function rect(x, y, w, h, class)
{
	printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"/>\n", x, y, w, h, class
}

# Bars are cut off at twice N_TTY.
function cell(x, y, ratio, count,   w)
{
	w = (ratio > 2 ? 2 : ratio) * unit
	rect(x, y + 4, w, high - 8, ratio > 1.1 ? "much" : ratio > 1.02 ? "some" : "none")
	printf "<path d=\"M%d %dv%d\" class=\"tty\"/>\n", x + unit, y + 2, high - 4
	text(x + 6, y + 16, "ratio", sprintf("%.3f", ratio))
	text(x + wide - 12, y + 16, "count", thousands(count))
}

BEGIN {
	FS = "\t"
	nmodes = split("idle capture free gated-capture gated replay", modes, " ")
	split("attached, idle|recording|not capturing|gated|gated, not capt.|replaying", titles, "|")
	label["write-1"] = "write 1 byte, null tty"
	label["write-64"] = "write 64 bytes"
	label["write-2048"] = "write 2,048 bytes"
	label["read-nothing"] = "read that finds nothing"
	label["inject-read-64"] = "inject and read 64 bytes"
	label["inject-read-2048"] = "inject and read 2,048"
	label["ping-pong-64"] = "ping-pong of 64 bytes"
	label["bulk"] = "bulk, 4 KiB"
	label["bulk-own"] = "of it, the emulator's"
	label["counter-ioctl"] = "counter by ioctl (1)"
	label["counter-store"] = "counter by store (1)"
	label["clock-poll"] = "poll through the clock (2)"
	label["checkpoint"] = "checkpoint (1)"
	label["checkpoint-byte"] = "checkpoint with a byte (2)"
	left = 185
	first = 70
	wide = 118
	unit = 48
	high = 24
	tables = 0
}

FNR == 1 {
	series[++tables] = FILENAME
	sub(/.*core-/, "", series[tables])
	sub(/\.tsv$/, "", series[tables])
	nrows[tables] = 0
}

{
	if ($2 == "host")
		next
	if (!((tables, $1) in known)) {
		known[tables, $1] = 1
		rows[tables, ++nrows[tables]] = $1
	}
	count[tables, $1, $2] = $3
	ratio[tables, $1, $2] = $4
}

END {
	width = left + first + nmodes * wide + 10
	for (t = 1; t <= tables; t++)
		height += (nrows[t] + 3) * high
	height += 34
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n", width, height, width, height
	print "<style>text{font:12px sans-serif;fill:#1a1a1a}.head{font-weight:bold}.title{font:bold 14px sans-serif}.ratio{font-weight:bold}.count{text-anchor:end;fill:#555}.end{text-anchor:end}.note{fill:#555}.paper{fill:#fff}.none{fill:#cfe8cf}.some{fill:#f6e7b4}.much{fill:#f3c9bd}.tty{stroke:#444;stroke-dasharray:2 2;fill:none}.rule{stroke:#ddd}</style>"
	rect(0, 0, width, height, "paper")
	y = 0
	for (t = 1; t <= tables; t++) {
		text(8, y + 20, "title", "Linux " series[t] ": times of N_TTY, and instructions a call")
		y += high
		text(left + first - 12, y + 18, "head end", "N_TTY")
		for (m = 1; m <= nmodes; m++)
			text(left + first + (m - 1) * wide + 6, y + 18, "head", titles[m])
		y += high
		for (r = 1; r <= nrows[t]; r++) {
			row = rows[t, r]
			printf "<path d=\"M0 %dh%d\" class=\"rule\"/>\n", y, width
			text(8, y + 16, "row", row in label ? label[row] : row)
			text(left + first - 12, y + 16, "count", thousands(count[t, row, "tty"]))
			for (m = 1; m <= nmodes; m++)
				if ((t, row, modes[m]) in ratio)
					cell(left + first + (m - 1) * wide, y, ratio[t, row, modes[m]], count[t, row, modes[m]])
			y += high
		}
		y += high
	}
	text(8, y + 8, "note", "Broken line: N_TTY; bars end at twice that.  (1) against a trivial ioctl of a tty, (2) against a read(2) that finds nothing, or that byte")
	print "</svg>"
}
