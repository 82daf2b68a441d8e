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
	lib/dpdk-mempool-config.c \
	lib/dpdk-mempool-config.h \
	lib/dpdk-mempool.c \
	lib/dpdk-mempool.h \
	lib/dpdk.c \
	lib/guest-fault.c \
	lib/guest-fault.h \
	lib/guest-memory.c \
	lib/guest-memory.h \
	lib/l4-csum.c \
	lib/l4-csum.h \
	lib/netdev-dpdk-common.c \
	lib/netdev-dpdk-common.h \
	lib/netdev-dpdk-csum.c \
	lib/netdev-dpdk-csum.h \
	lib/netdev-dpdk-eth-attach.c \
	lib/netdev-dpdk-eth-config.c \
	lib/netdev-dpdk-eth-config.h \
	lib/netdev-dpdk-eth-io.c \
	lib/netdev-dpdk-eth-link.c \
	lib/netdev-dpdk-eth-private.h \
	lib/netdev-dpdk-eth-quirks.c \
	lib/netdev-dpdk-eth-setup.c \
	lib/netdev-dpdk-eth-stats.c \
	lib/netdev-dpdk-eth.c \
	lib/netdev-dpdk-eth.h \
	lib/netdev-dpdk-flow.c \
	lib/netdev-dpdk-qos.c \
	lib/netdev-dpdk-qos.h \
	lib/netdev-dpdk-unixctl.c \
	lib/netdev-dpdk-unixctl.h \
	lib/netdev-dpdk-vhost-io.c \
	lib/netdev-dpdk-vhost-show.c \
	lib/netdev-dpdk-vhost.c \
	lib/netdev-dpdk-vhost.h \
	lib/netdev-dpdk-vlog.h \
	lib/netdev-dpdk.c \
	lib/biased-lock.c \
	lib/biased-lock.h \
	lib/peer-eventfd-ring.c \
	lib/peer-eventfd.c \
	lib/peer-eventfd.h \
	lib/peer-fd.c \
	lib/peer-fd.h \
	lib/slow-work.c \
	lib/slow-work.h \
	lib/vhost-user-device.c \
	lib/vhost-user-device.h \
	lib/vhost-user-endpoint.c \
	lib/vhost-user-endpoint.h \
	lib/vhost-user-handlers.c \
	lib/vhost-user-msg.c \
	lib/vhost-user-msg.h \
	lib/vhost-user-proto.h \
	lib/vhost-user-session.h \
	lib/vhost-user-socket.c \
	lib/vhost-user-socket.h \
	lib/vhost-user.c \
	lib/vhost-user.h \
	lib/virtio-features.c \
	lib/virtio-features.h \
	lib/virtio-net-hdr.c \
	lib/virtio-net-hdr.h \
	lib/virtqueue-chain.c \
	lib/virtqueue-chain.h \
	lib/virtqueue-dequeue.h \
	lib/virtqueue-enqueue.h \
	lib/virtqueue-gather.c \
	lib/virtqueue-packed.c \
	lib/virtqueue-packed.h \
	lib/virtqueue-private.h \
	lib/virtqueue-scatter.c \
	lib/virtqueue-split.c \
	lib/virtqueue-split.h \
	lib/virtqueue-variant.c \
	lib/virtqueue-variant.h \
	lib/virtqueue.c \
	lib/virtqueue.h

# What is compiled once for each variant (lib/virtqueue-variant.h).
VARIANT_FILES = \
	lib/virtqueue-avx2.h \
	lib/virtqueue-avx512.h \
	lib/virtqueue-packed-avx512.h \
	lib/virtqueue-packed-dequeue.c \
	lib/virtqueue-packed-enqueue.c \
	lib/virtqueue-split-dequeue.c \
	lib/virtqueue-split-enqueue.c \
	lib/virtqueue-vector.h

noinst_LIBRARIES += lib/libvring-scalar.a
lib_libvring_scalar_a_SOURCES = $(VARIANT_FILES)
lib_libvring_scalar_a_CPPFLAGS = $(AM_CPPFLAGS) -DVQ_VARIANT=scalar
VARIANT_ARCHIVES = lib/libvring-scalar.a

if AVX2
noinst_LIBRARIES += lib/libvring-avx2.a
lib_libvring_avx2_a_SOURCES = $(VARIANT_FILES)
lib_libvring_avx2_a_CPPFLAGS = $(AM_CPPFLAGS) -DVQ_VARIANT=avx2
lib_libvring_avx2_a_CFLAGS = $(AM_CFLAGS) $(AVX2_CFLAGS)
VARIANT_ARCHIVES += lib/libvring-avx2.a
endif

if AVX512
noinst_LIBRARIES += lib/libvring-avx512.a
lib_libvring_avx512_a_SOURCES = $(VARIANT_FILES)
lib_libvring_avx512_a_CPPFLAGS = $(AM_CPPFLAGS) -DVQ_VARIANT=avx512
lib_libvring_avx512_a_CFLAGS = $(AM_CFLAGS) $(AVX512_CFLAGS)
VARIANT_ARCHIVES += lib/libvring-avx512.a
endif
