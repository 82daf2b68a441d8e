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

"""The cases: a base case, what is varied around it, and headlines.

One factor at a time, not the product of all.  Everything here is pure: a case
turns into ports and rules for a switch, and into words for a load.
"""

import dataclasses
import fnmatch

PORT_TYPE = 'dpdkvhostuser'
CLIENT_TYPE = 'dpdkvhostuserclient'
IMIX_MTU = 1500
FRAME_OVERHEAD = 18             # What Open vSwitch adds to an MTU.
N_STAR = 4
UDP = 'udp'
FIRST_SOURCE_PORT = 0x4000      # Of vring-load's flows: see load-frame.h.


@dataclasses.dataclass(frozen=True)
class Case:
    """One case.  The defaults are the base case."""

    name: str
    varies: str                 # In words, for people.
    size: object = 64           # Bytes without FCS, or 'imix'.
    packed: bool = False
    in_order: bool = False
    mrg_rxbuf: bool = True
    csum: bool = False          # Guest leaves checksums to the device.
    queues: int = 1
    ring_size: int = 1024
    topology: str = 'pair'      # See TOPOLOGIES.
    rules_name: str = 'output'  # See rules().
    flows: int = 1
    vlan: int = 0
    in_flight: int = 512
    batch: int = 32
    mode: str = 'closed'        # Or 'paced', or 'idle': no traffic at all.
    payload: str = 'dirty'      # What guests do to it: hot, dirty, read.
    interrupts: bool = False
    idle_ports: int = 0
    headline: bool = False      # Part of --quick.
    full: bool = False          # Part of --full only.

    # What the topology says.

    @property
    def pattern(self):
        return TOPOLOGIES[self.topology].pattern

    @property
    def inject(self):
        """Does traffic start with frames from the controller?"""
        return self.topology == 'vdev-ring'

    @property
    def port_type(self):
        """Debian's dpdkvhostuser ports drop frames without a checksum."""
        return CLIENT_TYPE if self.csum else PORT_TYPE

    @property
    def senders(self):
        """How many guests send."""
        return 2 if self.topology == 'pair' else 1

    @property
    def mtu(self):
        if self.size == 'imix':
            return IMIX_MTU
        return max(IMIX_MTU, self.size - FRAME_OVERHEAD)

    def guests(self):
        """Names of ports whose guests send or receive."""
        n = TOPOLOGIES[self.topology].guests
        return ['p%d' % i for i in range(1, n + 1)]

    def idle_guests(self):
        """Names of ports whose guests are there and do nothing."""
        return ['idle%d' % i for i in range(1, self.idle_ports + 1)]

    def ports(self):
        """(name, Interface settings) in the order of their numbers."""
        topology = TOPOLOGIES[self.topology]
        mtu = ['mtu_request=%d' % self.mtu] if self.mtu > IMIX_MTU else []
        ports = [(name, ['type=' + self.port_type, *mtu])
                 for name in self.guests()]
        # What the main thread sends to a net_ring comes back on a queue of
        # its own.
        queues = ['options:n_rxq=2'] if self.inject else []
        ports += [('v%d' % i, ['type=dpdk', 'options:dpdk-devargs=' + devargs,
                               *queues, *mtu])
                  for i, devargs in enumerate(topology.vdevs, 1)]
        ports += [(name, ['type=' + self.port_type, *mtu])
                  for name in self.idle_guests()]
        return ports

    def other_config(self):
        config = {}
        if self.csum:
            config['userspace-tso-enable'] = 'true'
        if self.rules_name.startswith('megaflow'):
            config['emc-insert-inv-prob'] = '0'
        return config

    def rules(self):
        return rules(self)

    def load_arguments(self):
        """Of vring-load, but for its CPU and its sockets."""
        words = []
        if self.packed:
            words.append('--packed')
        if self.in_order:
            words.append('--in-order')
        if not self.mrg_rxbuf:
            words.append('--no-mrg-rxbuf')
        if self.csum:
            words += ['--csum', '--server']
        words.append('--ring-size=%d' % self.ring_size)
        words.append('--queues=%d' % self.queues)
        if not self.mrg_rxbuf and self.mtu > IMIX_MTU:
            # Without merging, one buffer holds all of a frame.
            words.append('--buffer-size=%d' % (self.mtu + 128))
        return words

    def load_run(self):
        """Of vring-load's "run", but for times and rates."""
        words = ['mode=' + self.mode, 'pattern=' + self.pattern,
                 'in-flight=%d' % self.in_flight, 'size=%s' % self.size,
                 'flows=%d' % self.flows, 'batch=%d' % self.batch,
                 'payload=' + self.payload]
        if self.vlan:
            words.append('vlan=%d' % self.vlan)
        if self.interrupts:
            words.append('interrupts=1')
        if self.csum:
            words.append('csum=partial')
        return words

    def frame(self):
        """A frame for packet-out, in hexadecimal."""
        size = self.size
        ip_length = size - 14
        header = bytes.fromhex('020000000002' '020000000001' '0800')
        header += bytes([0x45, 0]) + ip_length.to_bytes(2, 'big')
        header += bytes.fromhex('00000000' '4011' '0000'
                                '0a000001' '0a000002')
        header += bytes.fromhex('03e803e8')
        header += (ip_length - 20).to_bytes(2, 'big') + b'\0\0'
        return (header + bytes(size - len(header))).hex()

    @staticmethod
    def inject_actions():
        return 'output:1'


@dataclasses.dataclass(frozen=True)
class Topology:
    """Guests that send, virtual devices of DPDK, and who sends to whom."""

    guests: int
    vdevs: tuple
    pattern: str


TOPOLOGIES = {
    'none': Topology(0, (), 'none'),
    'pair': Topology(2, (), 'pairs'),
    'star': Topology(N_STAR, (), 'star'),
    'flood': Topology(N_STAR, (), 'flood'),
    'guest-vdev': Topology(1, ('net_null0,no-rx=1',), 'sink'),
    'vdev-guest': Topology(1, ('net_null0',), 'source'),
    'vdev-null': Topology(0, ('net_null0', 'net_null1'), 'none'),
    'vdev-ring': Topology(0, ('net_ring0', 'net_ring1'), 'none'),
}


def _both_ways(match, forth, back=None):
    """Rules between ports 1 and 2."""
    return ['in_port=1,%sactions=%s' % (match, forth % 2),
            'in_port=2,%sactions=%s' % (match, (back or forth) % 1)]


def _star_rules():
    """Each guest's address leads to it, as a learning switch would say."""
    return ['dl_dst=02:00:00:00:00:%02x,actions=output:%d' % (i, i)
            for i in range(1, N_STAR + 1)]


def _flood_rules():
    return ['in_port=%d,actions=%s'
            % (i, ','.join('output:%d' % j for j in range(1, N_STAR + 1)
                           if j != i))
            for i in range(1, N_STAR + 1)]


def _megaflow_rules(subtables):
    """As many masks as told, each as probable as the others.

    Flow N of vring-load uses rule N.  What a packet was compared with along
    the way, from the highest priority on, is part of its megaflow's mask: a
    longer prefix with each rule.
    """
    return ['priority=%d,in_port=%d,%s,tp_src=%d,nw_dst=10.%d.0.0/%d,'
            'actions=output:%d'
            % (1000 - n, port, UDP, FIRST_SOURCE_PORT + n, other, 8 + n, other)
            for n in range(subtables) for port, other in ((1, 2), (2, 1))]


def rules(case):
    """OpenFlow rules, one a line."""
    if case.topology == 'none':
        return []
    if case.topology == 'star':
        return _star_rules()
    if case.topology == 'flood':
        return _flood_rules()
    name = case.rules_name
    if name == 'output':
        return _both_ways('', 'output:%d')
    if name == 'emc':
        # More than what simple matches can tell apart.
        return _both_ways(UDP + ',', 'output:%d')
    if name == 'normal':
        return ['actions=NORMAL']
    if name == 'vlan':
        return _both_ways(
            '', 'mod_vlan_vid:100,output:%d', 'strip_vlan,output:%d')
    if name == 'conntrack':
        return (['table=0,ip,ct_state=-trk,actions=ct(table=1)'] +
                ['table=1,in_port=%d,ip,ct_state=+trk+%s,actions=%soutput:%d'
                 % (port, state, action, other)
                 for port, other in ((1, 2), (2, 1))
                 for state, action in (('new', 'ct(commit),'), ('est', ''))])
    prefix, dash, subtables = name.partition('-')
    if prefix == 'megaflow' and dash:
        return _megaflow_rules(int(subtables))
    raise ValueError('rules "%s"?' % name)


CASES = [
    # The base case, and the headlines.
    Case('64', 'base: 64 bytes, split ring, 512 in flight, simple output',
         headline=True),
    Case('64-w32', '32 in flight', in_flight=32, headline=True),
    Case('1518', '1518 bytes', size=1518, headline=True),
    Case('packed-64', 'packed ring', packed=True, headline=True),
    Case('flows-100k', '100000 flows', rules_name='emc', flows=100000,
         headline=True),
    Case('idle-1', 'nothing moves, 1 idle port', mode='idle',
         topology='none', idle_ports=1, headline=True),
    Case('idle-8', 'nothing moves, 8 idle ports', mode='idle',
         topology='none', idle_ports=8),
    Case('idle-64', 'nothing moves, 64 idle ports', mode='idle',
         topology='none', idle_ports=64, headline=True),
    Case('paced-64', '64 bytes at half of the load that the slowest takes',
         mode='paced', headline=True),
    Case('vdev-null', 'no guests: net_null to net_null',
         topology='vdev-null', headline=True),
    # Sizes.
    Case('512', '512 bytes', size=512),
    Case('9000', '9000 bytes', size=9000, in_flight=128),
    Case('imix', 'IMIX: 28 of 64, 16 of 570, 4 of 1518 bytes', size='imix'),
    Case('paced-1518', '1518 bytes at half load', size=1518, mode='paced'),
    Case('paced-imix', 'IMIX at half load', size='imix', mode='paced',
         full=True),
    # In flight.
    Case('64-w1', '1 in flight', in_flight=1),
    Case('64-w4', '4 in flight', in_flight=4),
    Case('1518-w32', '1518 bytes, 32 in flight', size=1518, in_flight=32),
    Case('64-interrupts', '4 in flight, guests want interrupts',
         in_flight=4, interrupts=True),
    # Rings.
    Case('packed-64-w32', 'packed ring, 32 in flight', packed=True,
         in_flight=32),
    Case('packed-1518', 'packed ring, 1518 bytes', packed=True, size=1518),
    Case('packed-imix', 'packed ring, IMIX', packed=True, size='imix',
         full=True),
    Case('in-order-64', 'in-order ring', in_order=True),
    Case('packed-in-order-64', 'packed in-order ring', packed=True,
         in_order=True),
    Case('no-mrg-64', 'no mergeable buffers', mrg_rxbuf=False),
    Case('no-mrg-1518', 'no mergeable buffers, 1518 bytes', mrg_rxbuf=False,
         size=1518),
    Case('csum-64', 'guest checksum offload', csum=True),
    Case('csum-1518', 'guest checksum offload, 1518 bytes', csum=True,
         size=1518),
    Case('ring-256', 'rings of 256', ring_size=256, in_flight=128),
    Case('hot-64', 'guests do not touch payloads', payload='hot'),
    Case('hot-1518', 'guests do not touch payloads, 1518 bytes',
         payload='hot', size=1518, full=True),
    # Queues.
    *[Case('queues-%d' % n, '%d queue pairs' % n, queues=n, full=n == 3)
      for n in (2, 3, 4)],
    # Flows and classification.
    Case('emc', 'exact match cache', rules_name='emc'),
    Case('flows-32', '32 flows', rules_name='emc', flows=32),
    Case('flows-1k', '1000 flows', rules_name='emc', flows=1000),
    Case('flows-1k-output', '1000 flows, simple output', flows=1000,
         full=True),
    *[Case('megaflow-%d' % n, 'megaflows in %d subtable%s, no EMC'
           % (n, 's' if n > 1 else ''), rules_name='megaflow-%d' % n, flows=n)
      for n in (1, 4, 20)],
    Case('normal', 'NORMAL: a learning switch', rules_name='normal'),
    Case('vlan', 'VLAN push, and pop on the way back', rules_name='vlan'),
    Case('conntrack', 'connection tracking', rules_name='conntrack',
         flows=32),
    # Who talks to whom.
    Case('guest-vdev', 'guest to net_null', topology='guest-vdev'),
    Case('vdev-guest', 'net_null to guest', topology='vdev-guest'),
    Case('vdev-ring', 'no guests: net_ring to net_ring',
         topology='vdev-ring'),
    Case('vdev-ring-1518', 'no guests: net_ring to net_ring, 1518 bytes',
         topology='vdev-ring', size=1518, full=True),
    Case('star', 'four guests, each to all others', topology='star'),
    Case('flood', 'one guest to three others', topology='flood'),
    *[Case('64-beside-%d' % n, 'and %d idle port%s' % (
        n, 's' if n > 1 else ''), idle_ports=n) for n in (1, 8, 64)],
]


def select(mode='default', patterns=()):
    """Cases of a mode ('quick', 'default', 'full'), or that match."""
    if patterns:
        return [case for case in CASES
                if any(fnmatch.fnmatchcase(case.name, pattern)
                       for pattern in patterns)]
    if mode == 'quick':
        return [case for case in CASES if case.headline]
    return [case for case in CASES if mode == 'full' or not case.full]
