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

"""Who competes: switches, and librte_vhost with no switch in between.

    start(case)     with the case's ports and rules
    sockets(names)  of these ports
    open(), close() around a window: {'packets', 'switch_cycles', ...}
    packets()       so far
    pause(), resume()
    stop()
"""

import os
import shutil

import parse
from load import Unsupported
from machine import thread_ids
from switch import Switch
from testpmd import Testpmd

NAMES = ['ours', 'debian', 'upstream', 'testpmd']
DEBIAN_PROGRAM = 'usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk'


class SwitchContender:
    """An ovs-vswitchd."""

    def __init__(self, name, program, setup):
        self.name = name
        self.program = program
        self.setup = setup
        self.switch = None
        self.case = None
        self.before = None

    def start(self, case):
        setup = self.setup
        self.case = case
        self.switch = Switch(self.name, self.program, setup.tools,
                             setup.directory(self.name), setup.cpus)
        self.switch.start(setup.switch_memory, case.other_config())
        self.switch.configure(case.ports(), case.rules())

    def sockets(self, names):
        return [self.switch.socket(name) for name in names]

    def started(self):
        """Once the guests are there."""
        case = self.case
        if case.inject:
            self.switch.run('ovs-ofctl', 'packet-out', 'br0', 'controller',
                            case.inject_actions(),
                            *[case.frame()] * case.in_flight)

    def polling_threads(self):
        thread = self.switch.polling_thread()
        return [thread] if thread else []

    def packets(self):
        return self.switch.packets()

    def open(self):
        self.before = self.switch.read()

    def close(self):
        return parse.pmd_window(self.before, self.switch.read())

    def pause(self):
        self.switch.pause()

    def resume(self):
        self.switch.resume()

    def stop(self):
        if self.switch:
            self.switch.stop()
            shutil.rmtree(self.switch.dir, ignore_errors=True)
        self.switch = None


class TestpmdContender:
    """librte_vhost and nothing else: frames go to the other port."""

    def __init__(self, name, setup):
        self.name = name
        self.setup = setup
        self.testpmd = None
        self.case = None
        self.before = None

    def start(self, case):
        if case.rules_name != 'output' or case.idle_ports or \
                len(case.ports()) != 2 or len(case.guests()) != 2 or \
                case.mode == 'idle':
            raise Unsupported('testpmd moves frames between two guests, '
                              'and does nothing else')
        if case.csum or case.vlan:
            raise Unsupported('testpmd has no offloads and no VLANs here')
        if case.mtu > 1500:
            raise Unsupported('testpmd drops jumbo frames here')
        self.case = case
        setup = self.setup
        directory = setup.directory(self.name)
        os.makedirs(directory, exist_ok=True)
        vdevs = ['net_vhost%d,iface=%s,queues=%d' % (n, path, case.queues)
                 for n, path in enumerate(self.sockets(case.guests()))]
        options = ['--rxq=%d' % case.queues, '--txq=%d' % case.queues]
        self.testpmd = Testpmd(
            self.name, os.path.join(directory, 'testpmd.log'),
            setup.testpmd_memory, vdevs, setup.cpus.load, setup.cpus.pmd,
            options)

    def sockets(self, names):
        directory = self.setup.directory(self.name)
        return [os.path.join(directory, name) for name in names]

    def started(self):
        self.testpmd.start()

    def polling_threads(self):
        return [(self.testpmd.pid, tid)
                for tid in thread_ids(self.testpmd.pid)]

    def packets(self):
        return self.testpmd.read()['packets']

    def open(self):
        self.before = self.testpmd.read()

    def close(self):
        window = parse.testpmd_window(self.before, self.testpmd.read())
        if 'cycles_per_packet' in window:
            window['switch_cycles'] = window.pop('cycles_per_packet')
        return window

    def pause(self):
        self.testpmd.child.pause()

    def resume(self):
        self.testpmd.child.resume()

    def stop(self):
        if self.testpmd:
            self.testpmd.stop()
            shutil.rmtree(self.setup.directory(self.name),
                          ignore_errors=True)
        self.testpmd = None


def make(name, setup, others):
    """The contender called name; others: paths by names."""
    build = setup.build
    if name == 'testpmd':
        if not shutil.which('dpdk-testpmd'):
            raise Unsupported('dpdk-testpmd is not installed: '
                              'apt-get install dpdk-dev')
        return TestpmdContender(name, setup)
    programs = {
        'ours': os.path.join(build, 'vswitchd', 'ovs-vswitchd'),
        'debian': os.path.join(build, 'bench', 'debian', DEBIAN_PROGRAM),
        'upstream': os.path.join(build, 'vswitchd', 'ovs-vswitchd-upstream'),
    }
    programs.update(others)
    program = programs[name]
    if not os.access(program, os.X_OK):
        raise Unsupported('%s: no such program' % program)
    return SwitchContender(name, program, setup)
