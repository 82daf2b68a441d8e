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

"""A switch under siege: two guests that talk, and somebody who means ill.

The attacker is vring-attack, see attack.h.  It is at a port of its own, and
shares the load's CPU, as does all of the switch but its PMD thread.  So what
counts of the load is its rate while it had the CPU, and an attacker at rest
uses as much of it as it did at work, for nothing.
"""

import dataclasses
import glob
import json
import os
import subprocess
import threading
import time

import machine
import parse
from children import Child, ChildError, wait_for
from load import VringLoad
from matrix import Case
from switch import Switch

MEMORY = '--no-huge -m 512'
SLACK = 0.06                    # Seconds that the load goes on for.
SETTLE_TIMEOUT = 30
REST = 1.0                      # Seconds without a change of accounts.
PING_INTERVAL = 0.005

VICTIMS = Case('siege', 'two guests beside an attacker', in_flight=32,
               payload='read')

# Frames of the attacker: see ATTACK_ECHO_BYTE of attack.h.
ECHO = '02:00:00:00:00:ee'
PORTS = {'p1': 'dpdkvhostuser', 'p2': 'dpdkvhostuser',
         'p3': 'dpdkvhostuser', 'p4': 'dpdkvhostuserclient'}
RULES = (['in_port=%d,actions=output:%d' % pair for pair in ((1, 2), (2, 1))] +
         ['priority=40000,in_port=%d,dl_dst=%s,actions=in_port' % (n, ECHO)
          for n in (3, 4)] +
         ['in_port=%d,actions=drop' % n for n in (3, 4)])

PACKED = ('echo hoard overrun stutter bursts pieces table crumbs tiny '
          'restart remap').split()
FOUR_PAIRS = ('toggle', 'restart')
HONEST = ('flood', 'echo')


@dataclasses.dataclass(frozen=True)
class Variant:
    """An attack, and by whom."""

    attack: str
    what: str
    server: bool = False
    packed: bool = False
    pairs: int = 1

    @property
    def name(self):
        return (self.attack + ('-packed' if self.packed else '') +
                ('-%d' % self.pairs if self.pairs > 1 else ''))

    @property
    def port(self):
        return 'p4' if self.server else 'p3'

    def argv(self, program, socket):
        words = [program, '--pairs=%d' % self.pairs]
        if self.server:
            words.append('--server')
        if self.packed:
            words.append('--packed')
        return words + [self.attack, socket]


def variants(program):
    """All that vring-attack can do."""
    lines = [line.split('\t') for line in subprocess.run(
        [program, '--list'], check=True, capture_output=True,
        text=True).stdout.splitlines()]
    found = []
    for attack, side, what in lines:
        server = side == 'server'
        found.append(Variant(attack, what, server))
        if attack in PACKED:
            found.append(Variant(attack, what, server, packed=True))
    found += [Variant(attack, what, side == 'server', pairs=4)
              for attack, side, what in lines if attack in FOUR_PAIRS]
    return found


class Pinger(threading.Thread):
    """How long the main thread takes to answer, while this runs."""

    def __init__(self, appctl):
        super().__init__(daemon=True)
        self.appctl = appctl
        self.done = threading.Event()
        self.worst = 0.0
        self.answers = 0
        self.error = None

    def run(self):
        while not self.done.wait(PING_INTERVAL):
            start = time.monotonic()
            try:
                self.appctl('version')
            except (OSError, ChildError) as error:
                self.error = str(error)
                return
            self.worst = max(self.worst, time.monotonic() - start)
            self.answers += 1

    def stop(self):
        self.done.set()
        self.join()
        if self.error or not self.answers:
            raise ChildError('the main thread does not answer: %s'
                             % (self.error or 'not even once'))


def ran_ns(pid, tids):
    """How long threads have run."""
    total = 0
    for tid in tids:
        try:
            with open('/proc/%d/task/%d/schedstat' % (pid, tid),
                      encoding='ascii') as stat:
                total += int(stat.read().split()[0])
        except OSError:
            pass
    return total


class Attacker:
    """vring-attack, ready to go."""

    def __init__(self, program, variant, socket, log, nice=None):
        self.child = Child(variant.name, variant.argv(program, socket), log,
                           pipes=True)
        if nice is not None:
            os.setpriority(os.PRIO_PROCESS, self.child.pid, nice)
        self.share = 0.0        # Of the CPU, at work.
        self.rest()

    def rest(self):
        return self.ask('rest %d' % (self.share * 1000))

    def ask(self, word):
        self.child.write(word)
        return json.loads(self.child.read_until('\n', 30))

    def ran(self):
        return ran_ns(self.child.pid, [self.child.pid])

    def stop(self):
        self.child.stop()


class Siege:
    """The switch, its victims, and trials."""

    def __init__(self, build, program, tools, cpus, directory, nice=None):
        self.attack_program = os.path.join(build, 'utilities', 'bench',
                                           'vring-attack')
        self.build = build
        self.cpus = cpus
        self.nice = nice
        self.switch = Switch('siege', program, tools, directory, cpus)
        self.load = None

    def start(self):
        self.switch.start(MEMORY, [('userspace-tso-enable', 'true')])
        self.switch.configure([(name, ['type=' + kind])
                               for name, kind in PORTS.items()], RULES)
        self.load = VringLoad(
            'victims', self.switch.socket('load.log'),
            os.path.join(self.build, 'utilities', 'bench', 'vring-load'),
            VICTIMS, [self.switch.socket('p1'), self.switch.socket('p2')],
            self.cpus, False)
        wait_for(self.switch.polling_thread, SETTLE_TIMEOUT, 'a PMD thread')

    def stop(self):
        if self.load:
            self.load.stop()
        self.switch.stop()

    @property
    def pid(self):
        return self.switch.vswitchd.pid

    def attacker(self, variant):
        return Attacker(self.attack_program, variant,
                        self.switch.socket(variant.port),
                        self.switch.socket('attack.log'), self.nice)

    def log_lines(self):
        with open(self.switch.socket('ovs-vswitchd.log'),
                  encoding='utf-8', errors='replace') as log:
            return log.readlines()

    # Accounts.

    def thread_names(self):
        """Each once: a thread of the C library that writes log lines, and
        stays for as long as there are some, has the name of its maker."""
        names = set()
        for task in glob.glob('/proc/%d/task/*/comm' % self.pid):
            try:
                with open(task, encoding='utf-8') as comm:
                    names.add(comm.read())
            except OSError:
                pass
        return names

    def accounts(self):
        """What must be as it was, once an attacker is gone."""
        proc = '/proc/%d' % self.pid
        with open(proc + '/maps', encoding='utf-8') as maps:
            mappings = sum('/memfd:' in line for line in maps)
        return {'descriptors': len(os.listdir(proc + '/fd')),
                'threads': len(self.thread_names()),
                'mappings': mappings}

    def at_rest(self):
        """The accounts, once they move no more."""
        since, last = time.monotonic(), None
        while time.monotonic() - since < REST:
            now = self.accounts()
            if now != last:
                since, last = time.monotonic(), now
            time.sleep(PING_INTERVAL)
        return last

    def settled(self, before):
        """Waits for the accounts to be as before; what is not, or None."""
        try:
            wait_for(lambda: self.accounts() == before, SETTLE_TIMEOUT, '')
        except ChildError:
            return ', '.join(
                '%s: %d before, %d after' % (key, before[key], value)
                for key, value in self.accounts().items()
                if value != before[key])
        return None

    # Trials.

    def trial(self, attacker, busy, seconds, warmup=0.1):
        """One trial, with the attacker at work or at rest."""
        switch, load = self.switch, self.load
        pinger = Pinger(switch.appctl)
        if busy:
            attacker.ask('go')
        load.begin(VICTIMS, warmup, seconds + SLACK)
        time.sleep(warmup)
        pmd = switch.polling_thread()
        watch = machine.Watch(self.cpus, [pmd])
        threads = {'vhost': machine.thread_ids(self.pid, 'ovs_vhost'),
                   'main': [self.pid]}
        ran = {name: ran_ns(self.pid, tids)
               for name, tids in threads.items()}
        attacker_ran = attacker.ran()
        load_ran = ran_ns(load.child.pid, [load.child.pid])
        before = switch.read()
        pinger.start()
        time.sleep(seconds)
        after = switch.read()
        window = parse.pmd_window(before, after)
        found = watch.stop()
        took = found['seconds']
        found['attacker_cpu'] = (attacker.ran() - attacker_ran) / took / 1e9
        found['load_cpu'] = (ran_ns(load.child.pid, [load.child.pid]) -
                             load_ran) / took / 1e9
        if busy:
            attacker.share = found['attacker_cpu']
        for name, tids in threads.items():
            found[name + '_cpu'] = (ran_ns(self.pid, tids) -
                                    ran[name]) / took / 1e9
        guest = load.finish()
        pinger.stop()
        n_turns = sum(sign * (after[1][key] - before[1][key])
                      for key, sign in (('iterations', 1),
                                        ('idle_iterations', -1)))
        answer = attacker.rest()
        victims = guest['pps'] * took
        found.update(
            guest=guest, pps=guest['pps'],
            # What the victims got, while they had the CPU.
            rate=guest['pps'] / max(0.01, found['load_cpu']),
            # What the PMD thread had to do for each of their frames, with
            # all that it did for the attacker meanwhile.
            switch_cycles=(window['busy_cycles'] / victims if victims
                           else None),
            # A poll of each port with all that follows from it.
            turn_us=(window['busy_cycles'] / n_turns / guest['tsc_hz'] * 1e6
                     if n_turns > 0 else 0.0),
            attacker_pps=max(0.0, window['packets'] - victims) / took,
            answer_ms=pinger.worst * 1e3, steps=answer['steps'],
            errors=answer['errors'])
        return found


def disturbed(trials):
    """Did others use the PMD thread's CPU?"""
    return any(trial['steal'] > machine.MAX_STEAL or
               trial['foreign'] > machine.MAX_FOREIGN for trial in trials)
