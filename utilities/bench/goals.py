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

"""The goals, and whether a result meets them.  Pure."""

import dataclasses

import report
import stats


@dataclasses.dataclass(frozen=True)
class Goal:
    """A ratio reference / ours that is to be reached."""

    text: str
    case: str                   # Or '*': the smallest of all cases.
    metric: str                 # Attribute of trials; see value().
    least: float


GOALS = [
    Goal('64 bytes, 512 in flight', '64', 'switch_cycles', 2.0),
    Goal('64 bytes, 32 in flight', '64-w32', 'switch_cycles', 2.5),
    Goal('1518 bytes', '1518', 'switch_cycles', 1.5),
    Goal('packed ring, 64 bytes', 'packed-64', 'switch_cycles', 1.7),
    Goal('100000 flows', 'flows-100k', 'switch_cycles', 1.3),
    Goal('idle port', 'idle-64', 'idle_port', 3.0),
    Goal('p99.9 latency at half load', 'paced-64', 'p99.9_ns', 1.0),
    Goal('vdev to vdev', 'vdev-null', 'switch_cycles', 0.98),
    Goal('64 bytes, guest', '64', 'guest_cycles', 1.0),
    Goal('64 bytes, 32 in flight, guest', '64-w32', 'guest_cycles', 1.0),
    Goal('1518 bytes, guest', '1518', 'guest_cycles', 1.0),
    Goal('64 bytes, switch and guest', '64', 'sum_cycles', 1.3),
    Goal('the worst of all cases', '*', 'switch_cycles', 0.97),
]

# The cost of an idle port is what many of them cost more than one does.
IDLE_FEW, IDLE_MANY = ('idle-1', 1), ('idle-64', 64)


def port_costs(few, many):
    """Cycles for each port that one has more than the other."""
    ports = IDLE_MANY[1] - IDLE_FEW[1]
    return [(b - a) / ports if a and b else None for a, b in zip(few, many)]


def _idle_port(result, contender):
    """Ratio of costs of an idle port; cases are paired by rounds."""
    reference = result['reference']
    few = report.paired(result, IDLE_FEW[0], reference, contender,
                        'idle_poll_cycles')
    many = report.paired(result, IDLE_MANY[0], reference, contender,
                         'idle_poll_cycles')
    return stats.compare(port_costs(few[0], many[0]),
                         port_costs(few[1], many[1]))


def value(result, goal, contender):
    """(comparison or None, case) of a goal."""
    reference = result['reference']
    if goal.metric == 'idle_port':
        return _idle_port(result, contender), goal.case
    if goal.case != '*':
        return stats.compare(*report.paired(
            result, goal.case, reference, contender, goal.metric)), goal.case
    found = []
    for info in result['cases']:
        comparison = stats.compare(*report.paired(
            result, info['name'], reference, contender,
            report.main_metric(info)))
        if comparison:
            found.append((comparison, info['name']))
    if not found:
        return None, goal.case
    return min(found, key=lambda pair: pair[0]['ratio'])


def check(result, contender='ours'):
    """(goal, comparison or None, case, 'met', 'not met' or 'not measured')."""
    checked = []
    for goal in GOALS:
        comparison, case = value(result, goal, contender)
        if comparison is None:
            verdict = 'not measured'
        elif comparison['ratio'] >= goal.least:
            verdict = 'met'
        else:
            verdict = 'not met'
        checked.append((goal, comparison, case, verdict))
    return checked


def table(result, contender='ours'):
    """Lines of text."""
    lines = [['goal', 'at least', 'found', '95 %', 'verdict']]
    for goal, comparison, case, verdict in check(result, contender):
        text = goal.text if goal.case != '*' else '%s: %s' % (goal.text, case)
        lines.append([
            text, '%.2f' % goal.least,
            '%.2f' % comparison['ratio'] if comparison else '-',
            '%.2f-%.2f' % (comparison['low'], comparison['high'])
            if comparison else '-', verdict])
    return report.aligned(lines, left=1)
