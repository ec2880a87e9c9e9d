#!/usr/bin/env bash
# Paths from an API teacher, judged by a panel of two, filtered: what a fit needs, and what the money bought.
#
#   examples/api.sh QUESTIONS.jsonl TEST.jsonl FOLDER
#
# Needs:  pip install 'qrd[api]' and the keys of the three models, such as GEMINI_API_KEY and OPENAI_API_KEY.
# Takes:  as long as --rpm makes it: 1,000 questions in six styles are 6,000 calls, seven minutes at 900 a minute.
# Costs:  at most MAX_COST US dollars for teacher and judges together, across restarts.
# Gives:  FOLDER/paths.jsonl, judged.jsonl, kept.jsonl, rejects.jsonl, filter.json
set -euo pipefail

questions=$1 test=$2 out=$3 max_cost=${MAX_COST:-10}
teacher=${TEACHER:-gemini/gemini-2.5-flash-lite}
judges=(${JUDGES:-openai/gpt-4o-mini anthropic/claude-haiku-4-5})
mkdir -p "$out"

qrd generate "$questions" --teacher "$teacher" --dry-run   # calls, tokens and cost, before anything is paid

qrd generate "$questions" --teacher "$teacher" --samples 2 --temperature 0.7 --concurrency 64 --rpm 900 \
    --max-cost "$max_cost" --cost-file "$out/cost.jsonl" -o "$out/paths.jsonl"
qrd judge "$out/paths.jsonl" "${judges[@]/#/--judge=}" --max-cost "$max_cost" --cost-file "$out/cost.jsonl" \
    -o "$out/judged.jsonl"
qrd filter "$out/judged.jsonl" --decontaminate "$test" --dedupe 0.9 --rejects "$out/rejects.jsonl" \
    --summary "$out/filter.json" -o "$out/kept.jsonl"
qrd verify "$out/paths.jsonl" "$out/judged.jsonl" "$out/kept.jsonl"
