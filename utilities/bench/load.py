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

"""The other side of the ports: guests that send and receive.

Two independent ones: vring-load, our own front end, and testpmd with DPDK's
virtio driver.  Both offer:

    begin(case, seconds, rate)  starts traffic, which lasts that long or more
    open()                      starts the window that is measured
    close()                     ends it
    finish()                    stops traffic; what the guests saw in it
"""

import json
import os
import re

import machine
import parse
from children import Child, ChildError
from testpmd import Testpmd

START_TIMEOUT = 30
MAX_HUGE_GUESTS = 4
HUGE_GUEST_MB = 80              # All of them: four queue pairs, or four ports.


class Unsupported(Exception):
    """A contender or a load cannot run a case, and why."""


class Load:
    """What both have in common."""

    def polling_threads(self):
        return [(self.child.pid, tid)
                for tid in machine.thread_ids(self.child.pid)]

    def pause(self):
        self.child.pause()

    def resume(self):
        self.child.resume()

    def stop(self):
        self.child.stop()

    def open(self):
        pass

    def close(self):
        pass


FEATURES = {
    # Case attribute: the feature that it is about, and its bit.
    'packed': 'RING_PACKED',
    'in_order': 'IN_ORDER',
    'mrg_rxbuf': 'MRG_RXBUF',
    'csum': 'CSUM',
}


class VringLoad(Load):
    """utilities/bench/vring-load of the build: see its own comments."""

    def __init__(self, name, log, program, case, sockets, cpus, hugepages):
        argv = [program, *case.load_arguments(), '--cpu=%d' % cpus.load]
        # As virtual machines have; too many for all those that are idle.
        if hugepages and len(sockets) <= MAX_HUGE_GUESTS:
            argv.append('--hugepages')
        argv += sockets
        self.child = Child(name, argv, log, pipes=True)
        self.seconds = 0
        ready = self._ask('wait', START_TIMEOUT)
        if not ready.get('ready'):
            self.child.fail('is not ready: %s' % ready)
        self.features = [re.sub('^VIRTIO_(NET_)?F_', '', name.upper())
                         for name in ready.get('features', [])]
        missing = [feature for attribute, feature in FEATURES.items()
                   if getattr(case, attribute) and
                   feature not in self.features]
        if missing:
            self.stop()
            raise Unsupported('the switch does not offer %s'
                              % ', '.join(missing))

    def _answer(self, timeout):
        line = self.child.read_until('\n', timeout)
        try:
            answer = json.loads(line)
        except ValueError:
            raise ChildError('%s says: %s' % (self.child.name, line)) from None
        if 'error' in answer:
            raise ChildError('%s: %s' % (self.child.name, answer['error']))
        return answer

    def _ask(self, line, timeout):
        self.child.write(line)
        return self._answer(timeout)

    def begin(self, case, warmup, seconds, rate=None):
        self.seconds = warmup + seconds
        words = ['run', 'seconds=%g' % seconds, 'warmup=%g' % warmup,
                 *case.load_run()]
        if rate:
            words.append('rate=%d' % rate)
        self.child.write(' '.join(words))

    def finish(self):
        result = self._answer(self.seconds + 10)
        return result


class TestpmdLoad(Load):
    """Two guests that send back what they receive: a closed loop."""

    def __init__(self, name, log, memory, case, sockets, cpus):
        self._check(case)
        vdevs = ['net_virtio_user%d,path=%s,queues=%d,queue_size=%d,'
                 'mrg_rxbuf=%d,in_order=%d,packed_vq=%d'
                 % (n, path, case.queues, case.ring_size, case.mrg_rxbuf,
                    case.in_order, case.packed)
                 for n, path in enumerate(sockets)]
        options = ['--rxq=%d' % case.queues, '--txq=%d' % case.queues,
                   '--txpkts=%d' % case.size,
                   '--burst=%d' % min(32, case.in_flight)]
        if case.flows > 1:
            options.append('--txonly-multi-flow')
        self.testpmd = Testpmd(name, log, memory, vdevs, cpus.load, cpus.load,
                               options)
        self.child = self.testpmd.child
        self.before = self.window = None

    @staticmethod
    def _check(case):
        """There is much that it cannot do."""
        if case.pattern != 'pairs' or case.mode != 'closed':
            raise Unsupported('testpmd as a load runs closed loops of two '
                              'guests only')
        if not isinstance(case.size, int) or case.size > 1518:
            raise Unsupported('testpmd as a load sends frames of one size, '
                              'up to 1518 bytes')
        if case.csum or case.vlan:
            raise Unsupported('testpmd as a load has no offloads or VLANs')

    def begin(self, case, warmup, seconds, rate=None):
        self.testpmd.start(max(1, case.in_flight // 32))

    def open(self):
        self.before = self.testpmd.read()

    def close(self):
        self.window = parse.testpmd_window(self.before, self.testpmd.read())

    def finish(self):
        self.testpmd.halt()
        return {'packets': self.window['packets'],
                'guest_cycles_per_packet':
                    self.window.get('cycles_per_packet')}


def load_factory(kind, build, memory, cpus, hugepages):
    """A function (name, case, sockets) that starts a load."""
    def log_of(sockets):
        return sockets[0] + '.load.log'

    if kind == 'testpmd':
        return lambda name, case, sockets: TestpmdLoad(
            name, log_of(sockets), memory, case, sockets, cpus)
    program = os.path.join(build, 'utilities', 'bench', 'vring-load')
    return lambda name, case, sockets: VringLoad(
        name, log_of(sockets), program, case, sockets, cpus, hugepages)
