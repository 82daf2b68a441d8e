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

"""A chart of ratios, as SVG that is legible on light and dark.  Pure."""

from xml.sax.saxutils import escape

import goals

WIDTH = 760
LEFT, RIGHT, TOP, BOTTOM = 150, 60, 78, 40
ROW = 22
BAR = 12

STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .dim { fill: #59636e }
  .grid { stroke: #d1d9e0 }
  .one { stroke: #59636e }
  .bar { fill: #1a7f5a }
  .slow { fill: #bc4c00 }
  .range { stroke: #24292f; stroke-width: 1.5 }
  .goal { stroke: #8250df; stroke-width: 2.5 }
  .back { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .dim { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .one { stroke: #9198a1 }
    .bar { fill: #2ea07a }
    .slow { fill: #e0823d }
    .range { stroke: #e6edf3 }
    .goal { stroke: #ab7df8 }
    .back { fill: #0d1117 }
  }
"""


def _rows(rows, contender):
    """(case, comparison) of cases that have a ratio."""
    found = []
    for row in rows:
        entry = row['contenders'].get(contender, {})
        comparison = entry.get('ratios', {}).get(row['metric'])
        if comparison and not entry.get('failure'):
            found.append((row['case'], comparison))
    return found


def _step(most):
    """Distance of grid lines."""
    for step in 0.25, 0.5, 1, 2, 5:
        if most / step <= 12:
            return step
    return 10


def draw(result, rows, contender='ours'):
    """The SVG, for the rows of report.summary()."""
    found = _rows(rows, contender)
    least = {goal.case: goal.least for goal in reversed(goals.GOALS)
             if goal.metric == 'switch_cycles' and goal.case != '*'}
    most = max([1.5] + [comparison['high'] for _, comparison in found] +
               [least[case] for case, _ in found if case in least]) * 1.05
    height = TOP + ROW * len(found) + BOTTOM
    bottom = TOP + ROW * len(found)

    def x(ratio):
        return LEFT + (WIDTH - LEFT - RIGHT) * ratio / most

    def line(kind, x1, y1, x2, y2):
        return ('<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>'
                % (kind, x1, y1, x2, y2))

    def text(x_, y, content, kind='', anchor='start'):
        return ('<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s'
                '</text>' % (kind, x_, y, anchor, escape(content)))

    title = 'How many times the cycles of "%s" does "%s" take a packet?' % (
        contender, result['reference'])
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" '
           'width="%d" height="%d" role="img">' % (WIDTH, height, WIDTH,
                                                   height),
           '<title>%s</title>' % escape(title),
           '<style>%s</style>' % STYLE,
           '<rect class="back" width="%d" height="%d"/>' % (WIDTH, height),
           text(16, 26, title, 'title'),
           text(16, 46, 'More is better for us. Median of paired rounds, '
                '95 %% interval; %s, load: %s.'
                % (result['date'][:10], result['load']), 'dim'),
           line('goal', 16, 62, 28, 62),
           text(34, 66, 'goal', 'dim')]
    step = _step(most)
    for i in range(int(most / step) + 1):
        ratio = i * step
        out.append(line('one' if ratio == 1 else 'grid', x(ratio), TOP,
                        x(ratio), bottom))
        out.append(text(x(ratio), bottom + 18, '%g' % ratio, 'dim', 'middle'))
    for number, (case, comparison) in enumerate(found):
        middle = TOP + ROW * number + ROW / 2
        ratio = comparison['ratio']
        out.append(text(LEFT - 8, middle + 4, case, '', 'end'))
        out.append('<rect class="%s" x="%d" y="%.1f" width="%.1f" '
                   'height="%d" rx="2"/>'
                   % ('bar' if ratio >= 1 else 'slow', LEFT,
                      middle - BAR / 2, x(ratio) - LEFT, BAR))
        out.append(line('range', x(comparison['low']), middle,
                        x(comparison['high']), middle))
        if case in least:
            out.append(line('goal', x(least[case]), middle - ROW / 2 + 2,
                            x(least[case]), middle + ROW / 2 - 2))
        out.append(text(WIDTH - RIGHT + 8, middle + 4, '%.2f' % ratio))
    out.append('</svg>')
    return '\n'.join(out) + '\n'
