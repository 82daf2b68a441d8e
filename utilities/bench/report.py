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

"""What came of it: medians, ratios, and a table.  Pure."""

import machine
import stats

# Attributes of trials that are costs, and so have ratios.
COSTS = ('switch_cycles', 'guest_cycles', 'sum_cycles', 'idle_poll_cycles',
         'p50_ns', 'p99_ns', 'p99.9_ns')
OTHERS = ('batch', 'idle_share', 'pps', 'line_ns', 'lookups_per_hit')
GREEN, RED, PLAIN = '\033[32m', '\033[31m', '\033[m'


def kept(result, case, contender):
    """Trials that count, by (start, round): see machine.RULE."""
    trials = [trial for trial in result['trials']
              if trial['case'] == case and trial['contender'] == contender and
              trial['kept']]
    undisturbed = [trial for trial in trials if not trial['disturbed']]
    if len(undisturbed) >= machine.MIN_UNDISTURBED:
        trials = undisturbed
    return {(trial['start'], trial['round']): trial for trial in trials}


def paired(result, case, reference, other, attribute):
    """Two lists of values, of the rounds that both have."""
    of_reference = kept(result, case, reference)
    of_other = kept(result, case, other)
    rounds = sorted(set(of_reference) & set(of_other))
    return ([of_reference[key].get(attribute) for key in rounds],
            [of_other[key].get(attribute) for key in rounds])


def medians(result, case, contender):
    """Median of each metric that the trials have."""
    trials = kept(result, case, contender).values()
    found = {}
    for attribute in (*COSTS, *OTHERS):
        values = [trial[attribute] for trial in trials
                  if trial.get(attribute) is not None]
        if values:
            found[attribute] = stats.median(values)
    return found


def main_metric(case_info):
    return 'idle_poll_cycles' if case_info['mode'] == 'idle' \
        else 'switch_cycles'


def summary(result):
    """Adds up the trials of a result, case by case that was run."""
    reference = result['reference']
    found = []
    for info in result['cases']:
        case = info['name']
        row = {'case': case, 'varies': info['varies'],
               'metric': main_metric(info), 'contenders': {}}
        for contender in result['contenders']:
            entry = {'medians': medians(result, case, contender)}
            why = result['failures'].get(case, {}).get(contender)
            if why:
                entry['failure'] = why
            if contender != reference:
                entry['ratios'] = {}
                for attribute in COSTS:
                    comparison = stats.compare(*paired(
                        result, case, reference, contender, attribute))
                    if comparison:
                        entry['ratios'][attribute] = comparison
            row['contenders'][contender] = entry
        if any(entry['medians'] or 'failure' in entry
               for entry in row['contenders'].values()):
            found.append(row)
    return found


def _cell(value, form='%.0f'):
    return form % value if value is not None else '-'


def table(result, rows):
    """The table for the terminal, as lines of text."""
    reference = result['reference']
    header = ['case', 'contender', 'switch', 'guest', 'sum', 'batch', 'idle',
              'ratio', '95 %', 'guest', 'sum']
    lines = [header]
    for row in rows:
        for contender, entry in row['contenders'].items():
            if entry.get('failure'):
                lines.append([row['case'], contender,
                              entry['failure'].split('\n')[0]])
                continue
            values = entry['medians']
            ratios = entry.get('ratios', {})
            main = ratios.get(row['metric'])
            share = values.get('idle_share')
            lines.append([
                row['case'], contender,
                _cell(values.get(row['metric'])),
                _cell(values.get('guest_cycles')),
                _cell(values.get('sum_cycles')),
                _cell(values.get('batch'), '%.1f'),
                _cell(None if share is None else share * 100, '%.0f%%'),
                '1' if contender == reference
                else _cell(main and main['ratio'], '%.2f'),
                '' if not main
                else '%.2f-%.2f' % (main['low'], main['high']),
                _cell(ratios.get('guest_cycles', {}).get('ratio'), '%.2f'),
                _cell(ratios.get('sum_cycles', {}).get('ratio'), '%.2f')])
    return aligned(lines)


def latencies(result, rows):
    """Latencies of paced cases, as lines of text; none if there are none."""
    paced = {info['name'] for info in result['cases']
             if info['mode'] == 'paced'}
    lines = [['latency, us', 'contender', 'p50', 'p99', 'p99.9', 'ratio',
              '95 %']]
    for row in rows:
        for contender, entry in row['contenders'].items():
            values = entry['medians']
            if row['case'] not in paced or 'p99.9_ns' not in values:
                continue
            ratio = entry.get('ratios', {}).get('p99.9_ns')
            lines.append([row['case'], contender] + [
                '%.1f' % (values[key] / 1000)
                for key in ('p50_ns', 'p99_ns', 'p99.9_ns')] + [
                '%.2f' % ratio['ratio'] if ratio else '',
                '%.2f-%.2f' % (ratio['low'], ratio['high']) if ratio else ''])
    return aligned(lines) if len(lines) > 1 else []


def disturbances(result):
    """How many rounds were repeated or kept though disturbed, and why."""
    rounds = {(trial['case'], trial['start'], trial['round'], trial['kept'],
               trial['disturbed']) for trial in result['trials']}
    kept_ones = [key for key in rounds if key[3]]
    bad = [key for key in kept_ones if key[4]]
    text = ('%d rounds, %d of them disturbed until the end; %d more were '
            'repeated.' % (len(kept_ones), len(bad),
                           len(rounds) - len(kept_ones)))
    lines = [trial['line_ns'] for trial in result['trials']
             if 'line_ns' in trial]
    if lines:
        far = sum(line > min(lines) * machine.MAX_LINE for line in lines)
        text += (' A cache line took %.0f ns between the CPUs at best, and '
                 'longer in %d of %d trials.' % (min(lines), far, len(lines)))
    return text


def colored(line):
    """A line of a table for a terminal."""
    if line.endswith(' not met'):
        return line[:-7] + RED + 'not met' + PLAIN
    if line.endswith(' met'):
        return line[:-3] + GREEN + 'met' + PLAIN
    return line


def aligned(lines, left=2):
    """Columns as wide as they need to be; long last ones do not count.

    The first ones, 'left' of them, are words.
    """
    n = max(len(line) for line in lines)
    full = [line for line in lines if len(line) == n]
    widths = [max(len(line[column]) for line in full) for column in range(n)]
    for line in lines:
        for column in range(min(left, len(line))):
            widths[column] = max(widths[column], len(line[column]))
    text = []
    for line in lines:
        if len(line) < n:
            text.append('%-*s  %-*s  %s' % (widths[0], line[0], widths[1],
                                            line[1], line[2]))
            continue
        cells = ['%-*s' % (widths[i], line[i]) if i < left
                 else '%*s' % (widths[i], line[i]) for i in range(n)]
        text.append('  '.join(cells).rstrip())
    return text
