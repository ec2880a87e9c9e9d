"""qrd: distil the reasoning of a large language model into several small ones (QR-Distill, arXiv 2508.16861).

Layers, top to bottom; a module imports only from layers below its own (`make check` enforces it):

    cli                                    Typer commands: options in, exit code out
    stages                                 one file per verb: generate, judge, filter, train, eval, report, ...
    method  training  evaluation           the paper; the trainer core; scores and ensembles
    prompts  filters  published inspection words that models read; rules; data sets as published; what inspect shows
    reports                                facts to figures and to one HTML page
    answers  backends                      text -> answer -> equal?; models that answer
    manifest  embedded  chat               where files came from; models from the package index; chat templates
    jsonl  lines                           records in and out, crash-safe
    records  config  console  masking      what rows and options are; messages; secrets kept out of them
    knobs  forks                           options as dataclass fields; processes that answer beside this one
    errors

`method` is the paper and knows nothing of qrd; `training` is the trainer core and knows nothing of the paper;
`stages/train.py` and `stages/distilling.py` are where they meet, and `stages/eval_competence.py` once training is over.
"""

__version__ = "0.1.0"
