#!/usr/bin/env bash
# The work of the action: reads its inputs from ATTESTRY_*, runs the command line, writes the outputs.
# Works outside of GitHub, too: tests run it against a local registry.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cli=${ATTESTRY_CLI:-$here/../../dist/cli/main.js}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077

fail() {
  echo "::error::$1" >&2
  exit 1
}

attestry() {
  node "$cli" "$@"
}

if [ -n "$ATTESTRY_BUNDLE" ] && [ -n "$ATTESTRY_PAYLOAD" ]; then fail 'give bundle or payload, not both'; fi
if [ -z "$ATTESTRY_BUNDLE" ] && [ -z "$ATTESTRY_PAYLOAD" ]; then fail 'give bundle or payload'; fi

printf '%s\n' "$ATTESTRY_KEY" > "$work/key.pem"
unset ATTESTRY_KEY

# Who submits: an API token, or the workflow's own identity where the job may ask for it.
if [ -n "$ATTESTRY_API_TOKEN" ]; then
  export ATTESTRY_TOKEN=$ATTESTRY_API_TOKEN
elif [ -n "$ATTESTRY_AUDIENCE" ]; then
  [ -n "${ACTIONS_ID_TOKEN_REQUEST_URL:-}" ] || fail 'audience needs the permission id-token: write'
  printf 'header = "Authorization: bearer %s"\n' "$ACTIONS_ID_TOKEN_REQUEST_TOKEN" > "$work/curl"
  # Through a pipe: every process of the machine reads a command line.
  ATTESTRY_TOKEN=$(curl --fail --silent --show-error --config "$work/curl" --get \
    --data-urlencode "audience=$ATTESTRY_AUDIENCE" "$ACTIONS_ID_TOKEN_REQUEST_URL" |
    node -p 'JSON.parse(require("node:fs").readFileSync(0, "utf8")).value')
  export ATTESTRY_TOKEN
  echo "::add-mask::$ATTESTRY_TOKEN"
fi

common=(--url "$ATTESTRY_URL" --json)
if [ -n "$ATTESTRY_TRUST" ]; then common+=(--trust "$ATTESTRY_TRUST"); fi
by=(--key "$work/key.pem" --issuer "$ATTESTRY_ISSUER")
mkdir -p "$ATTESTRY_OUTPUT"

if [ -n "$ATTESTRY_BUNDLE" ]; then
  read -r -a bundles <<< "$ATTESTRY_BUNDLE"
  if [ -n "$ATTESTRY_ROOT" ]; then common+=(--root "$ATTESTRY_ROOT"); fi
  if [ -n "$ATTESTRY_SUBJECT" ]; then common+=(--subject "$ATTESTRY_SUBJECT"); fi
  # The report tells what is registered, for ever, also when the registry refused one of them.
  report=$(attestry import sigstore "${bundles[@]}" "${by[@]}" "${common[@]}" -o "$ATTESTRY_OUTPUT") ||
    { echo "$report"; fail 'not everything is registered'; }
else
  [ -n "$ATTESTRY_TYPE" ] || fail 'payload needs type'
  [ -n "$ATTESTRY_SUBJECT" ] || fail 'payload needs subject'
  attestry sign "$ATTESTRY_PAYLOAD" "${by[@]}" --type "$ATTESTRY_TYPE" --subject "$ATTESTRY_SUBJECT" \
    -o "$work/statement.cose" --json > "$work/signed.json"
  name=$(node -p 'JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8")).entryId' "$work/signed.json")
  hash=$(node -p 'JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8")).hash ?? ""' "$work/signed.json")
  if [ -n "$hash" ]; then common+=(--payload "$ATTESTRY_PAYLOAD"); fi
  report=$(attestry register "$work/statement.cose" "${common[@]}" -o "$ATTESTRY_OUTPUT/$name.cose")
fi

echo "$report"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  {
    echo "report=$report"
    echo 'entry-ids<<ATTESTRY_END'
    node -p '((r) => (r.imported ?? [r]).map((one) => one.entryId).join("\n"))(JSON.parse(process.argv[1]))' "$report"
    echo ATTESTRY_END
  } >> "$GITHUB_OUTPUT"
fi
