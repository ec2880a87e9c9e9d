#!/usr/bin/env bash
#SBATCH --job-name=qrd-paths
#SBATCH --array=1-8
#SBATCH --gpus=1
#SBATCH --time=04:00:00
#SBATCH --requeue
# Paths from many machines: each task of the array takes its share of the questions; whatever is left runs last.
#
#   sbatch examples/slurm.sh QUESTIONS.jsonl FOLDER            # the array; a task that is requeued goes on
#   examples/slurm.sh merge FOLDER                              # afterwards: one file of paths that are worth it
#
# Needs:  a SLURM cluster with a shared file system, pip install 'qrd[vllm]' (or an API teacher and its key).
# Takes:  an eighth of the time of one machine, since shares are even to a few per cent: the id of a question alone
#         decides which task has it, so no task needs to know of another.
# Costs:  the machines. A task that is killed loses the replies in flight at that moment, nothing else.
# Gives:  FOLDER/paths.N.jsonl, one a task; after merge FOLDER/kept.jsonl
set -euo pipefail
shopt -s extglob

teacher=${TEACHER:-vllm:Qwen/Qwen2.5-14B-Instruct}

if [ "$1" = merge ]; then
    parts=("$2"/paths.+([0-9]).jsonl) # not what stands beside them, such as paths.1.jsonl.failed.jsonl
    qrd verify "${parts[@]}"
    cat "${parts[@]}" | qrd filter --rejects "$2/rejects.jsonl" -o "$2/kept.jsonl"
    exit
fi

questions=$1 out=$2
mkdir -p "$out"
qrd generate "$questions" --teacher "$teacher" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
    -o "$out/paths.$SLURM_ARRAY_TASK_ID.jsonl"
