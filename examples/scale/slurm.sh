#!/bin/bash
# A run in shards, one per task of a Slurm array, and the merge after the last one (docs/SCALE.md).
#
#   export OUT=/shared/run1 SHARDS=100
#   examples/scale/slurm.sh --model Qwen/Qwen3-8B --benchmark prompts.jsonl --policy fixed --max-traces 32
#
# Called by hand it submits itself twice: the array, and a job that merges when all tasks have ended well.  OUT is
# a folder that all nodes see.  Calling it again goes on: what is finished ends at once.  What the tasks ask of a
# node (a GPU, cores, time) stands in SBATCH_OPTIONS, such as "--gres=gpu:1 --time=04:00:00 --partition=gpu".
#
# The options go to `safeconf run`.  All nodes need the same processor, or --kernels avx2 (or another that all have).
#SBATCH --job-name=safeconf
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
set -u
: "${OUT:?expected the folder of the results}" "${SHARDS:?expected the number of shards}"
safeconf=${SAFECONF:-safeconf}

submit() {
    mkdir -p "$OUT/logs" || exit 1
    local array
    # SBATCH_OPTIONS holds several words.
    # shellcheck disable=SC2086
    array=$(sbatch --parsable --array="1-$SHARDS" --output="$OUT/logs/%a.log" ${SBATCH_OPTIONS:-} \
        --export=ALL,STEP=shard "$0" "$@") || exit 1
    sbatch --parsable --dependency="afterok:${array%%;*}" --kill-on-invalid-dep=yes \
        --output="$OUT/logs/merge.log" --export=ALL,STEP=merge "$0" || exit 1
}

# Not SLURM_ARRAY_TASK_COUNT: that is less when only some of the tasks are submitted again.
shard() {
    "$safeconf" run "$@" --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" --out "$OUT/parts/$SLURM_ARRAY_TASK_ID" --quiet &
    local child=$! status
    trap 'kill -TERM "$child" 2>/dev/null' TERM # what is stored stays, and the run goes on later
    wait "$child"
    status=$?
    [ "$status" -le 128 ] || { wait "$child"; status=$?; }
    case $status in
    0 | 3) exit 0 ;; # 3: finished, with traces that failed; merge counts them
    130) scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" ;;
    *) exit "$status" ;;
    esac
}

merge() {
    local parts=() i
    for ((i = 1; i <= SHARDS; i++)); do parts+=("$OUT/parts/$i"); done
    exec "$safeconf" merge "$OUT/whole" "${parts[@]}" --quiet
}

case ${STEP:-} in
shard) shard "$@" ;;
merge) merge ;;
*) submit "$@" ;;
esac
