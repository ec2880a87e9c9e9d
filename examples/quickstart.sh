#!/usr/bin/env bash
# The shortest way from questions of your own to a student: six sums, offline. Read it, change it, run it again:
# every command goes on where it stopped, and what is finished is not asked again.
#
#   examples/quickstart.sh [FOLDER]
#
# Needs:  pip install 'qrd[demo]' and the embedded models (`make setup` installs all of it); no GPU, no network, no key.
# Takes:  about three minutes on two cores. Six sums teach nothing: this shows the machinery, not good reasoning.
# Costs:  nothing.
# Gives:  FOLDER/questions.jsonl, paths.jsonl, kept.jsonl, run/, predictions.jsonl, report.html
set -euo pipefail

out=${1:-quickstart}
teacher=${TEACHER:-embedded:smollm2-135m} student=${STUDENT:-embedded:smollm2-135m}
mkdir -p "$out"

cat > "$out/questions.jsonl" <<'QUESTIONS'
{"id": "s1", "task": "math", "question": "What is 2 + 3?", "answer": "5"}
{"id": "s2", "task": "math", "question": "What is 4 + 4?", "answer": "8"}
{"id": "s3", "task": "math", "question": "What is 7 + 2?", "answer": "9"}
{"id": "s4", "task": "math", "question": "What is 5 + 5?", "answer": "10"}
{"id": "s5", "task": "math", "question": "What is 6 + 1?", "answer": "7"}
{"id": "s6", "task": "math", "question": "What is 3 + 3?", "answer": "6"}
QUESTIONS

qrd generate "$out/questions.jsonl" --teacher "$teacher" --styles vanilla,cot --max-tokens 96 -o "$out/paths.jsonl"
qrd filter "$out/paths.jsonl" --rejects "$out/rejects.jsonl" -o "$out/kept.jsonl"
qrd train "$out/kept.jsonl" --student "little=$student" --num-train-epochs 2 -o "$out/run"
qrd eval "$out/questions.jsonl" --run "$out/run" --max-tokens 96 -o "$out/predictions.jsonl"
qrd report "$out/run" "$out/predictions.jsonl" -o "$out/report.html"
