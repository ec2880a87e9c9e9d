#!/usr/bin/env bash
# Paths and verdicts from the machines of a Ray cluster: workers ask the models, this process alone writes.
#
#   examples/ray.sh QUESTIONS.jsonl FOLDER
#
# Needs:  pip install 'qrd[ray,vllm]' on every node; models that every node can load (a hub, or a shared file system);
#         keys of APIs in the environment of the nodes. ON=ray://HOST:10001 names a cluster; without it the one at hand
#         is used, else one is started on this machine. A cluster with token authentication also wants
#         RAY_AUTH_MODE=token and RAY_AUTH_TOKEN here.
# Takes:  as long as one machine, over the number of workers: one for each GPU, or WORKERS of them.
# Costs:  nothing but the machines with vllm: models. With an API there is no --max-cost here: workers know no common
#         sum; --dry-run tells before.
# Gives:  FOLDER/paths.jsonl, judged.jsonl, kept.jsonl
set -euo pipefail

questions=$1 out=$2
teacher=${TEACHER:-vllm:Qwen/Qwen2.5-14B-Instruct} judge=${JUDGE:-vllm:mistralai/Mistral-Small-24B-Instruct-2501}
far=(--on "${ON:-ray}" ${WORKERS:+--workers "$WORKERS"})
mkdir -p "$out"

# A worker that is lost is replaced, and what it had under way is asked again; nothing that is written here is.
qrd generate "$questions" --teacher "$teacher" "${far[@]}" -o "$out/paths.jsonl"
qrd judge "$out/paths.jsonl" --judge "$judge" "${far[@]}" -o "$out/judged.jsonl"
qrd filter "$out/judged.jsonl" --rejects "$out/rejects.jsonl" -o "$out/kept.jsonl"
