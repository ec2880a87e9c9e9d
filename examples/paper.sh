#!/usr/bin/env bash
# The paper's setting (section 3.2): an API teacher and judge, two students of seven billion parameters, QLoRA rank 32.
#
#   examples/paper.sh QUESTIONS.jsonl TEST.jsonl FOLDER
#
# The paper's teacher, Gemini 1.5 Pro, is no longer served; this one replies without thinking first, as that did.
#
# Needs:  pip install 'qrd[api,qlora]'; GEMINI_API_KEY and OPENAI_API_KEY; a GPU of 48 GB, or 24 GB with a smaller
#         --micro-batch-tokens; access to both students on the hub.
# Costs:  what --max-cost allows at most: 25 US dollars. `qrd generate ... --dry-run` tells before.
# Takes:  the paper reports 11 and a half minutes an epoch for both students, averaged over its data sets.
set -euo pipefail

questions=$1 test=$2 out=$3 epochs=${EPOCHS:-10}   # the paper: 3 for MATH, 10 for the rest
mkdir -p "$out"

qrd generate "$questions" --teacher gemini/gemini-2.5-flash-lite --styles vanilla,cot,tot,program,backward,facts \
    --max-tokens 1024 --concurrency 32 --rpm 900 --max-cost 20 -o "$out/paths.jsonl"
qrd judge "$out/paths.jsonl" --judge openai/gpt-4o-mini --max-cost 5 -o "$out/judged.jsonl"
qrd filter "$out/judged.jsonl" --rejects "$out/rejects.jsonl" --summary "$out/filter.json" -o "$out/kept.jsonl"
qrd train "$out/kept.jsonl" -o "$out/run" \
    --student mistral=mistralai/Mistral-7B-Instruct-v0.3 --learning-rate 5e-6 \
    --student gemma=google/gemma-7b-it --learning-rate 2e-4 \
    --finetune qlora --lora-r 32 --lora-alpha 32 --per-device-train-batch-size 8 --num-train-epochs "$epochs" \
    --routing independent --lambda-entropy 0.01 --lambda-mutual 0.1 --gumbel-temperature 1 \
    --router-learning-rate 1e-4 \
    --encoder FacebookAI/roberta-base --dtype bfloat16 --gradient-checkpointing
qrd eval "$test" --run "$out/run" -o "$out/predictions.jsonl" --summary "$out/summary.json"
