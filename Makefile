# SPDX-License-Identifier: GPL-2.0-only
#
# make            the module for this kernel, libcrr, crrctl, manual pages
# make demo       see it work, in a guest or, with HOST=1, on this machine
# make check      all tests; check-quick for daily work, check-long for more
# make check-log  the tests of logs: no kernel, no root
# make bench      what it costs: PART="core ..." SERIES="6.1 6.12"
# make soak       generated emulators: SEEDS=1-20000 KERNEL=uml, 6.1, 6.12 ...; or
#                 one without an end, at full speed: DURATION=90s, 30m, 2h
# make deb        Debian packages, in build/deb
# make install    see README.md; DESTDIR and PREFIX are honoured

VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

KDIR ?= /lib/modules/$(shell uname -r)/build
O ?= $(CURDIR)/build

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
# Before the real one's directory in root's PATH, whatever PREFIX is.
LDATTACHDIR ?= /usr/local/sbin
DKMS ?= $(shell command -v dkms)
DKMS_SRC := /usr/src/crr-$(VERSION)

INSTALL ?= install

# A target whose recipe fails is deleted, or the next make would take it for made.
.DELETE_ON_ERROR:

all: modules userspace

# ---- The module ----

modules clean-modules: .have-headers
modules:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

clean-modules:
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean

.have-headers:
	@test -e $(KDIR)/Makefile || { \
		echo "There are no kernel headers at $(KDIR)." >&2; \
		echo "Install linux-headers-$$(uname -r), or say KDIR=...;" \
			"'make userspace' needs none." >&2; \
		exit 1; }

# ---- Userspace ----

userspace:
	$(MAKE) -C userspace O=$(O)/userspace

clean:
	rm -rf $(O)
	rm -f *.ko *.o *.mod *.mod.c .*.cmd kmod/*.o kmod/.*.cmd \
		kmod/tests/*.o kmod/tests/.*.cmd Module.symvers modules.order

# ---- Tests and demo ----

check check-quick check-long:
	selftests/rig/check $(@:check-%=%)

# Logs alone: as a part of check, and by itself.
check-log:
	selftests/rig/packages check
	$(MAKE) -C userspace check-log O=$(O)/userspace

# What README.md says of logs.
log-figures: userspace
	$(MAKE) -s -C userspace log-figures O=$(O)/userspace

SEEDS ?= 1-20000
DURATION ?=

soak:
	$(if $(DURATION),selftests/rig/endurance $(or $(KERNEL),6.12) $(DURATION), \
		selftests/rig/soak $(or $(KERNEL),uml) $(SEEDS))

# All parts, unless told otherwise; bench-svg: the picture in docs/.
PART ?=
SERIES ?=

bench:
	selftests/rig/bench $(PART) $(SERIES)

bench-svg:
	selftests/bench/svg.awk build/bench/core-*.tsv > build/bench/bench.svg
	mv build/bench/bench.svg docs/bench.svg

demo:
	userspace/demo/demo $(if $(HOST),--host)

# ---- Packages ----

deb:
	userspace/debian/build $(O)/deb

# ---- Installation ----

install: install-userspace install-module

install-userspace: userspace
	$(MAKE) -C userspace install O=$(O)/userspace DESTDIR=$(DESTDIR) \
		PREFIX=$(PREFIX) BINDIR=$(BINDIR) LIBDIR=$(LIBDIR) \
		INCLUDEDIR=$(INCLUDEDIR) MANDIR=$(MANDIR) \
		LDATTACHDIR=$(LDATTACHDIR)

# Through dkms, where it is there; into a DESTDIR, as the source that dkms
# takes: what is built from it belongs to the machine that it is built on.
install-module: install-$(if $(DESTDIR),source,$(if $(DKMS),dkms,ko))

install-source:
	$(INSTALL) -d $(DESTDIR)$(DKMS_SRC)/kmod $(DESTDIR)$(DKMS_SRC)/uapi/linux
	$(INSTALL) -m 644 Kbuild Makefile dkms.conf COPYING $(DESTDIR)$(DKMS_SRC)
	$(INSTALL) -m 644 kmod/*.[ch] $(DESTDIR)$(DKMS_SRC)/kmod
	$(INSTALL) -m 644 uapi/linux/crr.h $(DESTDIR)$(DKMS_SRC)/uapi/linux

install-dkms: install-source
	$(DKMS) status -m crr -v $(VERSION) | grep -q . || \
		$(DKMS) add -m crr -v $(VERSION)
	$(DKMS) install --force -m crr -v $(VERSION)

install-ko: modules
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install

uninstall:
	$(MAKE) -C userspace uninstall O=$(O)/userspace DESTDIR=$(DESTDIR) \
		PREFIX=$(PREFIX) BINDIR=$(BINDIR) LIBDIR=$(LIBDIR) \
		INCLUDEDIR=$(INCLUDEDIR) MANDIR=$(MANDIR) \
		LDATTACHDIR=$(LDATTACHDIR)
	test -n "$(DESTDIR)" || test -z "$(DKMS)" || \
		! $(DKMS) status -m crr -v $(VERSION) | grep -q . || \
		$(DKMS) remove -m crr -v $(VERSION) --all
	rm -rf $(DESTDIR)$(DKMS_SRC)
	test -n "$(DESTDIR)" || \
		rm -f /lib/modules/$$(uname -r)/*/n_crr.ko*
	test -n "$(DESTDIR)" || depmod -a

.PHONY: all modules clean-modules .have-headers userspace clean check \
	check-quick check-long check-log log-figures soak bench bench-svg \
	demo deb install install-userspace install-module \
	install-source install-dkms install-ko uninstall
