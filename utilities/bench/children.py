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

"""Processes of ours: started quietly, stopped for certain.

A child that polls would take a CPU for ever if it outlived us, so the kernel
kills it when we end, however that happens.
"""

import ctypes
import os
import select
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1            # From <linux/prctl.h>.
STOP_TIMEOUT = 3
CLONE_NEWNET = 0x40000000       # From <linux/sched.h>.
LIBC = ctypes.CDLL(None)


class ChildError(Exception):
    """A program did not do what it was asked to."""


def _prepare():
    """In the child, before it becomes the program."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Each switch makes interfaces of the same names.
    LIBC.unshare(CLONE_NEWNET)


class Child:
    """A program with its output in a file, or with pipes to talk to it."""

    def __init__(self, name, argv, log, env=None, pipes=False):
        self.name = name
        self.log = log
        self._buffer = ''
        with open(log, 'ab') as out:
            out.write(('$ %s\n' % ' '.join(argv)).encode())
            out.flush()
            # A terminal's Ctrl-C is for us alone.  All stay in one session,
            # since sessions may be scheduled as groups.
            self.process = subprocess.Popen(
                argv, env=env, process_group=0,
                preexec_fn=_prepare,
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else out, stderr=out)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def fail(self, what):
        """Raises an error that has the end of the program's log."""
        with open(self.log, 'rb') as log:
            lines = log.read()[-2000:].decode('utf-8', 'replace').split('\n')
        raise ChildError('%s: %s\n%s' % (self.name, what,
                                         '\n'.join(lines[-8:])))

    def write(self, line):
        try:
            self.process.stdin.write((line + '\n').encode())
            self.process.stdin.flush()
        except OSError:
            self.fail('is gone')

    def read_until(self, end, timeout):
        """What the program says up to end, and end itself."""
        deadline = time.monotonic() + timeout
        while end not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                self.fail('says nothing for %d s, after: %s'
                          % (timeout, self._buffer[-200:]))
            if not select.select([self.process.stdout], [], [], left)[0]:
                continue
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                self.fail('ended: %s' % self._buffer[-200:])
            self._buffer += data.decode('utf-8', 'replace')
        text, self._buffer = self._buffer.split(end, 1)
        return text + end

    def pause(self):
        if self.alive():
            os.kill(self.pid, signal.SIGSTOP)

    def resume(self):
        if self.alive():
            os.kill(self.pid, signal.SIGCONT)

    def stop(self):
        """Ends the program, by force if need be."""
        pipes = self.process.stdin, self.process.stdout
        if self.alive():
            self.resume()
            # Some end when there is nothing more to read.
            self._close(pipes[0])
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in pipes:
            self._close(pipe)

    @staticmethod
    def _close(pipe):
        try:
            if pipe:
                pipe.close()
        except OSError:
            pass


def wait_for(condition, timeout, what):
    """Waits until condition() gives something true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise ChildError('%s did not happen in %d s' % (what, timeout))
        time.sleep(0.01)
