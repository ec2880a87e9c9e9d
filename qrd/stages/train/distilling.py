"""The paper's objective on the trainer's windows: gates per window, shares per micro-batch, the router's lesson.

Half of the one place where the method meets the trainer; the other half is ``train``. Source: paper, sections
2.4 to 2.6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qrd.config import TrainConfig
from qrd.method import memory, mutual, objective, router, words
from qrd.training.batches import Example, derive_seed
from qrd.training.encoder import embed_texts
from qrd.training.log import COLLAPSED
from qrd.training.objective import Closing, Micro, Part, Window
from qrd.training.students.student import Student

ROUTER_HIDDEN = 256


def make(config: TrainConfig, students: Sequence[Student], examples: Sequence[Example]) -> QrDistill:
    """The paper's objective for these students, their modules initialised by the seed; it embeds the paths to route."""
    embedding_KD = None
    if config.has_router:
        texts = [example.response for example in examples]
        device, trusted = students[0].device, config.trust_remote_code
        embedding_KD = embed_texts(texts, str(config.encoder), device=device, trust_remote_code=trusted)
    torch.manual_seed(derive_seed(config.seed, "objective"))
    widths = {student.name: student.width for student in students}
    return QrDistill(config, widths, embedding_KD, students[0].device)


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
        self.sees_state = config.router_input == "path+state"
        self.modules: nn.Module = self._build().to(device)

    def _build(self) -> nn.Module:
        parts: dict[str, nn.Module] = {}
        if self.embedding_KD is not None:
            num_paths, width = self.embedding_KD.shape
            gate = router.Router(width, ROUTER_HIDDEN, len(self.widths), sees_state=self.sees_state)
            gate.standardise_as(self.embedding_KD)
            parts["router"] = gate
            if self.sees_state or self.config.route_by == "gain":
                parts["memory"] = memory.LossMemory(num_paths, len(self.widths))
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
            "students": list(self.widths),
            "widths": list(self.widths.values()),
            "routing": self.routing,
            "router_input": self.config.router_input,
            "encoder": self.config.encoder,
            "embedding_width": width,
            "router_hidden": ROUTER_HIDDEN,
            "shared_width": self.config.shared_width if self.lambda_mutual > 0 else None,
        }

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
        rows_K = torch.tensor(window.rows)
        state_KS = None
        if self.past is not None and self.sees_state:
            state_KS = memory.standardise_losses(self.past.mean_JS, self.past.seen_JS, rows_K.to(self.device))
        logits_KS: Tensor = self.modules["router"](self.embedding_KD[rows_K].to(self.device), state_KS)  # type: ignore[index]
        return logits_KS

    @property
    def past(self) -> memory.LossMemory | None:
        """Each student's loss on each path so far, where an option asks for it."""
        found: memory.LossMemory | None = getattr(self.modules, "memory", None)
        return found

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
        sums: dict[str, Tensor] = {}
        lambda_mutual = self.whole.lambda_mutual
        for b, row in enumerate(micro.rows):
            if lambda_mutual > 0 and self.co_routed[row]:
                loss = loss + lambda_mutual * self._mutual(row, micro.hidden[b], micro.ce_sum_BS[b], sums)
        return Part(loss, sums)

    def _mutual(self, row: int, hidden: Mapping[int, Tensor], ce_sum_S: Tensor, sums: dict[str, Tensor]) -> Tensor:
        """Peer and competence loss of one path, over the number of co-routed paths; both and the spread are added to
        `sums`."""
        students = sorted(hidden)
        share: float = 1 / sum(self.co_routed)
        shared_SWD = self._shared(row, hidden)
        if shared_SWD.shape[1] == 0:  # a text of which some tokenizer keeps nothing
            return ce_sum_S.new_zeros(())
        weight_SD = _pick(self.whole.weight_SD, students)
        target_WD = mutual.ensemble(shared_SWD, mutual.competence(shared_SWD, weight_SD))
        peer = mutual.peer_loss(shared_SWD, target_WD) * share
        ce_mean_S = _pick(ce_sum_S, students) / _pick(self.targets_KS[row], students)
        competence = mutual.competence_loss(shared_SWD, weight_SD, ce_mean_S) * share
        found = {"mutual": peer.detach(), "competence": competence.detach()}
        if len(self.spans[row]) >= 2:
            spread = zip(students, mutual.spread(shared_SWD).unbind(), strict=True)
            found |= {f"spread/{s}": value / self.num_spread[s] for s, value in spread}
        for name, value in found.items():
            sums[name] = sums[name] + value if name in sums else value
        return peer + competence

    def _shared(self, row: int, hidden: Mapping[int, Tensor]) -> Tensor:
        """z~ of the path's students over the words that all of them have tokens for.

        Shapes: shared_SWD.
        """
        students, encoded = sorted(hidden), self.window.examples[row].encoded
        versions = words.shared_words([words.align(encoded[s].offsets, self.spans[row]) for s in students])
        num_words = len({word for _, word in versions[0]})
        shared = []
        for s, pairs in zip(students, versions, strict=True):
            words_WD, _ = words.average_tokens(hidden[s], pairs, num_words)
            shared.append(mutual.project(self.whole.projections[s], words_WD.to(self.whole.device)))
        return torch.stack(shared)

    def close(self, ce_sum_KS: Tensor, sums: Mapping[str, float]) -> Closing:
        """The router's lesson from the detached losses of all pairs (departure 4), and eq. 9 for the logs."""
        config = self.whole.config
        ce_sum_KS = ce_sum_KS.to(self.whole.device)
        distill_S = objective.distill_loss(self.alpha_KS, ce_sum_KS, self.targets_KS)
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
        closing = Closing(
            self._lesson(total, distill_S, ce_sum_KS),
            terms,
            {names[s]: value for s, value in spread.items()},
            self._watch_collapse(spread),
        )
        self._remember(ce_sum_KS)
        return closing

    def _lesson(self, total: Tensor, distill_S: Tensor, ce_sum_KS: Tensor) -> Tensor | None:
        """What the router learns from: eq. 9, with falls in the place of losses under --route-by gain."""
        if not self.alpha_KS.requires_grad:
            return None
        past = self.whole.past
        if past is None or self.whole.config.route_by == "loss":
            return total
        rows_K = torch.tensor(self.window.rows, device=self.whole.device)
        before_KS, seen_KS = past.mean_JS[rows_K], past.seen_JS[rows_K]
        gain_S = objective.gain_loss(self.alpha_KS, ce_sum_KS, self.targets_KS, before_KS=before_KS, seen_KS=seen_KS)
        return total + (gain_S - distill_S).sum()

    def _remember(self, ce_sum_KS: Tensor) -> None:
        if self.whole.past is not None:
            rows_K = torch.tensor(self.window.rows, device=self.whole.device)
            self.whole.past.note(rows_K, ce_sum_KS / self.targets_KS, self.selected_KS)

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


def _pick(each: Tensor, students: Sequence[int]) -> Tensor:
    """The rows of some students; a list as an index would be sent to the device, which the host waits for."""
    return torch.stack([each[s] for s in students])
