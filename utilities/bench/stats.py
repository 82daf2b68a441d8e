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

"""The statistics of paired measurements.  Pure."""

import math
import random


def median(values):
    ordered = sorted(values)
    if not ordered:
        raise ValueError('median of nothing')
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def quantile(values, q):
    """Linear interpolation between the two nearest ranks."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError('quantile of nothing')
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    high = math.ceil(rank)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def geometric_mean(values):
    values = list(values)
    if not values:
        raise ValueError('mean of nothing')
    return math.exp(sum(math.log(value) for value in values) / len(values))


def paired_ratios(reference, ours):
    """How many times the reference costs what ours does, by rounds.

    Both are lists of costs with None for a round that has no value.  More
    than 1 means that ours is cheaper.
    """
    return [r / o for r, o in zip(reference, ours)
            if r is not None and o is not None and r > 0 and o > 0]


def bootstrap_interval(values, statistic=median, confidence=0.95,
                       resamples=2000, seed=1):
    """Percentile bootstrap interval of a statistic of the values.

    The seed is fixed, so that the same trials always give the same report.
    """
    values = list(values)
    if not values:
        raise ValueError('interval of nothing')
    generator = random.Random(seed)
    found = [statistic(generator.choices(values, k=len(values)))
             for _ in range(resamples)]
    tail = (1 - confidence) / 2
    return quantile(found, tail), quantile(found, 1 - tail)


def compare(reference, ours):
    """Median of the paired ratios and its 95 % interval, or None."""
    ratios = paired_ratios(reference, ours)
    if not ratios:
        return None
    low, high = bootstrap_interval(ratios)
    return {'ratio': median(ratios), 'low': low, 'high': high,
            'pairs': len(ratios)}
