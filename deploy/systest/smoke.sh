#!/usr/bin/env bash
# A cluster, a 20-second swarm on it, a node killed and started again meanwhile;
# then a disk is lost, and everything dies at once. The exit statuses of the bench
# tool are the verdict: its audits must be all zero.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
go build -o "$dir/" ./deploy/local ./bench
state=$dir/state.json
"$dir/local" --listen 127.0.0.1:0 --state "$state" --data "$dir/data" >"$dir/local.log" 2>&1 </dev/null &
local=$!
swarm=
finish() {
  status=$?
  [ -z "$swarm" ] || kill "$swarm" 2>/dev/null || true
  kill "$local" 2>/dev/null && wait "$local" || true
  [ "$status" = 0 ] || cat "$dir/local.log"
  rm -rf "$dir"
}
trap finish EXIT
for _ in $(seq 300); do
  grep -q 'Clients connect' "$dir/local.log" && break
  kill -0 "$local" || exit 1
  sleep 0.2
done
grep -q 'Clients connect' "$dir/local.log"
"$dir/bench" swarm --state "$state" --players 100 --duration 20s --pace 20ms --proofs "$dir/proofs" &
swarm=$!
sleep 7
"$dir/local" kill node-2 --state "$state"
sleep 5
"$dir/local" start node-2 --state "$state"
wait "$swarm"
"$dir/bench" fair "$dir/proofs"
"$dir/bench" swarm --state "$state" --players 20 --duration 3s --pace 0 --mode gomoku
"$dir/bench" failover --state "$state" --players 60 --tries 1 --fault wipe
"$dir/bench" failover --state "$state" --players 60 --tries 1 --role all
