"""How far each student is trusted with its own reply: the competence of eq. 6, read once training is over.

In training all students of a path read it, and gamma weighs them against each other on that path. At test time each
student has a reply of its own, so every student reads every reply: the weight of student s's answer is its gamma among
all students on the reply that s wrote. A student that wrote what its peers would be better judges of weighs little.

Math: g[r, s] = softmax over students s of w_s . mean over words of z~_s(reply r); the weight of student s is g[s, s].
With competence vectors as they were before training (0) all weigh 1 / S, which is the vote.
Source: paper, section 2.5, eq. 5 and 6; departures 6, 7 and 9.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from qrd import prompts
from qrd.backends import BackendSettings
from qrd.backends.local.hf_backend import HfLocal
from qrd.config import EvalConfig
from qrd.console import Console, Progress
from qrd.errors import ConfigError
from qrd.masking import one_line
from qrd.method import mutual, words
from qrd.models import chat
from qrd.models.names import source_of
from qrd.stages.eval.candidates import Candidate
from qrd.stages.eval.predicting import Case, speaking
from qrd.training.batches import Encoded, Encoder, collate, cut
from qrd.training.students.logits import agrees, read_head
from qrd.training.students.student import Student

TOKENS = 2048  # read together by a student, padding included


@dataclass(frozen=True)
class Learnt:
    """What training learnt of the students' competence. Shapes: weight_SD, S as in `students`."""

    students: list[str]
    projections: nn.ModuleList
    weight_SD: Tensor


Text = tuple[chat.Messages, str]  # prompt and reply
Shared = tuple[Tensor, Tensor]  # a reply's words as a student projects them, and which of them it has tokens for


def learnt(run: str) -> Learnt | None:
    """The competence that a run learnt; None for a run that had none to learn.

    Raises: ConfigError for files that cannot be read.
    """
    folder = File(run) / "router"
    if not folder.is_dir():
        return None
    try:
        facts = json.loads((folder / "config.json").read_bytes())
        if facts["shared_width"] is None:
            return None
        stored = load_file(folder / "model.safetensors")
        projections = nn.ModuleList(mutual.Projection(width, facts["shared_width"]) for width in facts["widths"])
        begin = "projections."
        parts = {name.removeprefix(begin): part for name, part in stored.items() if name.startswith(begin)}
        projections.load_state_dict(parts)
        return Learnt(facts["students"], projections.requires_grad_(False), stored["competence.weight_SD"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ConfigError(f"{folder}: holds no competence that can be read: {one_line(error)}") from None


def weights(
    learnt: Learnt, students: Sequence[Candidate], cases: Sequence[Case], config: EvalConfig, console: Console
) -> list[dict[str, float]]:
    """For each case the weight of each student's answer, from 0 to 1.

    Raises: ConfigError for students other than those of the competence, or a model that cannot be had.
    """
    names = [student.name for student in students]
    if sorted(names) != sorted(learnt.students):
        raise ConfigError(f"router/ knows the students {', '.join(learnt.students)}; found {', '.join(names)}")
    texts = [
        (prompts.student_messages(question), member["response"]) for question, _, members in cases for member in members
    ]
    shared: dict[str, list[Shared]] = {}
    with console.progress("competence", len(texts) * len(names)) as progress:
        for model in dict.fromkeys(student.model for student in students) if texts else ():
            group = [student for student in students if student.model == model]
            shared |= _read_all(learnt, group, texts, config, progress)
    gammas = iter([_gamma([shared[name][text] for name in learnt.students], learnt) for text in range(len(texts))])
    return [
        {name: next(gammas)[learnt.students.index(name)].item() for name in (member["model"] for member in members)}
        for _, _, members in cases
    ]


def _gamma(readings: Sequence[Shared], learnt: Learnt) -> Tensor:
    """gamma_S of one reply that every student has read; equal weights where no word is left to judge by."""
    covered_W = torch.stack([covered_W for _, covered_W in readings]).all(dim=0)
    if not covered_W.any():
        return torch.full((len(readings),), 1 / len(readings))
    return mutual.competence(torch.stack([shared_WD[covered_W] for shared_WD, _ in readings]), learnt.weight_SD)


@torch.no_grad()
def _read_all(
    learnt: Learnt, group: Sequence[Candidate], texts: Sequence[Text], config: EvalConfig, progress: Progress
) -> dict[str, list[Shared]]:
    """What each student of one model makes of every text, by its name."""
    settings = BackendSettings(device=config.device, dtype=config.dtype, trust_remote_code=config.trust_remote_code)
    # vLLM gives no hidden states.
    backend, found = HfLocal(f"hf:{source_of(group[0].model)}", settings), {}
    try:
        for candidate in group:
            if candidate.adapter is not None:
                backend.load_adapter(candidate.name, candidate.adapter)
        for candidate in group:
            projection = learnt.projections[learnt.students.index(candidate.name)]
            with speaking(backend, candidate), backend.switched():
                found[candidate.name] = _read(backend, candidate.name, projection, texts, progress)
    finally:
        backend.close()
    return found


def _read(backend: HfLocal, name: str, projection: Any, texts: Sequence[Text], progress: Progress) -> list[Shared]:
    student = Student(name, backend.model, backend.network, backend.tokenizer, None, backend.network.device)
    head = read_head(student.base)
    student.head = head if agrees(student.base, head) else None
    encoder = Encoder(backend.tokenizer)
    encoded = [_within(encoder.encode(messages, response), backend.most_tokens()) for messages, response in texts]
    found: dict[int, Shared] = {}
    for rows in cut([len(text.ids) for text in encoded], TOKENS):
        hidden = student.run(collate([encoded[row] for row in rows])).hidden
        for row, hidden_TD in zip(rows, hidden, strict=True):
            spans = words.split_words(texts[row][1])
            pairs = words.align(encoded[row].offsets, spans)
            words_WD, covered_W = words.average_tokens(hidden_TD.cpu(), pairs, len(spans))
            found[row] = mutual.project(projection, words_WD), covered_W
        progress.advance(done=len(rows))
    return [found[row] for row in range(len(texts))]


def _within(text: Encoded, most: int | None) -> Encoded:
    """The text without what is behind the most tokens that a model reads; words there are then not covered.

    Example: ids [1, 8, 20, 21, 2] with num_prompt 2 and at most 4 tokens become [1, 8, 20, 2].
    """
    if most is None or len(text.ids) <= most:
        return text
    num_response = max(0, most - 1 - text.num_prompt)
    kept = text.ids[: text.num_prompt + num_response]
    return Encoded((*kept, text.ids[-1]), text.num_prompt, text.offsets[:num_response])
