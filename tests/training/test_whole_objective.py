"""One step's gradients against eq. 9 written out in one piece, on whole logits and with a loop for every sum; twins."""

import pytest
import torch
from tiny_models import read_rows
from torch.nn.functional import cross_entropy

from qrd.method import router
from qrd.stages.train import run as train
from qrd.training.loop import Loop

LAMBDA_ENTROPY, LAMBDA_MUTUAL = 0.3, 0.2


def read(student, encoded):
    """Summed loss of a path's targets, and the last hidden states of its response, by the whole model."""
    found = student.base(input_ids=torch.tensor([encoded.ids]), output_hidden_states=True)
    targets = torch.tensor(encoded.ids[encoded.num_prompt :])
    ce = cross_entropy(found.logits[0, encoded.num_prompt - 1 : -1], targets, reduction="sum")
    return ce, found.hidden_states[-1][0, encoded.num_prompt : -1]


def shared_words(projection, states, encoded, response):
    """Each word of the response in the shared space: the mean of the tokens that overlap it, projected, normalised."""
    rows, at = [], 0
    for word in response.split():
        at = response.index(word, at)
        span = (at, at + len(word))
        at += len(word)
        rows.append(torch.stack([z for z, (a, b) in zip(states, encoded.offsets, strict=True)
                                 if max(a, span[0]) < min(b, span[1])]).mean(dim=0))  # fmt: skip
    raw = torch.stack(rows) @ projection.linear.weight.T
    centred = raw - raw.mean(dim=1, keepdim=True)
    return centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()


def mutual_terms(loop, example, pairs):
    """Eq. 8 and the competence loss on a path of several students; `pairs` maps each to its loss and states."""
    modules, z = loop.objective.modules, {}
    for s, (_, states) in pairs.items():
        z[s] = shared_words(modules["projections"][s], states, example.encoded[s], example.response)
    weight = modules["competence"].weight_SD
    scores = torch.stack([z[s].detach().mean(dim=0) @ weight[s] for s in pairs])
    ensemble = sum(g * z[s].detach() for g, s in zip(scores.softmax(0).detach(), pairs, strict=True))
    peer = sum((z[s] - ensemble).square().mean() for s in pairs)
    means = torch.stack([ce.detach() / example.encoded[s].num_targets for s, (ce, _) in pairs.items()])
    p = (-means).softmax(0)
    return peer + (p * (p.log() - scores.log_softmax(0))).sum()


def students_loss(loop, window, selected):
    """What students, projections and competence learn from, and the losses as numbers for the router."""
    losses = torch.zeros(len(window.rows), 2)
    total, runs = 0.0, []
    for k, example in enumerate(window.examples):
        pairs = {s: read(loop.students[s], example.encoded[s]) for s in (0, 1) if selected[k, s]}
        runs.append(pairs)
        for s, (ce, _) in pairs.items():
            tokens = sum(
                e.encoded[s].num_targets for e, run in zip(window.examples, selected[:, s], strict=True) if run
            )
            total, losses[k, s] = total + ce / tokens, ce.detach()
    co_routed = [k for k, pairs in enumerate(runs) if len(pairs) == 2]
    for k in co_routed:
        total = total + LAMBDA_MUTUAL * mutual_terms(loop, window.examples[k], runs[k]) / len(co_routed)
    return total, losses


def routers_loss(opened, window, losses):
    """The router's lesson: each student's mean with gates that bear gradient, minus the entropy of its soft load."""
    alpha, total = opened.alpha_KS, 0.0
    for s in (0, 1):
        picked = [k for k in range(len(window.rows)) if alpha[k, s] > 0.5]
        tokens = sum(alpha[k, s] * window.examples[k].encoded[s].num_targets for k in picked)
        total = total + sum(alpha[k, s] * losses[k, s] for k in picked) / tokens
        load = opened.probability_KS[:, s].mean()
        total = total + LAMBDA_ENTROPY / 2 * (load * load.log() + (1 - load) * (1 - load).log())
    return total


@pytest.mark.parametrize("routing", ["independent", "none"])
def test_a_step_has_the_gradients_of_the_objective_written_out(settings, console, monkeypatch, routing):
    kept = {}

    def keep(loop, step):
        kept.update(loop=loop, grads={n: p.grad.clone() for n, p in loop.trained.named().items() if p.grad is not None})
        loop.optimizer.zero_grad()

    monkeypatch.setattr(Loop, "_update", keep)
    entropy = {"lambda_entropy": LAMBDA_ENTROPY} if routing == "independent" else {}
    train.run(settings(routing=routing, lambda_mutual=LAMBDA_MUTUAL, max_steps=1, **entropy), console)
    loop, window = kept["loop"], kept["loop"].window(0)
    for student in loop.students:  # saving leaves them in the way of use
        student.model.train()
    opened = loop.objective.open(window)
    assert 0 < opened.selected_KS.sum(dim=1).eq(2).sum() <= 8
    total, losses = students_loss(loop, window, opened.selected_KS)
    total.backward()
    if routing == "independent":
        assert not opened.selected_KS.all()
        routers_loss(opened, window, losses).backward()
    expected = {n: p.grad for n, p in loop.trained.named().items() if p.grad is not None}
    assert expected.keys() == kept["grads"].keys()
    for name, gradient in kept["grads"].items():
        assert torch.allclose(gradient, expected[name], rtol=1e-3, atol=2e-6), name


@pytest.mark.parametrize("differs", [False, True])
@pytest.mark.parametrize("others", [[], ["another"]], ids=["two", "another between them"])
def test_twins_with_copied_projections_teach_each_other_nothing(
    settings, console, tiny, tmp_path, monkeypatch, differs, others
):
    names = ["first", *others, "second"]
    make_objective, draw_gates = train.make_objective, router.draw_gates

    def alike(config, students, examples):
        objective = make_objective(config, students, examples)
        first, second = objective.projections[0], objective.projections[-1]
        second.load_state_dict(first.state_dict())
        torch.nn.init.normal_(objective.weight_SD)
        if differs:
            torch.nn.init.normal_(second.linear.weight)
        return objective

    def both_twins(*tensors, **options):
        gates_KS = 0 * draw_gates(*tensors, **options)
        return gates_KS + torch.tensor([1.0, *[0.0] * len(others), 1.0])

    monkeypatch.setattr(train, "make_objective", alike)
    monkeypatch.setattr(router, "draw_gates", both_twins)
    models = [f"{name}={tiny.gemma if name in others else tiny.llama}" for name in names]
    train.run(settings(student=models, max_steps=1), console)
    [line] = read_rows(tmp_path / "run" / "metrics.jsonl")
    if differs:
        assert line["terms"]["mutual"] > 0.1
    else:
        assert line["terms"]["mutual"] == pytest.approx(0.0, abs=1e-10)
        assert line["spread"].keys() == {"first", "second"}
