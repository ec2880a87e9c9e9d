"""qrd: distil the reasoning of a large language model into several small ones (QR-Distill, arXiv 2508.16861).

Layers, top to bottom; a module imports only from layers below its own (`make check` enforces it):

    cli                                                      Typer commands: options in, exit code out
    stages                                                   one file per verb: generate, judge, filter, train, eval ...
    method  training  evaluation  answers  backends  prompts  filters
    embedded                                                 models that install from the package index
    jsonl  records  config  console  errors                  records, files, options, messages

`method` is the paper and knows nothing of qrd; `training` is the trainer core and knows nothing of the paper;
`stages/train.py` is the one place where they meet.
"""

__version__ = "0.1.0"
