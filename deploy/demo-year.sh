#!/bin/sh
# A year of an invented company: demo-year.sh BINARY. Works in a new temporary folder, and serves it to a person who
# looks: not in a pipe.
set -eu
work=$(mktemp -d)
set -- "$1" demo --dir "$work/scaf-demo"
[ ! -t 1 ] || set -- "$@" --serve 127.0.0.1:8321
exec "$@"
