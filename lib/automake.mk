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

noinst_LIBRARIES += lib/libvring.a

# Made by configure.
nodist_lib_libvring_a_SOURCES = lib/vring-version.h

lib_libvring_a_SOURCES = \
	lib/dpdk-eal-args.c \
	lib/dpdk-eal-args.h \
	lib/dpdk-log.c \
	lib/dpdk-log.h \
	lib/dpdk-mempool.h \
	lib/dpdk.c \
	lib/guest-memory.h \
	lib/netdev-dpdk-common.h \
	lib/netdev-dpdk-flow.c \
	lib/netdev-dpdk.c \
	lib/vhost-user.h \
	lib/virtqueue.h
