# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The constants and structs of the headers crr.h and linux/crr.h, one in a line:
# CONSTANT(name) STRUCT(name) MEMBER(struct, name). No strings, and not
# CRR_INLINE, which is "static inline".

/^#define CRR_[A-Z0-9_]+[ \t]+[^s \t"]/ || /^#define N_CRR[ \t]/ {
	print "CONSTANT(" $2 ")"
}

# Of an enum.
/^\tCRR_[A-Z0-9_]+[ \t]*=/ {
	print "CONSTANT(" $1 ")"
}

/^struct crr_[a-z_]+ \{/ && (FILENAME ~ /linux/ || $2 == "crr_position") {
	structure = $2
	print "STRUCT(" structure ")"
	next
}

/^}/ {
	structure = ""
}

# A type, a name, and perhaps the length of an array.
structure && /^\t[a-z0-9_]+ [a-z_0-9]+(\[[A-Z0-9_]+\])?;/ {
	name = $2
	sub(/[[;].*/, "", name)
	if (name !~ /^__/)
		print "MEMBER(" structure ", " name ")"
}
