#!/usr/bin/env bash
# Makes the fixture of a release, what later builds must open:
#
#   bash deploy/tools/fixture.sh NAME COMMIT
#
# It builds COMMIT by `git archive`, plays on a cluster of it until every group has snapshots,
# starts that cluster again, plays on, and kills everything at once in the midst of hands. What is
# then on the disk becomes deploy/systest/testdata/releases/NAME.tar.zst, 1 MiB at most:
#
#   release   the line "NAME COMMIT"
#   data/     the cluster's folder: nodes, database, keys (of a cluster that exists nowhere else)
#   moves     the acknowledged moves of the last minute, as bench swarm --moves writes them
#
# It takes about two minutes, and needs git, Go, GNU tar and zstd.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly most=$((1 << 20)) # bytes of a fixture
readonly folder=deploy/systest/testdata/releases

die() { printf 'fixture.sh: %s\n' "$*" >&2; exit 1; }

[ $# = 2 ] || die "want two arguments: NAME COMMIT"
name=$1
[[ $name =~ ^[a-z0-9][a-z0-9.-]*$ ]] || die "the name '$name' is not of lower-case letters, digits, dots and hyphens"
commit=$(git rev-parse --verify --quiet "$2^{commit}") || die "'$2' is no commit of this repository"
listed=$(awk -v name="$name" '$1 == name { print $2 }' deploy/RELEASES)
[ -z "$listed" ] || [ "$listed" = "$commit" ] || die "deploy/RELEASES says that $name is $listed, not $commit"
[ ! -e "$folder/$name.tar.zst" ] || die "$folder/$name.tar.zst is there already; a release's fixture does not change"
command -v zstd >/dev/null || die "zstd is not installed"

dir=$(mktemp -d)
running=() # process ids
finish() {
  status=$?
  for pid in "${running[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
  [ "$status" = 0 ] || tail -n 20 "$dir"/*.log >&2 || true
  rm -rf "$dir"
}
trap finish EXIT

echo "building $commit"
mkdir "$dir/source"
git archive "$commit" | tar -x -C "$dir/source"
(cd "$dir/source" && go build -buildvcs=false -o "$dir/" ./deploy/local ./bench)

local_() { "$dir/local" "$@" --state "$dir/state.json" >>"$dir/commands.log" 2>&1; }
bench() { "$dir/bench" "$@" --state "$dir/state.json" >>"$dir/bench.log" 2>&1; }

# Few entries are kept behind a snapshot, so that a replica needs both to know where it was.
"$dir/local" --nodes 3 --listen 127.0.0.1:0 --state "$dir/state.json" --data "$dir/data" --keep-log 32 >"$dir/local.log" 2>&1 </dev/null &
supervisor=$!
running+=("$supervisor")
for _ in $(seq 600); do
  grep -q 'Clients connect' "$dir/local.log" && break
  kill -0 "$supervisor" 2>/dev/null || die "the cluster does not start"
  sleep 0.1
done
grep -q 'Clients connect' "$dir/local.log" || die "the cluster does not start within a minute"

# lacking lists the groups of which a node has no snapshot yet.
lacking() {
  local group
  for group in "$dir"/data/node-*/snap/*/; do
    compgen -G "$group/snapshots/*/meta.json" >/dev/null || echo "${group#"$dir/data/"}"
  done
}

# A group makes a snapshot after some thousands of entries. One player who comes back again and again
# writes most of the coordinator's; tables of gomoku at full speed, with some of mahjong among them,
# write the shards'.
echo "playing until all groups have snapshots"
for round in $(seq 40); do
  playing=()
  bench swarm --players 6 --pace 0 --duration 10s --mode gomoku & playing+=($!)
  bench swarm --players 8 --pace 0 --duration 10s & playing+=($!)
  [[ $(lacking) != *snap/0/* ]] || { bench reconnect --times 1000 & playing+=($!); }
  for pid in "${playing[@]}"; do wait "$pid" || die "the play before the kill failed"; done
  left=$(lacking)
  [ -n "$left" ] || break
  echo "  round $round: $(wc -l <<<"$left") to go"
done
[ -z "$left" ] || die "no snapshots yet in" $left

# Killed and started, so that the logs' stores hold tables too, and no longer what was compacted away.
local_ kill all
sleep 2 # some supervisors pass over who was killed and is not gone yet
local_ start all

echo "playing until everything is killed"
bench swarm --players 16 --pace 100ms --duration 12s --grace 1s --moves "$dir/moves" &
last=$!
running+=("$last")
sleep 10
local_ kill all
sleep 2
cp -a "$dir/data" "$dir/left" # now: whoever closes the database last tidies it up
wait "$last" || true # its hands are unfinished, as they should be
local_ stop || true
wait "$supervisor" || true
mv "$dir/data" "$dir/tidied"
mv "$dir/left" "$dir/data"
[ -s "$dir/moves" ] || die "no move was acknowledged before the kill"

echo "$name $commit" >"$dir/release"
rm -rf "$dir/data/logs" "$dir"/data/lock "$dir"/data/node-*/LOCK
# The replicas hold the same, far from each other: hence the long window.
tar -c --sort=name --owner=0 --group=0 --numeric-owner -C "$dir" release data moves | zstd -q -19 --long=27 -o "$dir/fixture"
size=$(stat -c %s "$dir/fixture")
[ "$size" -le "$most" ] || die "the fixture would have $size bytes, $most at most are allowed"
mkdir -p "$folder"
mv "$dir/fixture" "$folder/$name.tar.zst"
echo "$folder/$name.tar.zst: $size bytes"
