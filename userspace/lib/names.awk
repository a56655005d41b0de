# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The constants and structs of the headers crr.h, linux/crr.h and crr/record.h, one
# in a line: CONSTANT(name) STRUCT(name) MEMBER(struct, name). No strings, and not
# CRR_INLINE, which is "static inline". A member of a member is MEMBER.MEMBER.

/^#define CRR_[A-Z0-9_]+[ \t]+[^s \t"]/ || /^#define N_CRR[ \t]/ {
	print "CONSTANT(" $2 ")"
}

# Of an enum.
/^\tCRR_[A-Z0-9_]+([ \t]*=|,)/ {
	name = $1
	sub(/,.*/, "", name)
	print "CONSTANT(" name ")"
}

# The members of crr_clock are those of inline functions only.
/^struct crr_[a-z_]+ \{/ && $2 != "crr_clock" {
	structure = $2
	depth = members[0] = 0
	print "STRUCT(" structure ")"
	next
}

structure && /^\t+(struct|union) \{/ {
	members[++depth] = 0
	next
}

# With a name, or without one: then they are members of what is around it.
structure && depth && /^\t+\}/ {
	prefix = $2
	sub(/;.*/, "", prefix)
	n = members[depth--]
	if (prefix != "") {
		member[depth, members[depth]++] = prefix
		prefix = prefix "."
	}
	for (i = 0; i < n; i++)
		member[depth, members[depth]++] = prefix member[depth + 1, i]
	next
}

structure && /^}/ {
	for (i = 0; i < members[0]; i++)
		print "MEMBER(" structure ", " member[0, i] ")"
	structure = ""
}

# A type, a name, and perhaps the length of an array.
structure && /^\t+[a-z_][^(]*;/ {
	name = $0
	sub(/[[;].*/, "", name)
	sub(/.*[ \t*]/, "", name)
	if (name !~ /^__/)
		member[depth, members[depth]++] = name
}
