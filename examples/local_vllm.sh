#!/usr/bin/env bash
# No API at all: vLLM in this process as teacher and judge, students fitted on the same machine.
#
#   examples/local_vllm.sh QUESTIONS.jsonl TEST.jsonl FOLDER
#
# Needs:  pip install 'qrd[vllm,train]'; a GPU that holds the teacher, or TENSOR_PARALLEL of them; hub access, or
#         folders in the place of names. The judge is another family than the teacher, so that it judges no kin.
# Takes:  not measured here on a GPU; vLLM keeps its queue full, and rows are written as they finish.
# Costs:  nothing but the machine.
# Gives:  FOLDER/paths.jsonl, judged.jsonl, kept.jsonl, run/, predictions.jsonl
set -euo pipefail

questions=$1 test=$2 out=$3
teacher=${TEACHER:-vllm:Qwen/Qwen2.5-14B-Instruct} judge=${JUDGE:-vllm:mistralai/Mistral-Small-24B-Instruct-2501}
students=(${STUDENTS:-small=Qwen/Qwen2.5-1.5B-Instruct tiny=HuggingFaceTB/SmolLM2-360M-Instruct})
mkdir -p "$out"

# One after the other, not a pipeline: each stage gives its GPU back before the next one takes it.
qrd generate "$questions" --teacher "$teacher" --samples 2 --tensor-parallel-size "${TENSOR_PARALLEL:-1}" \
    -o "$out/paths.jsonl"
qrd judge "$out/paths.jsonl" --judge "$judge" --tensor-parallel-size "${TENSOR_PARALLEL:-1}" -o "$out/judged.jsonl"
qrd filter "$out/judged.jsonl" --rejects "$out/rejects.jsonl" -o "$out/kept.jsonl"
qrd train "$out/kept.jsonl" "${students[@]/#/--student=}" -o "$out/run"
qrd eval "$test" --run "$out/run" -o "$out/predictions.jsonl" --summary "$out/summary.json"
