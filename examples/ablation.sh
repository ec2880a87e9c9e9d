#!/usr/bin/env bash
# The paper's ablation on data of your own: the same students without each part, then one table of paired tests.
#
#   examples/ablation.sh JUDGED.jsonl TEST.jsonl FOLDER
#
# Needs:  what `qrd train` needs for your students (STUDENTS, by default the two embedded ones, offline).
# Takes:  as many runs as CONDITIONS names; each is resumed by the same command. With the embedded students and 200
#         paths of 150 tokens about 25 minutes a run on two cores.
# Costs:  nothing: no model is asked, the paths are there.
# Gives:  FOLDER/CONDITION/run and FOLDER/CONDITION.jsonl (predictions), and FOLDER/compared.json
set -euo pipefail

judged=$1 test=$2 out=$3
students=(${STUDENTS:-embedded:smollm2-135m embedded:gemma3-270m})
conditions=(${CONDITIONS:-full no-filter no-routing no-mutual one-path})
mkdir -p "$out"

qrd filter "$judged" -o "$out/kept.jsonl"
predictions=()
for condition in "${conditions[@]}"; do
    paths=$out/kept.jsonl
    case $condition in
        full) flags=() ;;
        no-filter) flags=() paths=$judged ;;
        no-routing) flags=(--routing none) ;;
        no-mutual) flags=(--lambda-mutual 0) ;;
        one-path) flags=(--objective sft --paths-per-question one) ;;
        exclusive) flags=(--routing exclusive) ;;
        *) echo "no condition is called $condition" >&2; exit 2 ;;
    esac
    qrd train "$paths" "${students[@]/#/--student=}" "${flags[@]}" -o "$out/$condition/run"
    qrd eval "$test" --run "$out/$condition/run" -o "$out/$condition.jsonl"   # its name tells the condition below
    predictions+=("$out/$condition.jsonl")
done
qrd eval --compare "${predictions[@]}" --summary "$out/compared.json"
