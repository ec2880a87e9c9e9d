"""Adapters that add their product in one pass: the losses and gradients of plain peft, and its logits to the bit."""

import pytest
import torch

from qrd.training import students
from qrd.training.batches import Encoder, collate

CPU = torch.device("cpu")
ASKED = [{"role": "user", "content": "Why?"}]


def gradients(student, batch):
    torch.manual_seed(0)  # of the dropout
    torch.cat(student.run(batch).ce).sum().backward()
    found = {name: parameter.grad.clone() for name, parameter in student.trainable().items()}
    student.model.zero_grad()
    return found


@pytest.mark.parametrize("family", ["llama", "gemma"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_fused_sums_give_the_gradients_of_plain_peft(settings, tiny, family, dropout):
    config = settings(lora_dropout=dropout, lora_alpha=12)
    student = students.load_student(students.StudentSpec("s", str(getattr(tiny, family))), config, CPU)
    for name, parameter in student.trainable().items():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    encoder = Encoder(student.tokenizer)
    batch = collate([encoder.encode(ASKED, "Because."), encoder.encode(ASKED, "Because 3 + 4 = 7, and so on.")])
    fused = gradients(student, batch)
    ids_BT = torch.arange(20)[None]
    with torch.no_grad():
        said = student.model.eval()(input_ids=ids_BT).logits
    layers = [module for module in student.model.modules() if getattr(module, "lora_variant", None)]
    assert len(layers) == 14
    for layer in layers:
        layer.lora_variant.clear()
    with torch.no_grad():
        assert torch.equal(student.model(input_ids=ids_BT).logits, said)
    student.model.train()
    plain = gradients(student, batch)
    for name, gradient in plain.items():
        assert (fused[name] - gradient).norm() <= 1e-5 * gradient.norm(), name
