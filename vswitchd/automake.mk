# Copyright (c) 2026 The ovs-vring authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at:
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

sbin_PROGRAMS += vswitchd/ovs-vswitchd

# All of its objects are in libraries or come from Open vSwitch.
vswitchd_ovs_vswitchd_SOURCES =
vswitchd_ovs_vswitchd_LDADD = \
	$(OVS_BUILDDIR)/vswitchd/ovs-vswitchd.o \
	$(OVS_BUILDDIR)/vswitchd/bridge.o \
	$(OVS_BUILDDIR)/vswitchd/system-stats.o \
	$(VRING_LDADD)
vswitchd_ovs_vswitchd_LDFLAGS = \
	$(AM_LDFLAGS) -Wl,-Map=vswitchd/ovs-vswitchd.map
vswitchd_ovs_vswitchd_DEPENDENCIES = \
	lib/libvring.a $(VARIANT_ARCHIVES) \
	$(OVS_BUILDDIR)/lib/.libs/libopenvswitch.a \
	$(OVS_BUILDDIR)/ofproto/.libs/libofproto.a
CLEANFILES += vswitchd/ovs-vswitchd.map

# Is upstream's provider really out of it?
ALL_LOCAL += vswitchd/link-checked
CLEANFILES += vswitchd/link-checked
EXTRA_DIST += build-aux/check-link
vswitchd/link-checked: vswitchd/ovs-vswitchd $(srcdir)/build-aux/check-link
	$(AM_V_GEN)NM='$(NM)' READELF='$(READELF)' \
	    $(srcdir)/build-aux/check-link vswitchd/ovs-vswitchd \
	    vswitchd/ovs-vswitchd.map lib/libvring.a '$(OVS_BUILDDIR)' && \
	touch $@

# The same with upstream's provider and librte_vhost, for the benchmark: "make
# vswitchd/ovs-vswitchd-upstream".
EXTRA_PROGRAMS = vswitchd/ovs-vswitchd-upstream
CLEANFILES += $(EXTRA_PROGRAMS)
vswitchd_ovs_vswitchd_upstream_SOURCES =
vswitchd_ovs_vswitchd_upstream_LDADD = \
	$(OVS_BUILDDIR)/vswitchd/ovs-vswitchd.o \
	$(OVS_BUILDDIR)/vswitchd/bridge.o \
	$(OVS_BUILDDIR)/vswitchd/system-stats.o \
	$(OVS_LDADD) $(DPDK_LIBS) -lrte_vhost $(OVS_LIBS)
vswitchd_ovs_vswitchd_upstream_DEPENDENCIES = \
	$(OVS_BUILDDIR)/lib/.libs/libopenvswitch.a \
	$(OVS_BUILDDIR)/ofproto/.libs/libofproto.a

# Open vSwitch's own tools are not ours to install: a distribution has them.
OVS_SBIN_TOOLS = ovsdb/ovsdb-server
OVS_BIN_TOOLS = \
	ovsdb/ovsdb-client \
	ovsdb/ovsdb-tool \
	utilities/ovs-appctl \
	utilities/ovs-dpctl \
	utilities/ovs-ofctl \
	utilities/ovs-pki \
	utilities/ovs-vsctl
if WITH_OVS_TOOLS
INSTALL_EXEC_LOCAL += install-ovs-tools
UNINSTALL_LOCAL += uninstall-ovs-tools
endif
install-ovs-tools:
	$(MKDIR_P) '$(DESTDIR)$(bindir)' '$(DESTDIR)$(sbindir)' \
	    '$(DESTDIR)$(datadir)/openvswitch'
	for tool in $(OVS_BIN_TOOLS); do \
	    $(INSTALL_PROGRAM) '$(OVS_BUILDDIR)'/$$tool \
	        '$(DESTDIR)$(bindir)' || exit 1; \
	done
	for tool in $(OVS_SBIN_TOOLS); do \
	    $(INSTALL_PROGRAM) '$(OVS_BUILDDIR)'/$$tool \
	        '$(DESTDIR)$(sbindir)' || exit 1; \
	done
	$(INSTALL_DATA) '$(OVS_SRCDIR)'/vswitchd/vswitch.ovsschema \
	    '$(DESTDIR)$(datadir)/openvswitch'
uninstall-ovs-tools:
	for tool in $(OVS_BIN_TOOLS); do \
	    rm -f '$(DESTDIR)$(bindir)'/$${tool##*/}; \
	done
	for tool in $(OVS_SBIN_TOOLS); do \
	    rm -f '$(DESTDIR)$(sbindir)'/$${tool##*/}; \
	done
	rm -f '$(DESTDIR)$(datadir)/openvswitch/vswitch.ovsschema'
