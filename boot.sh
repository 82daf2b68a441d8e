#! /bin/sh
# Generates configure and what it needs, after a checkout.
set -e
cd "$(dirname "$0")"
mkdir -p m4
exec autoreconf --install --force
