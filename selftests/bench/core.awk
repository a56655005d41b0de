#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0-only
#
# core.awk -v series=SERIES -v goals=FILE -v summary=FILE [-v quick=-q] BOOT...:
# what ./bench said in each boot, as a table; whether the goals are met; and
# a line for each row and mode in summary. Fails if an enforced value is exceeded.
# With quick it prints TAP.

function median(values, n,   i, j, t)
{
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && values[j - 1] > values[j]; j--) {
			t = values[j]
			values[j] = values[j - 1]
			values[j - 1] = t
		}
	return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}

# 12345.6 as 12,346
function thousands(x,   s)
{
	if (x < 1000)
		return sprintf(x < 100 && x != int(x) ? "%.1f" : "%.0f", x)
	s = sprintf("%.0f", x)
	return substr(s, 1, length(s) - 3) "," substr(s, length(s) - 2)
}

BEGIN {
	FS = "\t"
	nmodes = split("idle capture free gated-capture gated replay", modes, " ")
}

FNR == 1 { boots++ }

{
	if (!($1 in known)) {
		known[$1] = 1
		rows[++nrows] = $1
	}
	cell = $1 SUBSEP $2
	n = ++seen[cell]
	instructions[cell, n] = $4
	if ($3 == "-") {
		ratios[cell, n] = $4
	} else {
		ratios[cell, n] = $4 / $3
		bases[$1, ++nbases[$1]] = $3
	}
}

# Sets ratio[cell], count[cell], spread[cell].
function settle(cell,   i, v, n)
{
	n = seen[cell]
	for (i = 1; i <= n; i++)
		v[i] = instructions[cell, i]
	count[cell] = median(v, n)
	for (i = 1; i <= n; i++)
		v[i] = ratios[cell, i]
	ratio[cell] = median(v, n)
	spread[cell] = (v[n] - v[1]) / ratio[cell] * 100
}

function table(   r, m, i, v, cell, worst, line)
{
	printf "Linux %s, %d boots: instructions a call, and in times of N_TTY\n\n", series, boots
	line = sprintf("%-17s%8s", "", "N_TTY")
	for (m = 1; m <= nmodes; m++)
		line = line sprintf("%16s", modes[m])
	print line "  spread"
	for (r = 1; r <= nrows; r++) {
		for (i = 1; i <= nbases[rows[r]]; i++)
			v[i] = bases[rows[r], i]
		base[rows[r]] = median(v, nbases[rows[r]])
		line = sprintf("%-17s%8s", rows[r], thousands(base[rows[r]]))
		print rows[r] "\ttty\t" base[rows[r]] "\t1\t0" > summary
		worst = 0
		for (m = 1; m <= nmodes; m++) {
			cell = rows[r] SUBSEP modes[m]
			if (!(cell in seen)) {
				line = line sprintf("%16s", "-")
				continue
			}
			line = line sprintf("%9s %6.3f", thousands(count[cell]), ratio[cell])
			if (spread[cell] > worst)
				worst = spread[cell]
			printf "%s\t%s\t%.2f\t%.5f\t%.3f\n", rows[r], modes[m], count[cell], ratio[cell], spread[cell] > summary
		}
		print line sprintf("%7.2f%%", worst)
	}
	print "\nUnder N_TTY counter-* and checkpoint are a trivial ioctl (TIOCGETD), clock-poll is a"
	print "read(2) that finds nothing, and checkpoint-byte is the read(2) of the byte. bulk-own is"
	print "the emulator\047s own processor time in bulk. preload-poll is poll(2) with timeout 0 through"
	print "crr-preload.so, for input and (both) for output, too.\n"
}

# A line of ./goals, to what is wanted: sets value, where; 0 if it was not measured.
function judge(row, wanted,   r, m, n, of, cell)
{
	n = split(wanted, of, ",")
	value = -1
	for (r = 1; r <= nrows; r++) {
		if (row != "*" && row != rows[r])
			continue
		for (m = 1; m <= n; m++) {
			cell = rows[r] SUBSEP of[m]
			if (!(cell in seen) || ratio[cell] <= value)
				continue
			value = ratio[cell]
			where = rows[r] " " of[m]
		}
	}
	return value >= 0
}

END {
	for (cell in seen)
		settle(cell)
	if (quick)
		print "TAP version 13"
	else
		table()
	FS = " "
	while ((getline < goals) > 0) {
		if (/^#/ || NF < 7)
			continue
		if (quick && $6 != "yes")
			continue
		if (!judge($2, $3)) {
			print "core.awk: nothing was measured for " $1 > "/dev/stderr"
			exit failed = 2
		}
		good = value <= $5 + 0
		enforced = NF < 8 || $8 == series
		failed += enforced && !good
		if (quick)
			printf "%s %d - %s: %s: %.3f, at most %s\n", good ? "ok" : "not ok", ++tests, $1, where, value, $5
		else
			printf "goal core-%s-%s %.3f %s %s (%s; target %s %s)\n", series, $1, value, $5, good ? "met" : enforced ? "missed" : "not enforced", where, $4, value <= $4 + 0 ? "reached" : "not reached"
	}
	if (quick)
		print "1.." tests
	exit failed > 0
}
