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

"""Makes and reads Ethernet frames, for tests.

frame.py [--show] [FRAME]
    Prints a frame in hexadecimal, or with --show what it is and which of its
    checksums are wrong.  Without FRAME, does so for each line that it reads.

FRAME is a frame in hexadecimal, or

    PROTOCOL FROM TO [KEY=VALUE]...

FROM and TO are numbers of hosts: host N has the addresses 02:00:00:00:00:N
and 10.0.0.N.  PROTOCOL is one of arp-request, arp-reply, icmp-request,
icmp-reply, udp, tcp and eth, the last one being a frame of a type that nobody
knows.

    eth_src, eth_dst    MAC addresses; "broadcast" is one, too
    vlan                TCI of an 802.1Q tag, or several from the outside in,
                        with commas between
    ip_src, ip_dst      IPv4 addresses; those of ARP, too
    ttl, tos            of IPv4
    sport, dport        of UDP and TCP; sport may be a range (1..9), which
                        makes as many frames
    flags               of TCP: any of the letters FSRPA
    seq, ack            numbers of TCP
    id                  ICMP identifier
    size                length of what follows the last header, in bytes
    text                what follows the last header
    csum                of TCP and UDP; "partial" is what is left to the other
                        side to complete
    damage              index of a byte to change when all else is done

It is written from the RFCs and shares nothing with the programs under test.
"""

import re
import socket
import struct
import sys

ETH_ARP = 0x0806
ETH_IP = 0x0800
ETH_VLAN = 0x8100
ETH_TEST = 0x88b5               # IEEE 802, for local experiments.
IP_ICMP, IP_TCP, IP_UDP = 1, 6, 17
ICMP_TYPES = {'icmp-request': 8, 'icmp-reply': 0}
ARP_OPS = {'arp-request': 1, 'arp-reply': 2}
TCP_FLAGS = 'FSRPA'             # From bit 0 on.
MIN_LEN = 60                    # Without tags and CRC.


def checksum(data):
    """Returns the Internet checksum of 'data' (RFC 1071)."""
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo_header(src, dst, proto, length):
    return src + dst + struct.pack('!BBH', 0, proto, length)


def mac_to_bytes(s):
    if s == 'broadcast':
        return b'\xff' * 6
    return bytes(int(x, 16) for x in s.split(':'))


def mac_to_string(b):
    return ':'.join('%02x' % x for x in b)


def put(data, offset, value):
    """Returns 'data' with the 16 bits at 'offset' set to 'value'."""
    return data[:offset] + struct.pack('!H', value) + data[offset + 2:]


def l4_checksum(o, pseudo, l4):
    csum = o.pop('csum', None)
    if csum == 'partial':
        return ~checksum(pseudo) & 0xffff
    return checksum(pseudo + l4) if csum is None else int(csum, 0)


def make_l4(proto, o, payload, src, dst):
    """Returns (IP protocol, header and payload)."""
    sport, dport = int(o.pop('sport', 1000)), int(o.pop('dport', 2000))
    if proto == 'udp':
        l4 = struct.pack('!HHHH', sport, dport, 8 + len(payload), 0) + payload
        csum = l4_checksum(o, pseudo_header(src, dst, IP_UDP, len(l4)), l4)
        return IP_UDP, put(l4, 6, csum or 0xffff)
    if proto == 'tcp':
        flags = sum(1 << TCP_FLAGS.index(f) for f in o.pop('flags', 'S'))
        l4 = struct.pack('!HHIIBBHHH', sport, dport, int(o.pop('seq', 1)),
                         int(o.pop('ack', 0)), 5 << 4, flags, 0x2000, 0, 0)
        l4 += payload
        csum = l4_checksum(o, pseudo_header(src, dst, IP_TCP, len(l4)), l4)
        return IP_TCP, put(l4, 16, csum)
    l4 = struct.pack('!BBHHH', ICMP_TYPES[proto], 0, 0,
                     int(o.pop('id', 1)), int(o.pop('seq', 1))) + payload
    return IP_ICMP, put(l4, 2, checksum(l4))


def make(proto, host_from, host_to, o):
    """Returns the frame that the options 'o' describe, as bytes."""
    eth_src = mac_to_bytes(o.pop('eth_src', '2:0:0:0:0:%x' % host_from))
    eth_dst = mac_to_bytes(o.pop('eth_dst', 'broadcast'
                                 if proto == 'arp-request'
                                 else '2:0:0:0:0:%x' % host_to))
    ip_src = socket.inet_aton(o.pop('ip_src', '10.0.0.%d' % host_from))
    ip_dst = socket.inet_aton(o.pop('ip_dst', '10.0.0.%d' % host_to))
    tags = b''.join(struct.pack('!HH', ETH_VLAN, int(tci, 0))
                    for tci in o.pop('vlan', '').split(',') if tci)
    size = o.pop('size', None)
    payload = o.pop('text', '').encode()
    if size is not None:
        payload += bytes(i & 0xff for i in range(int(size) - len(payload)))

    if proto in ARP_OPS:
        target = bytes(6) if proto == 'arp-request' else eth_dst
        eth_type = ETH_ARP
        data = struct.pack('!HHBBH', 1, ETH_IP, 6, 4, ARP_OPS[proto])
        data += eth_src + ip_src + target + ip_dst
    elif proto == 'eth':
        eth_type, data = ETH_TEST, payload
    else:
        eth_type = ETH_IP
        ttl, tos = int(o.pop('ttl', 64)), int(o.pop('tos', 0))
        nw_proto, l4 = make_l4(proto, o, payload, ip_src, ip_dst)
        header = struct.pack('!BBHHHBBH', 0x45, tos, 20 + len(l4), 1, 0x4000,
                             ttl, nw_proto, 0) + ip_src + ip_dst
        data = put(header, 10, checksum(header)) + l4
    damage = o.pop('damage', None)
    if o:
        raise ValueError('%s has no %s' % (proto, ', '.join(o)))
    frame = eth_dst + eth_src + tags + struct.pack('!H', eth_type) + data
    if damage is not None:
        frame = bytearray(frame)
        frame[int(damage)] ^= 0xff
    return bytes(frame) + bytes(max(0, MIN_LEN + len(tags) - len(frame)))


def show_l4(proto, src, dst, l4):
    """Returns a list of words about 'l4', and whether its checksum holds."""
    pseudo = pseudo_header(src, dst, proto, len(l4))
    if proto == IP_UDP and len(l4) >= 8:
        sport, dport, _, csum = struct.unpack('!HHHH', l4[:8])
        return (['udp %d>%d' % (sport, dport), payload_words(l4[8:])],
                not csum or checksum(pseudo + l4) == 0)
    if proto == IP_TCP and len(l4) >= 20:
        sport, dport, seq, ack, ofs, flags = struct.unpack('!HHIIBB', l4[:14])
        letters = ''.join(TCP_FLAGS[i] for i in range(5) if flags >> i & 1)
        return (['tcp %d>%d %s seq %d ack %d'
                 % (sport, dport, letters, seq, ack),
                 payload_words(l4[(ofs >> 4) * 4:])],
                checksum(pseudo + l4) == 0)
    if proto == IP_ICMP and len(l4) >= 8:
        names = {v: k for k, v in ICMP_TYPES.items()}
        ident, seq = struct.unpack('!HH', l4[4:8])
        return (['%s id %d seq %d' % (names.get(l4[0], 'icmp-%d' % l4[0]),
                                      ident, seq), payload_words(l4[8:])],
                checksum(l4) == 0)
    return ['protocol %d' % proto, payload_words(l4)], True


def payload_words(data):
    if not data:
        return 'empty'
    text = data.rstrip(b'\0')
    if text and all(32 <= c < 127 for c in text):
        return '"%s"' % text.decode()
    return '%d bytes %s' % (len(data), data[:8].hex())


def show(frame):
    """Returns a line of text about 'frame'."""
    if len(frame) < 14:
        return 'runt ' + frame.hex()
    words = [mac_to_string(frame[6:12]) + '>' + mac_to_string(frame[:6])]
    eth_type, data = struct.unpack('!H', frame[12:14])[0], frame[14:]
    while eth_type == ETH_VLAN and len(data) >= 4:
        tci, eth_type = struct.unpack('!HH', data[:4])
        words.append('vlan %d pcp %d' % (tci & 0xfff, tci >> 13))
        data = data[4:]
    if eth_type == ETH_ARP and len(data) >= 28:
        op = struct.unpack('!H', data[6:8])[0]
        names = {v: k for k, v in ARP_OPS.items()}
        words.append('%s %s>%s' % (names.get(op, 'arp-%d' % op),
                                   socket.inet_ntoa(data[14:18]),
                                   socket.inet_ntoa(data[24:28])))
    elif eth_type == ETH_IP and len(data) >= 20:
        header, total = data[:20], struct.unpack('!H', data[2:4])[0]
        src, dst = header[12:16], header[16:20]
        l4_words, l4_good = show_l4(header[9], src, dst, data[20:total])
        words.append('ip %s>%s ttl %d tos %d'
                     % (socket.inet_ntoa(src), socket.inet_ntoa(dst),
                        header[8], header[1]))
        words += l4_words
        if total > len(data):
            words.append('CUT SHORT by %d bytes' % (total - len(data)))
        if checksum(header):
            words.append('BAD IP CHECKSUM')
        if not l4_good:
            words.append('BAD L4 CHECKSUM')
    else:
        words += ['type 0x%04x' % eth_type, payload_words(data)]
    return ' '.join(words)


def frames(words):
    """Yields the frames that 'words' describe, as bytes."""
    if len(words) == 1 and re.fullmatch('([0-9a-f]{2})+', words[0]):
        yield bytes.fromhex(words[0])
        return
    if len(words) < 3:
        raise ValueError('%s: not a frame' % ' '.join(words))
    options = dict(word.split('=', 1) for word in words[3:])
    sports = options.get('sport', '')
    if '..' in sports:
        first, last = sports.split('..')
        sports = range(int(first), int(last) + 1)
    else:
        sports = [sports]
    for sport in sports:
        if sport:
            options['sport'] = sport
        yield make(words[0], int(words[1]), int(words[2]), dict(options))


def main(argv):
    output = bytes.hex
    if argv[:1] == ['--show']:
        output = show
        argv = argv[1:]
    for words in [argv] if argv else map(str.split, sys.stdin):
        for frame in frames(words):
            print(output(frame))


if __name__ == '__main__':
    main(sys.argv[1:])
