#! /usr/bin/env python3
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

"""Inputs for fuzzers: one on each line of a file, or in a file each.

  corpus.py unpack DIR FILE.hex...
      Writes the inputs in the FILEs to a file each in DIR, as libFuzzer wants
      them.

  corpus.py pack [--max-bytes=N] FILE.hex DIR
      Writes the inputs in DIR to FILE, shortest first, until FILE has N bytes
      (default: 150000).

In a FILE an input is a line of hexadecimal digits; what begins with "#" is a
comment.
"""

import argparse
import hashlib
import pathlib


def unpack(directory, files):
    """Writes the inputs of 'files' to 'directory'."""
    directory.mkdir(parents=True, exist_ok=True)
    for file in files:
        for line in file.read_text().splitlines():
            digits = line.split('#')[0].strip()
            if digits:
                data = bytes.fromhex(digits)
                name = hashlib.sha1(data).hexdigest()
                (directory / name).write_bytes(data)


def pack(file, directory, max_bytes):
    """Writes the inputs in 'directory' to 'file'."""
    inputs = {path.read_bytes() for path in directory.iterdir()}
    lines = []
    size = 0
    for data in sorted(inputs - {b''}, key=lambda d: (len(d), d)):
        size += 2 * len(data) + 1
        if size > max_bytes:
            break
        lines.append(data.hex() + '\n')
    file.write_text(''.join(lines))
    print(f'{file}: {len(lines)} of {len(inputs)} inputs')


def main():
    """Does what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    sub = commands.add_parser('unpack')
    sub.add_argument('directory', type=pathlib.Path)
    sub.add_argument('files', type=pathlib.Path, nargs='*')
    sub = commands.add_parser('pack')
    sub.add_argument('--max-bytes', type=int, default=150000)
    sub.add_argument('file', type=pathlib.Path)
    sub.add_argument('directory', type=pathlib.Path)
    args = parser.parse_args()
    if args.command == 'unpack':
        unpack(args.directory, args.files)
    else:
        pack(args.file, args.directory, args.max_bytes)


if __name__ == '__main__':
    main()
