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

"""dpdk-testpmd, told what to do through its prompt.

It plays two parts: librte_vhost without a switch in between, as a contender,
and guests with DPDK's virtio driver, as a load.  In both it runs forwarding
only while started, so that it does not poll in between.
"""

import parse
from children import Child

PROMPT = 'testpmd> '
START_TIMEOUT = 30
TIMEOUT = 15


class Testpmd:
    """One testpmd with a main thread on one CPU, forwarding on another."""

    def __init__(self, name, log, memory, vdevs, main_cpu, cpu, options=()):
        # Unbuffered, or the prompt comes before what it follows.
        # Telemetry waits for others' sockets, and they may be paused.
        argv = ['stdbuf', '-o0', 'dpdk-testpmd', '--no-pci',
                '--no-telemetry', *memory.split(),
                '--lcores', '0@%d,1@%d' % (main_cpu, cpu)]
        for vdev in vdevs:
            argv += ['--vdev', vdev]
        argv += ['--', '-i', '--record-core-cycles', '--forward-mode=io',
                 '--no-mlockall', '--total-num-mbufs=16384', *options]
        self.child = Child(name, argv, log, pipes=True)
        self.child.read_until(PROMPT, START_TIMEOUT)

    @property
    def pid(self):
        return self.child.pid

    def command(self, line):
        self.child.write(line)
        return self.child.read_until(PROMPT, TIMEOUT)

    def start(self, bursts=0):
        """Starts forwarding, after sending that many bursts a port."""
        self.command('start tx_first %d' % bursts if bursts else 'start')

    def halt(self):
        self.command('stop')

    def read(self):
        return parse.testpmd_stats(self.command('show fwd stats all'))

    def stop(self):
        self.child.stop()
