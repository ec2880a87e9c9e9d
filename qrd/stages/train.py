"""train: paths to fitted students.

Reads:   paths; the models named by --student and --encoder.
Does:    fits all students jointly with QR-Distill, or each on every path with --objective sft.
Writes:  a run folder: config.toml, manifest.json, metrics.jsonl, routing.jsonl, students/, router/, checkpoints/.
Never:   trains on a cut, empty or refused answer; shortens a path; changes a path's answer or grade.

The one place where the method meets the trainer. Source: paper, sections 2.4 to 2.6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from qrd import knobs, prompts
from qrd.chat import Messages
from qrd.config import TrainConfig
from qrd.console import Console
from qrd.embedded import is_embedded
from qrd.errors import ConfigError, GateError
from qrd.jsonl import Reader
from qrd.manifest import Manifest
from qrd.method import mutual, objective, router, words
from qrd.records import Path
from qrd.stages import asking
from qrd.training.batches import Example, derive_seed
from qrd.training.encoder import embed_texts
from qrd.training.fitting import Fitting
from qrd.training.folder import RunFolder, identity_of
from qrd.training.loop import Closing, Loop, Micro, Objective, Part, StepResult, Window
from qrd.training.paths import doubts, encode_paths, refusal
from qrd.training.sft import Sft
from qrd.training.students import Student, load_student, parse_students
from qrd.training.trackers import available_trackers

PAPER_ENCODER = "FacebookAI/roberta-base"  # section 3.2
EMBEDDED_ENCODER = "embedded:minilm-l6"
LAMBDA_MUTUAL = 0.1  # the released code's value
ROUTER_HIDDEN = 256
COLLAPSED = 0.01  # of the first spread (departure 7)


@dataclass
class Summary:
    """Counts of one run; `reasons` says why paths were left out, `students` maps names to models."""

    num_in: int = 0
    num_out: int = 0
    num_bad: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    num_steps: int = 0
    tokens: int = 0
    students: dict[str, str] = field(default_factory=dict)

    @property
    def is_partial(self) -> bool:
        """Whether some rows were refused or set aside (exit 3)."""
        return bool(self.num_bad or self.reasons)


def run(config: TrainConfig, console: Console) -> Summary:
    """Fit the students and write the run folder; the counts of this run.

    Raises: ConfigError for options that contradict each other or another run in the folder; GateError where
    no path is left; Interrupted after a signal, resumable.
    """
    config = settled(config)
    manifest = Manifest("train", config, config.output)
    reader = Reader(config.input, Path, unique="path_id", skip_bad=config.skip_bad)
    paths, summary = usable_paths(reader, config)
    asking.report_bad(reader, console)
    accelerator = _accelerator(config)
    folder = RunFolder(config, leads=accelerator.is_main_process)
    try:
        folder.begin(config, identity_of(config, reader.sha256))
        accelerator.wait_for_everyone()
        if folder.is_finished():
            console.say(f"{config.output}: already finished; --no-resume sets it aside and starts over")
            return summary
        _fit(config, paths, folder, accelerator, summary, console)
        if folder.leads:
            manifest.finish(
                inputs=reader.sha256, rows_in=summary.num_in, rows_out=summary.num_out, reasons=summary.reasons,
                students=summary.students, steps=summary.num_steps, tokens=summary.tokens,
            )  # fmt: skip
    finally:
        folder.close()
    return summary


def settled(config: TrainConfig) -> TrainConfig:
    """The configuration with every default that depends on other options filled in.

    Raises: ConfigError for options that contradict each other.
    """
    specs = parse_students(config.student)
    if config.load_in_4bit and config.finetune == "full":
        raise ConfigError("--load-in-4bit: 4-bit weights cannot be fitted in full; use --finetune qlora")
    all_embedded = all(is_embedded(spec.model) for spec in specs)
    return replace(
        config,
        finetune="qlora" if config.load_in_4bit else config.finetune,
        load_in_4bit=config.load_in_4bit or config.finetune == "qlora",
        encoder=config.encoder or (EMBEDDED_ENCODER if all_embedded else PAPER_ENCODER),
        lambda_mutual=_lambda_mutual(config, len(specs)),
    )


def _lambda_mutual(config: TrainConfig, num_students: int) -> float:
    reason = None
    if config.objective == "sft":
        reason = "with --objective sft: the plain baseline has no mutual term"
    elif config.routing == "exclusive":
        reason = "with --routing exclusive: no path has two students, so none can teach another"
    elif num_students < 2:
        reason = "with one student: there is nobody to learn from"
    if reason is None:
        return LAMBDA_MUTUAL if config.lambda_mutual is None else config.lambda_mutual
    if config.lambda_mutual:
        raise ConfigError(f"--lambda-mutual {config.lambda_mutual:g} {reason}; leave it out or set it to 0")
    return 0.0


def usable_paths(reader: Reader[Path], config: TrainConfig) -> tuple[list[Path], Summary]:
    """The paths fit to be trained on, and a summary that counts the others by reason."""
    rows = [row.record for row in asking.selected(reader, config)]
    reasons = Counter(reason for path in rows if (reason := refusal(path)))
    usable = [path for path in rows if not refusal(path)]
    bad = len(reader.bad)
    return usable, Summary(num_in=len(rows) + bad, num_out=len(usable), num_bad=bad, reasons=dict(reasons))


def _fit(
    config: TrainConfig, paths: list[Path], folder: RunFolder, accelerator: Accelerator, summary: Summary,
    console: Console,
) -> None:  # fmt: skip
    for text in doubts(paths):
        console.say(text)
    specs = parse_students(config.student)
    students = [load_student(spec, config, accelerator.device) for spec in specs]
    examples = _examples(paths, students, config, summary)
    objective_ = _objective(config, students, examples, accelerator)
    loop = Loop(students, examples, objective_, config, accelerator)
    fitting = Fitting(loop, folder)
    if done := fitting.resume():
        console.say(f"{config.output}: resumes after step {done} of {loop.total_steps}")
    with console.progress("train", loop.total_steps) as progress:
        progress.advance(done=done)

        def watch(result: StepResult) -> None:
            progress.advance(done=1, tokens=sum(result.student_tokens.values()))
            if result.closing.warning:
                console.say(f"step {result.window.step + 1}: {result.closing.warning}")

        fitting.run(watch)
    summary.num_steps, summary.tokens = loop.total_steps, fitting.num_tokens
    summary.students = {spec.name: spec.model for spec in specs}
    if folder.leads:
        folder.save_students(students)
        if isinstance(objective_, QrDistill):
            folder.save_modules(objective_.modules, objective_.facts())
    accelerator.end_training()


def _accelerator(config: TrainConfig) -> Accelerator:
    accelerator = Accelerator(log_with=available_trackers(config.report_to) or None, project_dir=config.output)
    if config.report_to:
        accelerator.init_trackers("qrd", config={name: str(v) for name, v in knobs.plain(config).items()})
    return accelerator


def _examples(paths: list[Path], students: Sequence[Student], config: TrainConfig, summary: Summary) -> list[Example]:
    """The paths as tokens; those too long for a student are counted `too_long`.

    Raises: GateError where none is left.
    """

    def messages(path: Path) -> Messages:
        if config.prompt == "plain":
            return prompts.student_messages(path)
        if not path.prompt:
            raise ConfigError(f"--prompt style: path {path.path_id!r} has no prompt; use --prompt plain")
        return [{"role": message.role, "content": message.content} for message in path.prompt]

    tokenizers, reasons = [student.tokenizer for student in students], summary.reasons
    examples = encode_paths(paths, messages, tokenizers, max_length=config.max_length, reasons=reasons)
    summary.num_out = len(examples)
    if not examples:
        raise GateError(f"no path is left to train on, of {summary.num_in}: {summary.reasons or 'the input is empty'}")
    return examples


def _objective(
    config: TrainConfig, students: Sequence[Student], examples: Sequence[Example], accelerator: Accelerator
) -> Objective:
    if config.objective == "sft":
        return Sft([student.name for student in students])
    embedding_KD = None
    if config.routing != "none":
        texts = [example.response for example in examples]
        device, trusted = accelerator.device, config.trust_remote_code
        embedding_KD = embed_texts(texts, str(config.encoder), device=device, trust_remote_code=trusted)
    torch.manual_seed(derive_seed(config.seed, "objective"))
    widths = {student.name: student.width for student in students}
    return QrDistill(config, widths, embedding_KD, accelerator.device)


class QrDistill:
    """The paper's objective (eq. 9) on the trainer's windows.

    Axes: K paths, B paths of a micro-batch, S students, W words, D width.
    """

    def __init__(
        self,
        config: TrainConfig,
        widths: Mapping[str, int],
        embedding_KD: Tensor | None,
        device: torch.device,
    ) -> None:
        """`embedding_KD` of all paths, in their order; None where every path goes to every student."""
        self.config, self.widths, self.device = config, dict(widths), device
        self.routing: router.Routing = config.routing  # type: ignore[assignment]
        self.lambda_mutual = config.lambda_mutual or 0.0
        self.embedding_KD = embedding_KD
        self.modules: nn.Module = self._build().to(device)

    def _build(self) -> nn.Module:
        parts: dict[str, nn.Module] = {}
        if self.embedding_KD is not None:
            gate = router.Router(self.embedding_KD.shape[1], ROUTER_HIDDEN, len(self.widths))
            gate.standardise_as(self.embedding_KD)
            parts["router"] = gate
        if self.lambda_mutual > 0:
            shared = self.config.shared_width
            parts["projections"] = nn.ModuleList(mutual.Projection(width, shared) for width in self.widths.values())
            parts["competence"] = mutual.Competence(len(self.widths), shared)
        modules = nn.ModuleDict(parts)
        modules.register_buffer("first_spread_S", torch.zeros(len(self.widths)))
        return modules

    def facts(self) -> dict[str, Any]:
        """What is needed to build the modules again; part of router/."""
        width = None if self.embedding_KD is None else self.embedding_KD.shape[1]
        return {
            "students": list(self.widths), "widths": list(self.widths.values()), "routing": self.routing,
            "encoder": self.config.encoder, "embedding_width": width, "router_hidden": ROUTER_HIDDEN,
            "shared_width": self.config.shared_width if self.lambda_mutual > 0 else None,
        }  # fmt: skip

    def open(self, window: Window) -> QrDistillWindow:
        """Gates of the window's paths, drawn with the seed of its step."""
        logits_KS = self._logits(window)
        generator = torch.Generator().manual_seed(derive_seed(self.config.seed, "gates", window.step))
        noise_KS = router.draw_noise(*logits_KS.shape, routing=self.routing, generator=generator)
        final = self.config.gumbel_final_temperature
        temperature = router.temperature_at(
            window.progress,
            start=self.config.gumbel_temperature,
            final=final or self.config.gumbel_temperature,
            anneal=self.config.gumbel_anneal,  # type: ignore[arg-type]
        )
        alpha_KS = router.draw_gates(logits_KS, noise_KS.to(self.device), routing=self.routing, temperature=temperature)
        return QrDistillWindow(self, window, router.probabilities(logits_KS, self.routing), alpha_KS)

    def _logits(self, window: Window) -> Tensor:
        if self.embedding_KD is None:
            return torch.zeros(len(window.rows), len(self.widths), device=self.device)
        logits_KS: Tensor = self.modules["router"](self.embedding_KD[list(window.rows)].to(self.device))  # type: ignore[index]
        return logits_KS

    @property
    def projections(self) -> Any:
        """One projection per student."""
        return self.modules["projections"]  # type: ignore[index]

    @property
    def weight_SD(self) -> Tensor:
        """The competence vectors."""
        weight_SD: Tensor = self.modules["competence"].weight_SD  # type: ignore[index]
        return weight_SD


class QrDistillWindow:
    """The objective on one window: its gates, and the normalisers that all of its micro-batches share."""

    def __init__(self, whole: QrDistill, window: Window, probability_KS: Tensor, alpha_KS: Tensor) -> None:
        self.whole, self.window = whole, window
        self.probability_KS, self.alpha_KS = probability_KS, alpha_KS
        self.selected_KS = alpha_KS.detach() > 0.5
        self.targets_KS = window.targets().to(whole.device)
        self.window_tokens_S = (self.selected_KS * self.targets_KS).sum(dim=0)
        self.spans = [words.split_words(example.response) for example in window.examples]
        self.co_routed = objective.co_routed(self.selected_KS).tolist()
        # A single word has no spread, so only longer responses count for it.
        long_K = torch.tensor([len(spans) >= 2 for spans in self.spans], device=whole.device)
        spread_KS = self.selected_KS & (objective.co_routed(self.selected_KS) & long_K).unsqueeze(1)
        self.num_spread = spread_KS.sum(dim=0).tolist()

    def part(self, micro: Micro) -> Part:
        """The micro-batch's share of eq. 9, with the competence loss beside it."""
        loss = objective.distill_share(micro.ce_sum_BS, self.window_tokens_S)
        sums: Counter[str] = Counter()
        lambda_mutual = self.whole.lambda_mutual
        for b, row in enumerate(micro.rows):
            if lambda_mutual > 0 and self.co_routed[row]:
                peer, competence = self._mutual(row, micro.hidden[b], micro.ce_sum_BS[b], sums)
                loss = loss + lambda_mutual * (peer + competence) / sum(self.co_routed)
        return Part(loss, sums)

    def _mutual(
        self, row: int, hidden: Mapping[int, Tensor], ce_sum_S: Tensor, sums: Counter[str]
    ) -> tuple[Tensor, Tensor]:
        """Peer and competence loss of one path; their values and the spread are added to `sums`."""
        students = sorted(hidden)
        shared_SWD = self._shared(row, hidden)
        if shared_SWD.shape[1] == 0:  # a text of which some tokenizer keeps nothing
            return ce_sum_S.new_zeros(()), ce_sum_S.new_zeros(())
        weight_SD = self.whole.weight_SD[students]
        target_WD = mutual.ensemble(shared_SWD, mutual.competence(shared_SWD, weight_SD))
        peer = mutual.peer_loss(shared_SWD, target_WD)
        ce_mean_S = ce_sum_S[students] / self.targets_KS[row, students]
        competence = mutual.competence_loss(shared_SWD, weight_SD, ce_mean_S)
        sums["mutual"] += peer.item() / sum(self.co_routed)
        sums["competence"] += competence.item() / sum(self.co_routed)
        if len(self.spans[row]) >= 2:
            for s, value in zip(students, mutual.spread(shared_SWD).tolist(), strict=True):
                sums[f"spread/{s}"] += value / self.num_spread[s]
        return peer, competence

    def _shared(self, row: int, hidden: Mapping[int, Tensor]) -> Tensor:
        """z~ of the path's students over the words that all of them have tokens for.

        Shapes: shared_SWD.
        """
        spans, encoded = self.spans[row], self.window.examples[row].encoded
        pooled = {
            s: words.average_tokens(hidden[s], words.align(encoded[s].offsets, spans), len(spans))
            for s in sorted(hidden)
        }
        covered_W = torch.stack([covered for _, covered in pooled.values()]).all(dim=0)
        return torch.stack(
            [mutual.project(self.whole.projections[s], words_WD[covered_W]) for s, (words_WD, _) in pooled.items()]
        )

    def close(self, ce_sum_KS: Tensor, sums: Mapping[str, float]) -> Closing:
        """The router's lesson from the detached losses of all pairs (departure 4), and eq. 9 for the logs."""
        config = self.whole.config
        distill_S = objective.distill_loss(self.alpha_KS, ce_sum_KS.to(self.whole.device), self.targets_KS)
        entropy = router.load_entropy(self.probability_KS, routing=self.whole.routing, balance=config.balance)  # type: ignore[arg-type]
        total = objective.total_loss(
            distill_S,
            entropy=entropy,
            mutual=torch.tensor(sums.get("mutual", 0.0), device=self.whole.device),
            lambda_entropy=config.lambda_entropy,
            lambda_mutual=self.whole.lambda_mutual,
        )
        terms = {"loss": total.item(), "distill": distill_S.sum().item()}
        terms |= {f"distill/{name}": x for name, x in zip(self.whole.widths, distill_S.tolist(), strict=True)}
        if self.alpha_KS.requires_grad:
            terms["entropy"] = entropy.item()
        if self.whole.lambda_mutual > 0:
            terms |= {name: sums.get(name, 0.0) for name in ("mutual", "competence")}
        spread = {s: sums[f"spread/{s}"] for s in range(len(self.whole.widths)) if f"spread/{s}" in sums}
        names = list(self.whole.widths)
        return Closing(
            total if self.alpha_KS.requires_grad else None,
            terms,
            {names[s]: value for s, value in spread.items()},
            self._watch_collapse(spread),
        )

    def _watch_collapse(self, spread: Mapping[int, float]) -> str | None:
        """A warning where a student's words have come to look alike (departure 7)."""
        first_S: Any = self.whole.modules.first_spread_S
        fallen = []
        for s, value in spread.items():
            if first_S[s] == 0:
                first_S[s] = value
            elif value < COLLAPSED * first_S[s]:
                fallen.append(list(self.whole.widths)[s])
        if not fallen:
            return None
        return f"warning: the shared states of {', '.join(fallen)} have collapsed; a smaller --lambda-mutual may help"
