#!/bin/bash
# Several clients for one cluster of model servers: each takes a shard and asks all servers, by what is in flight
# there (docs/SCALE.md).  One client serves a few thousand tokens a second; more of them are for more.
#
#   export OUT=run1 CLIENTS=4
#   export ENDPOINTS="http://gpu1:8000/v1 http://gpu2:8000/v1"
#   examples/scale/clients.sh --model Qwen/Qwen3-8B --tokenizer Qwen/Qwen3-8B --requests 64 \
#       --benchmark prompts.jsonl --policy fixed --max-traces 32
#
# The servers' side, once per GPU: safeconf serve-command --model Qwen/Qwen3-8B prints it.  Calling this again goes
# on where it stopped.  Ctrl-C ends all clients; nothing that was stored is lost.
set -u
: "${OUT:?expected the folder of the results}" "${ENDPOINTS:?expected the addresses of the servers}"
clients=${CLIENTS:-4}
safeconf=${SAFECONF:-safeconf}
mkdir -p "$OUT/logs" || exit 1

where=()
for address in $ENDPOINTS; do where+=(--endpoint "$address"); done

children=()
for ((i = 1; i <= clients; i++)); do
    "$safeconf" run "$@" "${where[@]}" --shard "$i/$clients" --out "$OUT/parts/$i" >"$OUT/logs/$i.log" 2>&1 &
    children+=($!)
done
trap 'kill -TERM "${children[@]}" 2>/dev/null' INT TERM

worst=0
for ((i = 1; i <= clients; i++)); do
    wait "${children[i - 1]}"
    status=$?
    [ "$status" -le 128 ] || { wait "${children[i - 1]}"; status=$?; }
    case $status in
    0 | 3) ;; # 3: finished, with traces that failed; merge counts them
    *)
        echo "client $i ended with status $status: $(tail -n 1 "$OUT/logs/$i.log")" >&2
        worst=$status
        ;;
    esac
done
[ "$worst" = 0 ] || exit "$worst"

parts=()
for ((i = 1; i <= clients; i++)); do parts+=("$OUT/parts/$i"); done
exec "$safeconf" merge "$OUT/whole" "${parts[@]}" --quiet
