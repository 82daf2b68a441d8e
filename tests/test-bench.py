#!/usr/bin/env python3
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

"""Tests of the benchmark's pure parts.  Runs no switch."""

import json
import os
import re
import sys
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                os.pardir, 'utilities', 'bench'))

import chart                                            # noqa: E402
import goals                                            # noqa: E402
import machine                                          # noqa: E402
import matrix                                           # noqa: E402
import parse                                            # noqa: E402
import report                                           # noqa: E402
import runner                                           # noqa: E402
import stats                                            # noqa: E402

PMD_STATS = """\
pmd thread numa_id 0 core_id 1:
  packets received: %(packets)d
  packet recirculations: 0
  avg. datapath passes per packet: 1.00
  phwol hits: 0
  mfex opt hits: 0
  simple match hits: 0
  emc hits: %(emc)d
  smc hits: 0
  megaflow hits: 31
  avg. subtable lookups per megaflow hit: 1.50
  miss with success upcall: 1
  miss with failed upcall: 0
  avg. packets per output batch: 32.00
  idle cycles: %(idle)d (2.36%%)
  processing cycles: %(busy)d (97.64%%)
  avg cycles per packet: 246.87 (1495395148/6057472)
  avg processing cycles per packet: 241.04 (1460122692/6057472)
main thread:
  packets received: 7
  packet recirculations: 0
  emc hits: 9
"""

PMD_PERF = """\

Time: 17:46:39.989
Measurement duration: 0.572 s

pmd thread numa_id 0 core_id 1:

  Iterations:               %(iterations)d  (1.67 us/it)
  - Used TSC cycles:    %(cycles)d  ( 99.9 %% of total cycles)
  - idle iterations:        %(idle)d  (  2.3 %% of used cycles)
  - busy iterations:        188033  ( 97.7 %% of used cycles)
  - sleep iterations:            0  (  0.0 %% of iterations)
  Sleep time (us):               0  (  0 us/iteration avg.)
"""

PMD_PERF_TX = """\
  Rx packets:              6017056  (10519 Kpps, 241 cycles/pkt)
  Tx packets:              %(packets)d  (10519 Kpps)
  Tx batches:               %(batches)d  (32.00 pkts/batch)
"""

TESTPMD = """\
show fwd stats all

  ---------------------- Forward statistics for port 0  ----------------------
  RX-packets: 1              RX-dropped: 0             RX-total: 1
  TX-packets: 2              TX-dropped: 0             TX-total: 2
  ----------------------------------------------------------------------------

  +++++++++++++++ Accumulated forward statistics for all ports+++++++++++++++
  RX-packets: 6069440        RX-dropped: 3             RX-total: 6069443
  TX-packets: 6069441        TX-dropped: 4             TX-total: 6069445
  ++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++
%s"""
TESTPMD_CYCLES = """
  CPU cycles/packet=144.07 (total cycles=874447045 / total io packets=6069440)\
 at 2600 MHz Clock
testpmd> """


class Stats(unittest.TestCase):
    def test_median(self):
        self.assertEqual(stats.median([3, 1, 2]), 2)
        self.assertEqual(stats.median([4, 1, 2, 3]), 2.5)
        self.assertRaises(ValueError, stats.median, [])

    def test_quantile(self):
        self.assertEqual(stats.quantile([1, 2, 3, 4, 5], 0.25), 2)
        self.assertEqual(stats.quantile([1, 2], 0.5), 1.5)
        self.assertEqual(stats.quantile([1, 2], 1), 2)
        self.assertEqual(stats.quantile([0, 10], 0.1), 1)

    def test_geometric_mean(self):
        self.assertAlmostEqual(stats.geometric_mean([1, 4, 16]), 4)

    def test_ratios_are_above_one_when_we_are_cheaper(self):
        self.assertEqual(stats.paired_ratios([300, 400], [100, 200]), [3, 2])

    def test_rounds_without_a_value_do_not_count(self):
        self.assertEqual(stats.paired_ratios([300, None, 8], [100, 2, 0]),
                         [3])
        self.assertIsNone(stats.compare([None], [1]))

    def test_pairs_cancel_what_a_round_has_in_common(self):
        # Each round is as noisy as can be, but twice as dear for one.
        ours = [100, 250, 130, 400, 90]
        found = stats.compare([2 * cost for cost in ours], ours)
        self.assertEqual((found['ratio'], found['low'], found['high'],
                          found['pairs']), (2, 2, 2, 5))

    def test_interval(self):
        values = [float(n) for n in range(101)]
        low, high = stats.bootstrap_interval(values)
        # That of a median of 101 is about 1.96 * 50.5 / sqrt(101) each way.
        self.assertTrue(37 <= low <= 44, low)
        self.assertTrue(56 <= high <= 63, high)

    def test_interval_is_the_same_each_time(self):
        found = {stats.bootstrap_interval(values, stats.geometric_mean)
                 for values in [[1 + n ** 0.5 for n in range(20)]] * 2}
        self.assertEqual(len(found), 1)
        self.assertEqual(stats.bootstrap_interval([5]), (5, 5))


class Parse(unittest.TestCase):
    def stats(self, **numbers):
        return parse.pmd_stats(PMD_STATS % numbers)

    def test_pmd_stats(self):
        found = self.stats(packets=6057472, emc=12, idle=35272456,
                           busy=1460122692)
        self.assertEqual(found, {
            'packets': 6057472, 'recirculations': 0, 'simple_hits': 0,
            'emc_hits': 12, 'megaflow_hits': 31, 'lookups_per_hit': 1.5,
            'upcalls': 1, 'upcalls_failed': 0, 'idle_cycles': 35272456,
            'busy_cycles': 1460122692})

    def test_main_thread_is_not_taken_for_a_pmd_thread(self):
        main_first = re.sub('(?s)(pmd.*)(main.*)', r'\2\1', PMD_STATS)
        numbers = {'packets': 1, 'emc': 2, 'idle': 3, 'busy': 4}
        self.assertEqual(parse.pmd_stats(main_first % numbers),
                         self.stats(**numbers))
        self.assertRaises(parse.ParseError, parse.pmd_stats, 'main thread:\n')

    def test_window(self):
        before = (self.stats(packets=100, emc=10, idle=1000, busy=5000),
                  parse.pmd_perf(PMD_PERF % {
                      'iterations': 10, 'cycles': 6000, 'idle': 4}))
        after = (self.stats(packets=300, emc=60, idle=2000, busy=35000),
                 parse.pmd_perf((PMD_PERF + PMD_PERF_TX) % {
                     'iterations': 110, 'cycles': 37000, 'idle': 44,
                     'packets': 200, 'batches': 10}))
        found = parse.pmd_window(before, after)
        self.assertEqual(found['packets'], 200)
        self.assertEqual(found['switch_cycles'], 150)
        self.assertEqual(found['emc_share'], 0.25)
        self.assertEqual(found['batch'], 20)
        self.assertAlmostEqual(found['idle_share'], 1 / 31)
        self.assertNotIn('idle_poll_cycles', found)

    def test_idle_window(self):
        stats_ = self.stats(packets=100, emc=10, idle=1000, busy=5000)
        before, after = [
            (stats_, parse.pmd_perf(PMD_PERF % {
                'iterations': n, 'cycles': 140 * n, 'idle': n}))
            for n in (10, 60)]
        found = parse.pmd_window(before, after)
        self.assertEqual(found['idle_poll_cycles'], 140)
        self.assertNotIn('switch_cycles', found)

    def test_counter_from_below_zero(self):
        perf = parse.pmd_perf(PMD_PERF % {'iterations': 10, 'cycles': 100,
                                          'idle': 0})
        before, after = [
            (self.stats(packets=n, emc=0, idle=5, busy=busy), perf)
            for n, busy in ((100, 2 ** 64 - 7000), (200, 8000))]
        self.assertEqual(parse.pmd_window(before, after)['switch_cycles'], 150)

    def test_testpmd(self):
        # Only the last one counts.
        found = parse.testpmd_stats(TESTPMD.replace('6069', '1') % '' +
                                    TESTPMD % TESTPMD_CYCLES)
        self.assertEqual(found, {
            'rx_packets': 6069440, 'rx_dropped': 3, 'tx_packets': 6069441,
            'tx_dropped': 4, 'cycles': 874447045, 'packets': 6069440})
        none = parse.testpmd_stats(TESTPMD % '')
        self.assertEqual((none['cycles'], none['packets']), (0, 0))
        window = parse.testpmd_window(none, found)
        self.assertAlmostEqual(window['cycles_per_packet'], 144.07, 1)
        self.assertRaises(parse.ParseError, parse.testpmd_stats, 'testpmd> ')


class Matrix(unittest.TestCase):
    def test_names_are_unique(self):
        names = [case.name for case in matrix.CASES]
        self.assertEqual(sorted(set(names)), sorted(names))
        for name in names:
            self.assertRegex(name, r'^[a-z0-9-]+$')

    def test_modes(self):
        quick, default, full = [
            {case.name for case in matrix.select(mode)}
            for mode in ('quick', 'default', 'full')]
        self.assertTrue(quick < default < full)
        self.assertEqual(len(full), len(matrix.CASES))
        self.assertEqual([case.name for case in
                          matrix.select('quick', ['queues-[23]'])],
                         ['queues-2', 'queues-3'])
        self.assertEqual(matrix.select('full', ['no-such-case']), [])

    def test_goals_have_cases_that_quick_runs(self):
        quick = {case.name for case in matrix.select('quick')}
        for goal in goals.GOALS:
            if goal.case != '*':
                self.assertIn(goal.case, quick)
        self.assertIn(goals.IDLE_FEW[0], quick)
        for name, ports in goals.IDLE_FEW, goals.IDLE_MANY:
            case, = matrix.select('full', [name])
            self.assertEqual(case.idle_ports, ports)

    def test_rules_name_ports_that_exist(self):
        for case in matrix.CASES:
            ports = range(1, len(case.ports()) + 1)
            for rule in case.rules():
                self.assertRegex(rule, r'actions=.')
                for number in re.findall(r'(?:in_port=|output:)(\d+)', rule):
                    self.assertIn(int(number), ports, case.name)

    def test_guests_have_ports_of_their_own(self):
        for case in matrix.CASES:
            ports = dict(case.ports())
            self.assertEqual(len(ports), len(case.ports()))
            for guest in case.guests() + case.idle_guests():
                self.assertIn('type=' + case.port_type, ports[guest])

    def test_subtables_have_masks_of_their_own(self):
        case, = matrix.select('full', ['megaflow-20'])
        for port in '1', '2':
            masks = [re.search(r'nw_dst=[\d.]+/(\d+)', rule).group(1)
                     for rule in case.rules() if 'in_port=%s,' % port in rule]
            self.assertEqual(len(set(masks)), 20)
            self.assertEqual(len(masks), case.flows)

    def test_windows_fit_into_rings(self):
        for case in matrix.CASES:
            self.assertLessEqual(case.in_flight, case.ring_size)

    def test_load_is_told_all_of_it(self):
        case = matrix.Case('x', '', size='imix', packed=True, in_order=True,
                           mrg_rxbuf=False, csum=True, queues=3,
                           ring_size=256, flows=7, vlan=5, in_flight=9,
                           batch=4, payload='read', interrupts=True)
        self.assertEqual(case.load_arguments(), [
            '--packed', '--in-order', '--no-mrg-rxbuf', '--csum', '--server',
            '--ring-size=256', '--queues=3'])
        self.assertEqual(case.load_run(), [
            'mode=closed', 'pattern=pairs', 'in-flight=9', 'size=imix',
            'flows=7', 'batch=4', 'payload=read', 'vlan=5', 'interrupts=1',
            'csum=partial'])

    def test_jumbo_frames(self):
        case = matrix.Case('x', '', size=9000, mrg_rxbuf=False)
        self.assertIn('mtu_request=8982', case.ports()[0][1])
        self.assertIn('--buffer-size=9110', case.load_arguments())

    def test_frame(self):
        case = matrix.Case('x', '', size=100)
        frame = bytes.fromhex(case.frame())
        self.assertEqual(len(frame), 100)
        self.assertEqual(int.from_bytes(frame[16:18], 'big'), 86)
        self.assertEqual(int.from_bytes(frame[38:40], 'big'), 66)


class Rule(unittest.TestCase):
    good = {'steal': 0, 'foreign': 0, 'line_ns': 26, 'step_ns': 0.27}

    def why(self, **other):
        return machine.disturbed([self.good, {**self.good, **other}], 25)

    def test_disturbed(self):
        self.assertIsNone(self.why())
        self.assertRegex(self.why(steal=0.006), '^steal')
        self.assertRegex(self.why(foreign=0.031), '^others')
        self.assertRegex(self.why(line_ns=38), '^cache line')
        self.assertRegex(self.why(step_ns=0.28), '^clock drift')

    def test_rounds_are_spread_over_starts(self):
        for rounds in range(1, 21):
            for starts in range(1, 5):
                plan = runner.Plan(rounds, starts)
                self.assertEqual(sum(map(plan.rounds_of, range(starts))),
                                 rounds)


def result():
    """A small result: 64 twice as cheap, 1518 not, packed-64 failed."""
    trials = []
    for case, ours, reference in (('64', 100, 200), ('1518', 500, 400)):
        for n in range(4):
            for contender, cost in ('ours', ours), ('debian', reference):
                trials.append({
                    'case': case, 'contender': contender, 'start': 0,
                    'round': n, 'kept': True, 'switch_cycles': cost + n,
                    'guest_cycles': 50, 'sum_cycles': cost + n + 50,
                    'batch': 32, 'idle_share': 0.25,
                    # The last one is not to count.
                    'disturbed': 'steal 2.0 %' if n == 3 else None})
    for case, ours, reference in (('idle-1', 150, 200),
                                  ('idle-64', 150 + 63 * 10, 200 + 63 * 40)):
        trials += [{'case': case, 'contender': contender, 'start': 0,
                    'round': 0, 'kept': True, 'disturbed': None,
                    'idle_poll_cycles': cost}
                   for contender, cost in (('ours', ours),
                                           ('debian', reference))]
    trials += [{'case': 'paced-64', 'contender': contender, 'start': 0,
                'round': 0, 'kept': True, 'disturbed': None,
                'switch_cycles': 300, 'p50_ns': 2000, 'p99_ns': 5000,
                'p99.9_ns': cost}
               for contender, cost in (('ours', 10000), ('debian', 8000))]
    names = ['64', '1518', 'packed-64', 'idle-1', 'idle-64', 'paced-64']
    return {
        'date': '2026-01-02 03:04:05', 'load': 'vring',
        'reference': 'debian', 'contenders': ['ours', 'debian'],
        'cases': [{'name': name, 'varies': '<&>',
                   'mode': name.split('-')[0]
                   if name.startswith(('idle', 'paced')) else 'closed'}
                  for name in names],
        'failures': {'packed-64': {'ours': 'no packed rings\nlog'}},
        'trials': trials}


TABLE = """\
case       contender  switch  guest  sum  batch  idle  ratio       95 %\
  guest   sum
64         ours          101     50  151   32.0   25%   1.99  1.98-2.00\
   1.00  1.66
64         debian        201     50  251   32.0   25%      1           \
      -     -
1518       ours          501     50  551   32.0   25%   0.80  0.80-0.80\
   1.00  0.82
1518       debian        401     50  451   32.0   25%      1           \
      -     -
packed-64  ours       no packed rings
packed-64  debian          -      -    -      -     -      1           \
      -     -
idle-1     ours          150      -    -      -     -   1.33  1.33-1.33\
      -     -
idle-1     debian        200      -    -      -     -      1           \
      -     -
idle-64    ours          780      -    -      -     -   3.49  3.49-3.49\
      -     -
idle-64    debian       2720      -    -      -     -      1           \
      -     -
paced-64   ours          300      -    -      -     -   1.00  1.00-1.00\
      -     -
paced-64   debian        300      -    -      -     -      1           \
      -     -"""

LATENCIES = """\
latency, us  contender  p50  p99  p99.9  ratio       95 %
paced-64     ours       2.0  5.0   10.0   0.80  0.80-0.80
paced-64     debian     2.0  5.0    8.0"""


class Report(unittest.TestCase):
    def setUp(self):
        # As it comes back from a file.
        self.result = json.loads(json.dumps(result()))
        self.rows = report.summary(self.result)
        self.maxDiff = None

    def test_table(self):
        self.assertEqual('\n'.join(report.table(self.result, self.rows)),
                         TABLE)

    def test_cases_that_did_not_run_are_not_shown(self):
        self.result['cases'].append({'name': 'x', 'varies': '',
                                     'mode': 'closed'})
        rows = report.summary(self.result)
        self.assertEqual(rows, self.rows)

    def test_disturbances(self):
        self.assertRegex(report.disturbances(self.result),
                         r'^11 rounds, 2 of them disturbed until the end; '
                         r'0 more were repeated\.')

    def test_latencies(self):
        self.assertEqual('\n'.join(report.latencies(self.result, self.rows)),
                         LATENCIES)

    def test_disturbed_rounds_count_if_there_are_few_others(self):
        for trial in self.result['trials']:
            if trial['case'] == '64' and trial['round'] == 2:
                trial['disturbed'] = 'steal'
        row = report.summary(self.result)[0]
        self.assertEqual(row['contenders']['ours']['medians']
                         ['switch_cycles'], 101.5)

    def test_goals(self):
        verdicts = {(goal.case, goal.metric): (comparison, case, verdict)
                    for goal, comparison, case, verdict
                    in goals.check(self.result)}
        self.assertEqual(verdicts['64', 'switch_cycles'][2], 'not met')
        self.assertEqual(verdicts['64', 'sum_cycles'][2], 'met')
        self.assertEqual(verdicts['packed-64', 'switch_cycles'][2],
                         'not measured')
        self.assertEqual(verdicts['idle-64', 'idle_port'][0]['ratio'], 4)
        self.assertEqual(verdicts['paced-64', 'p99.9_ns'][2], 'not met')
        self.assertEqual(verdicts['*', 'switch_cycles'][1:],
                         ('1518', 'not met'))
        self.assertEqual(len(goals.table(self.result)),
                         len(goals.GOALS) + 1)

    def test_chart(self):
        svg = chart.draw(self.result, self.rows)
        root = xml.etree.ElementTree.fromstring(svg)
        name = '{http://www.w3.org/2000/svg}'
        self.assertEqual(root.tag, name + 'svg')
        bars = [bar.get('class') for bar in root.iter(name + 'rect')][1:]
        self.assertEqual(bars, ['bar', 'slow', 'bar', 'bar', 'bar'])
        width = float(root.get('width'))
        for line in root.iter(name + 'line'):
            self.assertTrue(0 <= float(line.get('x1')) <= width)
            self.assertTrue(0 <= float(line.get('x2')) <= width)
        self.assertIn('prefers-color-scheme: dark', svg)

    def test_chart_of_nothing(self):
        xml.etree.ElementTree.fromstring(chart.draw(self.result, []))


if __name__ == '__main__':
    unittest.main()
