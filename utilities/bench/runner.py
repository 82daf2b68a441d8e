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

"""Runs cases: contenders in turn, round after round.

All contenders of a case are started, and paused.  In a round each of them in
turn is resumed, measured, and paused again, so that only one polls at a time,
and what disturbs the machine for longer than a second disturbs all of them.
Where memory happens to lie differs from start to start: so a case has more
than one start.
"""

import dataclasses
import os
import shutil
import time

import machine
from children import ChildError, wait_for
from load import Unsupported
from parse import ParseError

FAILURES = (Unsupported, ChildError, ParseError)
CONNECT_TIMEOUT = 15
TRAFFIC_TIMEOUT = 5
MAX_LOST = 0.1                  # Of frames, or it does not work.
WARMUPS = 3                     # Trials that a contender has to get going.
SLACK = 0.06                    # Seconds that a load goes on for.


@dataclasses.dataclass
class Setup:
    """What contenders need to know."""

    build: str
    tools: object
    cpus: object
    root: str                   # Directory for those of the switches.
    switch_memory: str = ''
    testpmd_memory: str = ''

    def directory(self, name):
        return os.path.join(self.root, name)


@dataclasses.dataclass
class Plan:
    """How often, and for how long."""

    rounds: int
    starts: int
    seconds: float = 0.4
    warmup: float = 0.15
    repeat: bool = True         # Rounds that were disturbed.

    def rounds_of(self, start):
        """How many of the rounds belong to a start."""
        return (self.rounds * (start + 1) // self.starts -
                self.rounds * start // self.starts)

    def estimate(self, cases, contenders):
        """Seconds that it will take, roughly."""
        trial = self.seconds + self.warmup + 0.25
        return len(cases) * contenders * (
            (self.rounds + self.starts) * trial + self.starts * 2)


class Side:
    """A contender and its load, started for a case."""

    def __init__(self, contender, case, start_load, calibrate):
        self.contender = contender
        self.load = self.idlers = None
        self.case = case
        self.calibrate = calibrate
        try:
            contender.start(case)
            contender.resume()
            if case.guests():
                self.load = start_load('load of ' + contender.name, case,
                                       contender.sockets(case.guests()))
            if case.idle_guests():
                self.idlers = start_load(
                    'idlers of ' + contender.name, case,
                    contender.sockets(case.idle_guests()))
            contender.started()
            wait_for(contender.polling_threads, CONNECT_TIMEOUT,
                     'a polling thread of ' + contender.name)
        except BaseException:
            self.save_logs()
            self.stop()
            raise
        self.pause()

    def save_logs(self):
        """Keeps what a contender wrote that failed."""
        setup = self.contender.setup
        source = setup.directory(self.contender.name)
        target = os.path.join(setup.build, 'bench', 'logs', '%s-%s' % (
            self.case.name, self.contender.name))
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        for name in os.listdir(source) if os.path.isdir(source) else ():
            if name.endswith(('.log', '.out')):
                shutil.copy(os.path.join(source, name), target)

    def pause(self):
        self.contender.pause()
        if self.load:
            self.load.pause()

    def resume(self):
        if self.load:
            self.load.resume()
        self.contender.resume()

    def stop(self):
        for load in self.load, self.idlers:
            if load:
                load.stop()
        self.contender.stop()

    def trial(self, case, plan, rate=None):
        """One trial: a dictionary of what was found."""
        contender, load = self.contender, self.load
        before = self.calibrate()
        self.resume()
        try:
            busy = load is not None and case.mode != 'idle'
            if busy:
                packets = contender.packets()
                load.begin(case, plan.warmup, plan.seconds + SLACK, rate)
                wait_for(lambda: contender.packets() > packets,
                         TRAFFIC_TIMEOUT, 'the arrival of frames')
            time.sleep(plan.warmup)
            threads = contender.polling_threads()
            if busy:
                threads = threads + load.polling_threads()
            contender.open()
            if busy:
                load.open()
            watch = machine.Watch(contender.setup.cpus, threads)
            time.sleep(plan.seconds)
            seen = watch.stop()
            found = contender.close()
            if busy:
                load.close()
                guest = load.finish()
                found['guest'] = guest
                found['guest_cycles'] = guest.get('guest_cycles_per_packet')
                found['pps'] = guest.get('pps')
                for key, value in guest.get('latency_ns', {}).items():
                    found[key + '_ns'] = value
        finally:
            self.pause()
        after = self.calibrate()
        found.update(seen, step_ns=before['step_ns'],
                     line_ns=max(before['line_ns'], after['line_ns']))
        if case.pattern == 'source' and found.get('busy_cycles'):
            # What a full ring made the switch drop was no delivery.
            found['switch_cycles'] = (found['busy_cycles'] /
                                      (found['pps'] * found['seconds']))
        if found.get('switch_cycles') and found.get('guest_cycles'):
            found['sum_cycles'] = (found['switch_cycles'] +
                                   found['guest_cycles'])
        self._check(case, found)
        return found


    @staticmethod
    def _check(case, found):
        """A figure is only one if frames arrived."""
        if case.mode == 'idle':
            return
        if not found['packets']:
            raise ChildError('frames stopped arriving')
        lost = found.get('guest', {}).get('lost', 0)
        sent = found.get('guest', {}).get('sent', 0)
        if case.pattern != 'sink' and lost > sent * MAX_LOST:
            raise ChildError('%d of %d frames were lost' % (lost, sent))


class Runner:
    """Runs a list of cases and collects the trials."""

    def __init__(self, contenders, start_load, calibrate, plan,
                 progress):
        self.contenders = contenders
        self.start_load = start_load
        self.calibrate = calibrate
        self.plan = plan
        self.progress = progress
        self.trials = []
        self.failures = {}      # (case, contender): why
        self.rates = {}         # case: packets per second, when paced

    def run(self, cases):
        for number, case in enumerate(cases):
            self.progress.case(number, case)
            for start in range(self.plan.starts):
                self._start(case, start)
            self.progress.case_done(case)

    def _start(self, case, start):
        sides = []
        try:
            for contender in self.contenders:
                if (case.name, contender.name) in self.failures:
                    continue
                self.progress.say('starting ' + contender.name)
                try:
                    sides.append(Side(contender, case, self.start_load,
                                      self.calibrate))
                except FAILURES as error:
                    self._fail(case, contender, error)
            if sides:
                self._rounds(case, start, sides)
        finally:
            for side in sides:
                side.stop()

    def _fail(self, case, contender, error):
        self.failures[case.name, contender.name] = str(error)

    def _rounds(self, case, start, sides):
        rate = None
        if case.mode == 'paced':
            rate = self._rate(case, sides)
        self._warm_up(case, sides, rate)
        wanted = self.plan.rounds_of(start)
        left = wanted           # As many may be repeated.
        done = 0
        while done < wanted and sides:
            trials = self._round(case, sides, rate,
                                 'round %d of %d' % (done + 1, wanted))
            why = machine.disturbed(trials.values(),
                                    self.calibrate.best_line)
            repeat = why and self.plan.repeat and left > 0
            for name, trial in trials.items():
                trial.update(case=case.name, contender=name, start=start,
                             round=done, disturbed=why, kept=not repeat)
                self.trials.append(trial)
            if repeat:
                left -= 1
                self.progress.repeated(why)
            else:
                done += 1

    def _warm_up(self, case, sides, rate=None):
        """What a first trial finds cold is not to be compared."""
        for side in list(sides):
            self.progress.say('warming up ' + side.contender.name)
            for attempt in range(1, WARMUPS + 1):
                try:
                    side.trial(case, self.plan, rate)
                    break
                except FAILURES as error:
                    if attempt == WARMUPS:
                        self._drop(case, sides, side, error)

    def _drop(self, case, sides, side, error):
        self._fail(case, side.contender, error)
        side.save_logs()
        sides.remove(side)
        side.stop()

    def _round(self, case, sides, rate, what):
        trials = {}
        for side in list(sides):
            name = side.contender.name
            self.progress.say('%s, %s' % (what, name))
            try:
                trials[name] = side.trial(case, self.plan, rate)
            except FAILURES as error:
                self._drop(case, sides, side, error)
        return trials

    def _rate(self, case, sides):
        """Half of what the slowest takes: the same for all starts."""
        if case.name not in self.rates:
            closed = dataclasses.replace(case, mode='closed')
            self._warm_up(closed, sides)
            trials = self._round(closed, sides, None, 'looking for the rate')
            rates = [trial['guest']['pps'] for trial in trials.values()]
            if rates:
                self.rates[case.name] = min(rates) / 2 / case.senders
        return self.rates.get(case.name)
