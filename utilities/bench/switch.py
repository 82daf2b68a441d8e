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

"""A switch of one's own: ovsdb-server and an ovs-vswitchd, in one directory.

The tools and the database server are those of our build for all switches.
While a switch is paused nothing in it runs, so many of them can share the
CPUs, one at a time.
"""

import json
import os
import socket
import subprocess

import machine
import parse
from children import Child, ChildError, wait_for

TIMEOUT = 30


class Unixctl:
    """ovs-appctl without a process for each command: it would disturb."""

    def __init__(self, path):
        self.path = path

    def __call__(self, method, *params):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(TIMEOUT)
            sock.connect(self.path)
            request = {'id': 0, 'method': method, 'params': list(params)}
            sock.sendall(json.dumps(request).encode())
            text = ''
            while True:
                data = sock.recv(65536)
                if not data:
                    raise ChildError('%s: no reply' % method)
                text += data.decode('utf-8', 'replace')
                try:
                    reply = json.loads(text)
                except ValueError:
                    continue
                if reply.get('error'):
                    raise ChildError('%s: %s' % (method, reply['error']))
                return reply['result']


class Tools:
    """Where Open vSwitch's tools are."""

    def __init__(self, build):
        variables = {}
        with open(os.path.join(build, 'tests', 'atlocal'),
                  encoding='utf-8') as atlocal:
            for line in atlocal:
                name, equals, value = line.strip().partition('=')
                if equals:
                    variables[name] = value.strip("'")
        self.builddir = variables['OVS_BUILDDIR']
        self.schema = os.path.join(variables['OVS_SRCDIR'], 'vswitchd',
                                   'vswitch.ovsschema')

    def path(self, name):
        subdir = 'ovsdb' if name.startswith('ovsdb') else 'utilities'
        return os.path.join(self.builddir, subdir, name)


class Switch:
    """One ovs-vswitchd and its database."""

    def __init__(self, name, program, tools, directory, cpus):
        self.name = name
        self.program = program
        self.tools = tools
        self.dir = directory
        self.cpus = cpus
        self.server = self.vswitchd = None
        self.env = dict(os.environ, OVS_RUNDIR=directory, OVS_LOGDIR=directory,
                        OVS_DBDIR=directory, OVS_SYSCONFDIR=directory,
                        OVS_CTL_TIMEOUT=str(TIMEOUT), LC_ALL='C',
                        RUNTIME_DIRECTORY=directory)
        self.appctl = Unixctl(self._file('ctl'))

    def _file(self, name):
        return os.path.join(self.dir, name)

    def run(self, tool, *words, text=None):
        """Runs one of Open vSwitch's tools."""
        done = subprocess.run([self.tools.path(tool), *words], env=self.env,
                              input=text, capture_output=True, text=True,
                              check=False)
        if done.returncode:
            raise ChildError('%s %s: %s' % (tool, ' '.join(words)[:200],
                                            done.stderr.strip()))
        return done.stdout

    def start(self, memory, other_config=()):
        """memory: arguments for EAL.  other_config: more (key, value)."""
        os.makedirs(self.dir, exist_ok=True)
        self.run('ovsdb-tool', 'create', self._file('conf.db'),
                 self.tools.schema)
        database = 'unix:' + self._file('db.sock')
        self.server = Child(
            'ovsdb-server', [self.tools.path('ovsdb-server'), '-vconsole:off',
                             '-vsyslog:off', '--remote=p' + database,
                             '--unixctl=' + self._file('db.ctl'),
                             self._file('conf.db')],
            self._file('ovsdb-server.out'), self.env)
        wait_for(lambda: os.path.exists(self._file('db.sock')), TIMEOUT,
                 'start of ovsdb-server')
        config = {
            'dpdk-init': 'true',
            'dpdk-extra': '--no-pci ' + memory,
            'dpdk-lcore-mask': machine.mask(self.cpus.load),
            'pmd-cpu-mask': machine.mask(self.cpus.pmd),
            'n-handler-threads': '1',
            'n-revalidator-threads': '1',
            # Flows must not age while another switch has the CPU.
            'max-idle': '3600000',
        }
        config.update(other_config)
        # Its socket is there before it listens.
        self.run('ovs-vsctl', '--retry', '--no-wait', 'init', '--', 'set',
                 'Open_vSwitch', '.',
                 *('other_config:%s="%s"' % item for item in config.items()))
        self.vswitchd = Child(
            self.name, [self.program, '-vconsole:off', '-vsyslog:off',
                        '--log-file=' + self._file('ovs-vswitchd.log'),
                        '--disable-system', '--unixctl=' + self._file('ctl'),
                        '--pidfile=' + self._file('ovs-vswitchd.pid'),
                        database],
            self._file('ovs-vswitchd.out'), self.env)

        def initialized():
            if not self.vswitchd.alive():
                self.fail('did not start')
            return self.run('ovs-vsctl', 'get', 'Open_vSwitch', '.',
                            'dpdk_initialized').strip() == 'true'

        wait_for(initialized, TIMEOUT, 'start of ' + self.name)

    def fail(self, what):
        log = self._file('ovs-vswitchd.log')
        if os.path.exists(log):
            self.vswitchd.log = log
        self.vswitchd.fail(what)

    def configure(self, ports, rules):
        """One bridge with these ports, numbered from 1, and rules.

        ports: (name, Interface settings).  Raises ChildError with the
        switch's own words if it refuses a port.
        """
        words = ['add-br', 'br0', '--', 'set', 'bridge', 'br0',
                 'datapath_type=netdev', 'fail-mode=secure']
        for number, (name, settings) in enumerate(ports, 1):
            words += ['--', 'add-port', 'br0', name, '--', 'set', 'Interface',
                      name, 'ofport_request=%d' % number, *settings]
            if 'type=dpdkvhostuserclient' in settings:
                words.append('options:vhost-server-path=' + self.socket(name))
        self.run('ovs-vsctl', *words)
        errors = self.run('ovs-vsctl', '--bare', '--columns=error', 'list',
                          'Interface').strip()
        if errors:
            raise ChildError(errors.replace('\n', '; '))
        # Rules with several tables need a later version than 1.0, in which
        # tags can be taken from frames that may have none.
        version = ('OpenFlow14' if any('table=' in rule for rule in rules)
                   else 'OpenFlow10')
        self.run('ovs-ofctl', '-O', version, 'replace-flows', 'br0', '-',
                 text='\n'.join(rules) + '\n')

    def socket(self, port):
        return self._file(port)

    def polling_thread(self):
        """(pid, tid) of the PMD thread."""
        tids = machine.thread_ids(self.vswitchd.pid, 'pmd-')
        return (self.vswitchd.pid, tids[0]) if tids else None

    def polled_queues(self):
        return self.appctl('dpif-netdev/pmd-rxq-show').count('queue-id')

    def read(self):
        """Counters of the PMD thread, since it exists."""
        return (parse.pmd_stats(self.appctl('dpif-netdev/pmd-stats-show')),
                parse.pmd_perf(self.appctl('dpif-netdev/pmd-perf-show')))

    def packets(self):
        return parse.pmd_stats(
            self.appctl('dpif-netdev/pmd-stats-show'))['packets']

    def pause(self):
        if self.vswitchd:
            self.vswitchd.pause()

    def resume(self):
        if self.vswitchd:
            self.vswitchd.resume()

    def stop(self):
        for child in self.vswitchd, self.server:
            if child:
                child.stop()
        self.vswitchd = self.server = None
