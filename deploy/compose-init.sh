#!/bin/sh
# Makes the log, its nodes' directories and its witness, once: `docker compose up` runs it before
# anything else, and it does nothing when it has run to its end before.
#
#   compose-init.sh ROOT ORIGIN WITNESS_URL [attestry init options, such as --store and --guard]
#
# ROOT gets node-a and node-b (data directories), witness (its key and records) and public (what others
# may know: verifier keys, witness policy, the first API token is in ROOT/token, mode 0600).
set -eu
umask 077
root=$1 origin=$2 witness_url=$3
shift 3
[ -e "$root/done" ] && exit 0
mkdir -p "$root"

if [ ! -e "$root/token" ]; then
  attestry init --data "$root/node-a" --origin "$origin" --json "$@" >"$root/init.json"
  attestry token add --data "$root/node-a" --name first --json >"$root/token.json"
  sed -n 's/.*"token": *"\([^"]*\)".*/\1/p' "$root/token.json" >"$root/token"
  rm "$root/token.json"
fi

mkdir -p "$root/public" "$root/witness"
attestry log vkey --data "$root/node-a" >"$root/public/log.vkey"
[ -e "$root/witness/key.pem" ] || attestry keygen --alg EdDSA --out "$root/witness/key.pem"

# A witness says its verifier key when it starts; this one starts to say it, and is started again later.
attestry witness --data "$root/witness/records" --key "$root/witness/key.pem" --name witness.local \
  --log "$(cat "$root/public/log.vkey")" --port 0 >"$root/witness/said" 2>"$root/witness/events" &
witness=$!
until grep -q '^verifier key ' "$root/witness/said"; do
  kill -0 "$witness" || { cat "$root/witness/events" >&2; exit 1; }
  sleep 0.2
done
kill "$witness"
wait "$witness" || true
{
  echo "log $(cat "$root/public/log.vkey")"
  echo "witness local $(sed -n 's/^verifier key //p' "$root/witness/said") $witness_url"
  echo 'quorum local'
} >"$root/public/witnesses.policy"
chmod -R go+rX "$root/public"

# Nodes share keys and databases; each has its own directory for the rest.
if [ -e "$root/node-a/location.json" ]; then
  mkdir -p "$root/node-b"
  cp -r "$root/node-a/keys" "$root/node-a/location.json" "$root/node-b/"
fi
touch "$root/done"
