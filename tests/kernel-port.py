#! /usr/bin/env python3
#
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

"""The far end of a port, when that is an interface of the kernel's.

kernel-port.py send IFACE [COUNT]
    Sends the frames that it reads, one a line in hexadecimal, through
    interface IFACE, all of them COUNT times (default: 1).

kernel-port.py capture IFACE FILE
    Makes FILE, and appends to it each frame that comes in on IFACE, until it
    is killed.  What the kernel itself sends through IFACE is none of these.
"""

import errno
import os
import socket
import struct
import sys
import time

ETH_P_ALL = 3
MAX_LEN = 65536
RCVBUF = 8 << 20

# packet(7).  The kernel takes the outer VLAN tag out of a frame and says what
# it was.
SOL_PACKET = 263
PACKET_AUXDATA = 8
AUXDATA = struct.Struct('=LLLHHHH')     # struct tpacket_auxdata
TP_STATUS_VLAN_VALID = 1 << 4


def open_iface(iface, protocol):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                         socket.htons(protocol))
    sock.bind((iface, protocol))
    return sock


def send(iface, count=1):
    frames = [bytes.fromhex(line) for line in sys.stdin]
    sock = open_iface(iface, 0)
    for _ in range(int(count)):
        for frame in frames:
            while True:
                try:
                    sock.send(frame)
                    break
                except OSError as e:
                    # The interface's queue is full for now.
                    if e.errno != errno.ENOBUFS:
                        raise
                    time.sleep(0.001)


def with_tag(frame, messages):
    """Returns 'frame' with the VLAN tag that is in 'messages', if any."""
    for level, kind, data in messages:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = AUXDATA.unpack(data)
            if status & TP_STATUS_VLAN_VALID:
                return frame[:12] + struct.pack('!HH', tpid, tci) + frame[12:]
    return frame


def capture(iface, path):
    sock = open_iface(iface, ETH_P_ALL)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RCVBUF)
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    # Ready as soon as the file is there, which others may truncate.
    with open(path + '.tmp', 'a') as out:
        os.rename(path + '.tmp', path)
        while True:
            frame, messages, _, address = sock.recvmsg(
                MAX_LEN, socket.CMSG_SPACE(AUXDATA.size))
            if address[2] != socket.PACKET_OUTGOING:
                out.write(with_tag(frame, messages).hex() + '\n')
                out.flush()


if __name__ == '__main__':
    commands = {'send': send, 'capture': capture}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
