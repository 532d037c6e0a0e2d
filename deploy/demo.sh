#!/bin/sh
# The main job on real history: demo.sh BINARY REPOSITORY. Works in a new temporary folder.
set -eu
scaf=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
repo=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
SCAF_DIR=$work/scaf-data
export SCAF_DIR

if ! first=$(git -C "$repo" log --format=%ct 2>/dev/null | sort -n | head -n 1) || [ -z "$first" ]; then
	echo "demo: $repo is no git repository with commits: make demo REPO=path" >&2
	exit 3
fi
from=$(date -u -d "@$first" +%F)
to=$(date -u +%Y-%m-%dT%H:%M:%SZ)

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }
run() {
	echo "\$ scaf $*"
	"$scaf" "$@"
}

say "1. A ledger of your own"
run init --org "Demo" --timezone UTC

say "2. Real history goes in: every change of $repo"
run import git "$repo" --until "$to"

say "3. and a cloud account's audit log (four invented records of the last hour)"
mkdir -p "$work/cloudtrail"
sed -e "s/@T1@/$(date -u -d '-40 minutes' +%Y-%m-%dT%H:%M:%SZ)/" \
	-e "s/@T2@/$(date -u -d '-25 minutes' +%Y-%m-%dT%H:%M:%SZ)/" \
	-e "s/@T3@/$(date -u -d '-10 minutes' +%Y-%m-%dT%H:%M:%SZ)/" \
	"$here/demo/cloudtrail.json.in" >"$work/cloudtrail/111122223333_CloudTrail_eu-central-1.json"
run import cloudtrail "$work/cloudtrail"

say "4. The catalog's controls are approved, and tested over the complete population of a closed period"
run control adopt --all
run period open demo --from "$from" --to "$to"
run period close demo
run control test CHG-01 CHG-02 CHG-03 CLD-01 CLD-02 CLD-03 --period demo >/dev/null
run report readiness --period demo -o "$work/readiness.html" --format html
run report readiness --period demo

say "5. Nobody can quietly rewrite it"
run ledger verify

say "Try next"
cat <<NEXT
  export SCAF_DIR=$SCAF_DIR
  $1 ledger list --limit 3
  $1 ledger prove 0 -o proof.json && $1 ledger key > key && $1 ledger check-proof proof.json --key key
  $1 control show CHG-01
  $1 population show POP-1
Everything reads incomplete or worse until somebody who does not own a control has assessed its design:
  $1 control assess CHG-03 --risk "a change that nobody answers for" --precision "one change" \\
      --walkthrough change/$(git -C "$repo" rev-parse HEAD) --conclusion effective --reason "followed from commit to record"
  $1 control test CHG-03 --period demo && $1 control reperform RES-1
  $1 serve
The report as a page: $work/readiness.html
NEXT
