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

"""The machine: which CPUs do what, and whether others were using them.

The switch's PMD thread has a CPU of its own; the load, and everything else of
ours, has another.  Who else ran there is what the kernel says of the time that
our two polling threads were ready to run and did not run (schedstat), and what
the hypervisor says that it took (steal).
"""

import atexit
import json
import os
import subprocess
import time

NICE = -20                      # Ours are ahead of what else there is.
TICK = os.sysconf('SC_CLK_TCK')

# A trial is thrown out if one of these is exceeded.
MAX_STEAL = 0.005               # Of the time of the CPUs that we use.
MAX_FOREIGN = 0.03              # Of the window, for either polling thread.
MAX_DRIFT = 0.02                # Of the time of an addition, in a round.
MIN_UNDISTURBED = 3
MAX_LINE = 1.5                  # Times the quickest cache line of the run.

RULE = ('A round is repeated if during one of its trials the hypervisor took '
        'more than %.1f %% of our CPUs; another program kept the switch or '
        'the load from running for more than %.0f %% of the time; a cache '
        'line took more than %.1f times as long between the CPUs as at the '
        'best of times; or the clock differed by more than %.0f %% between '
        'trials. As many rounds may be repeated as there are. What is '
        'still disturbed then counts only if there are less than %d others.'
        % (MAX_STEAL * 100, MAX_FOREIGN * 100, MAX_LINE, MAX_DRIFT * 100,
           MIN_UNDISTURBED))


class MachineError(Exception):
    """This machine cannot do it."""


class Cpus:
    """Which CPU is whose."""

    def __init__(self):
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 2:
            raise MachineError('a benchmark needs two CPUs, one for the '
                               'switch and one for the load')
        self.load = allowed[0]
        self.pmd = allowed[-1]

    def claim(self):
        """This process, and all it starts, keep off the switch's CPU."""
        os.sched_setaffinity(0, {self.load})
        try:
            os.setpriority(os.PRIO_PROCESS, 0, NICE)
        except PermissionError:
            return
        # Where sessions are scheduled as groups, ours is ahead as a whole.
        before = _session_nice()
        if before is not None:
            _session_nice(NICE)
            atexit.register(_session_nice, before)


def _session_nice(nice=None):
    """What it is, if there is such a thing; or sets it."""
    try:
        with open('/proc/self/autogroup', 'r+', encoding='ascii') as group:
            if nice is None:
                return int(group.read().split()[-1])
            group.write(str(nice))
    except (OSError, ValueError, IndexError):
        pass
    return None


def mask(cpu):
    return '0x%x' % (1 << cpu)


def steal_ticks(cpus):
    """Ticks that the hypervisor took from both CPUs."""
    names = {'cpu%d' % cpus.load, 'cpu%d' % cpus.pmd}
    with open('/proc/stat', encoding='ascii') as stat:
        lines = [line.split() for line in stat]
    return sum(int(words[8]) for words in lines if words[0] in names)


def waited_ns(pid, tid):
    """How long a thread was ready to run but did not."""
    try:
        with open('/proc/%d/task/%d/schedstat' % (pid, tid),
                  encoding='ascii') as stat:
            return int(stat.read().split()[1])
    except (OSError, IndexError):
        return 0


def thread_ids(pid, prefix=''):
    """Threads of a process whose name starts with prefix."""
    found = []
    for tid in os.listdir('/proc/%d/task' % pid):
        try:
            with open('/proc/%d/task/%s/comm' % (pid, tid),
                      encoding='utf-8') as comm:
                if comm.read().startswith(prefix):
                    found.append(int(tid))
        except OSError:
            pass
    return found


class Calibration:
    """How quick the machine is just now: see calibrate.c."""

    def __init__(self, build, cpus):
        self.argv = [os.path.join(build, 'utilities', 'bench', 'calibrate'),
                     str(cpus.load), str(cpus.pmd)]
        self.best_line = None

    def __call__(self):
        """To be called while nobody polls."""
        found = json.loads(subprocess.run(
            self.argv, check=True, stdout=subprocess.PIPE).stdout)
        if self.best_line is None or found['line_ns'] < self.best_line:
            self.best_line = found['line_ns']
        return found


class Watch:
    """Watches a window of time: who else ran on our CPUs?"""

    def __init__(self, cpus, threads):
        """threads: (pid, tid) of those that poll."""
        self.cpus = cpus
        self.threads = threads
        self.start = time.monotonic_ns()
        self.steal = steal_ticks(cpus)
        self.waited = [waited_ns(*thread) for thread in threads]

    def stop(self):
        steal = steal_ticks(self.cpus) - self.steal
        waited = [waited_ns(*thread) for thread in self.threads]
        took = time.monotonic_ns() - self.start
        foreign = [(now - before) / took
                   for now, before in zip(waited, self.waited)]
        return {'seconds': took / 1e9,
                'steal': steal / TICK / (2 * took / 1e9),
                'foreign': max(foreign, default=0.0)}


def disturbed(trials, best_line):
    """Why a round is to be repeated, or None."""
    for trial in trials:
        if trial['steal'] > MAX_STEAL:
            return 'steal %.1f %%' % (trial['steal'] * 100)
        if trial['foreign'] > MAX_FOREIGN:
            return 'others ran %.1f %%' % (trial['foreign'] * 100)
        if trial['line_ns'] > best_line * MAX_LINE:
            return 'cache line %.0f ns' % trial['line_ns']
    steps = [trial['step_ns'] for trial in trials]
    if steps and max(steps) > min(steps) * (1 + MAX_DRIFT):
        return 'clock drift %.1f %%' % ((max(steps) / min(steps) - 1) * 100)
    return None


class Hugepages:
    """Reserves 2 MB pages, as the tests' lab does, and gives them back."""

    def __init__(self, top, note):
        self.script = os.path.join(top, 'tests', 'lab', 'hugepages.sh')
        self.note = note

    def _call(self, *words):
        return subprocess.run(
            ['bash', '-c', '. "$1" && shift && "$@"', 'bash', self.script,
             *words], check=False).returncode == 0

    def take(self, pages):
        # A run that was killed could not give them back.
        self._call('hugepages_give_back', self.note)
        return self._call('hugepages_take', str(pages), self.note)

    def give_back(self):
        self._call('hugepages_give_back', self.note)
