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

"""What Open vSwitch and testpmd print, as numbers.  Pure."""

import re


class ParseError(Exception):
    """Output that is not what it was expected to be."""


def _number(text, pattern, default=None):
    match = re.search(pattern, text, re.MULTILINE)
    if match:
        number = match.group(1)
        return float(number) if '.' in number else int(number)
    if default is None:
        raise ParseError("no '%s' in: %s" % (pattern, text[:400]))
    return default


def pmd_section(text):
    """The part of a dpif-netdev/pmd-*-show reply on the PMD thread.

    There is only one such thread in a benchmark, but also the main thread.
    """
    parts = re.split(r'^(?=(?:pmd|main) thread)', text, flags=re.MULTILINE)
    pmds = [part for part in parts if part.startswith('pmd thread')]
    if len(pmds) != 1:
        raise ParseError('%d PMD threads in: %s' % (len(pmds), text[:400]))
    return pmds[0]


def pmd_stats(text):
    """dpif-netdev/pmd-stats-show: packets and exact cycles."""
    text = pmd_section(text)
    stats = {
        'packets': _number(text, r'^ *packets received: (\d+)'),
        'recirculations': _number(text, r'^ *packet recirculations: (\d+)'),
        'simple_hits': _number(text, r'^ *simple match hits: (\d+)'),
        'emc_hits': _number(text, r'^ *emc hits: (\d+)'),
        'megaflow_hits': _number(text, r'^ *megaflow hits: (\d+)'),
        'lookups_per_hit': _number(
            text, r'^ *avg. subtable lookups per megaflow hit: ([\d.]+)'),
        'upcalls': _number(text, r'^ *miss with success upcall: (\d+)'),
        'upcalls_failed': _number(text, r'^ *miss with failed upcall: (\d+)'),
        # Absent before the first iteration.
        'idle_cycles': _number(text, r'^ *idle cycles: (\d+)', 0),
        'busy_cycles': _number(text, r'^ *processing cycles: (\d+)', 0),
    }
    return stats


def pmd_perf(text):
    """dpif-netdev/pmd-perf-show: iterations, and what they took."""
    text = pmd_section(text)
    return {
        'iterations': _number(text, r'^ *Iterations: +(\d+)'),
        'cycles': _number(text, r'Used TSC cycles: +(\d+)'),
        'idle_iterations': _number(text, r'idle iterations: +(\d+)'),
        'tx_packets': _number(text, r'^ *Tx packets: +(\d+)', 0),
        'tx_batches': _number(text, r'^ *Tx batches: +(\d+)', 0),
    }


def pmd_window(before, after):
    """What happened between two readings of both replies.

    Each of them is (pmd_stats(), pmd_perf()).  Counters are never cleared, as
    a PMD thread does that when it likes.  Open vSwitch's may begin just below
    zero, that is 2 ** 64.
    """
    stats, perf = [{key: (new[key] - old[key]) % 2 ** 64 for key in new
                    if isinstance(new[key], int)}
                   for old, new in zip(before, after)]
    packets = stats['packets']
    cycles = stats['busy_cycles'] + stats['idle_cycles']
    window = {'packets': packets, 'busy_cycles': stats['busy_cycles'],
              'idle_cycles': stats['idle_cycles'],
              'upcalls': stats['upcalls'] + stats['upcalls_failed']}
    if cycles:
        window['idle_share'] = stats['idle_cycles'] / cycles
    if packets:
        window['switch_cycles'] = stats['busy_cycles'] / packets
        for key in 'simple_hits', 'emc_hits', 'megaflow_hits':
            window[key.replace('hits', 'share')] = stats[key] / packets
    if stats['megaflow_hits']:
        window['lookups_per_hit'] = after[0]['lookups_per_hit']
    if perf['tx_batches']:
        window['batch'] = perf['tx_packets'] / perf['tx_batches']
    if perf['iterations'] and not packets:
        window['idle_poll_cycles'] = perf['cycles'] / perf['iterations']
    return window


def testpmd_stats(text):
    """The last "show fwd stats all" of testpmd with --record-core-cycles.

    Cycles are those of iterations that received something.
    """
    start = text.rfind('Accumulated forward statistics for all ports')
    if start < 0:
        raise ParseError('no forward statistics in: %s' % text[-400:])
    text = text[start:]
    cycles = re.search(r'CPU cycles/packet=([\d.]+) '
                       r'\(total cycles=(\d+) / total [\w ]+ packets=(\d+)\)',
                       text)
    return {
        'rx_packets': _number(text, r'RX-packets: (\d+)'),
        'rx_dropped': _number(text, r'RX-dropped: (\d+)'),
        'tx_packets': _number(text, r'TX-packets: (\d+)'),
        'tx_dropped': _number(text, r'TX-dropped: (\d+)'),
        'cycles': float(cycles.group(2)) if cycles else 0.0,
        'packets': float(cycles.group(3)) if cycles else 0.0,
    }


def testpmd_window(before, after):
    """What happened between two testpmd_stats()."""
    packets = after['packets'] - before['packets']
    cycles = after['cycles'] - before['cycles']
    window = {'packets': packets, 'busy_cycles': cycles}
    if packets:
        window['cycles_per_packet'] = cycles / packets
    return window
