import dataclasses

from qrd.config import TrainConfig
from qrd.stages.train.objectives import OBJECTIVES


def test_every_objective_that_can_be_asked_for_can_be_made():
    (field,) = (field for field in dataclasses.fields(TrainConfig) if field.name == "objective")
    assert field.metadata["choices"] == tuple(OBJECTIVES)
