#!/bin/sh
# The main job on real history: demo.sh BINARY REPOSITORY. Works in a new temporary folder.
set -eu
scaf=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
repo=$2
SCAF_DIR=$(mktemp -d)/scaf-data
export SCAF_DIR

branch=$(git -C "$repo" symbolic-ref --short HEAD)
first=$(git -C "$repo" log --format=%cd --date=short | sort | head -n 1)
tomorrow=$(date -d tomorrow +%F)

run() {
	echo
	echo "\$ scaf $*"
	"$scaf" "$@"
}

run init --org Demo --timezone UTC
run import git "$repo" --branch "$branch" --since "$first" --until "$tomorrow"
run ledger verify
echo
echo "The ledger is in $SCAF_DIR. Try next:"
echo "  export SCAF_DIR=$SCAF_DIR"
echo "  $1 ledger list --limit 3 --json"
