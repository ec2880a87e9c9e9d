"""qrd: distil the reasoning of a large language model into several small ones (QR-Distill, arXiv 2508.16861).

Layers, top to bottom; a module imports only from layers below its own (`make check` enforces it):

    cli                                      Typer commands: options in, exit code out
    stages                                   a file or a folder per verb: generate, judge, filter, train, eval, ...
    reports                                  facts to figures and to one HTML page
    method  training  evaluation  prompts    the paper; the trainer core; scores; words that models read
    filters  published  inspection  exports  rules; data sets as published; what inspect shows; rows for other trainers
    answers  backends                        text -> answer -> equal?; models that answer
    rows                                     records in and out, crash-safe, and what stands beside them
    config                                   options as dataclass fields
    models                                   what a model's name means; models from the package index; chat templates
    console  forks                           messages; processes that answer beside this one
    errors
    masking                                  secrets kept out of what is said and written

`method` is the paper and knows nothing of qrd; `training` is the trainer core and knows nothing of the paper;
`stages/train/distilling.py` is where they meet, and `stages/eval/competence.py` once training is over.
"""

__version__ = "0.1.0"
