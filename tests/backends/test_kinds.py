from importlib import import_module
from inspect import getattr_static, signature

import pytest

from qrd import backends
from qrd.backends.api.backend import Api
from qrd.backends.protocol import Backend
from qrd.models.names import KINDS

PLACES = sorted({*backends.BACKENDS.values(), backends.BATCHED, backends.ON_A_CLUSTER})


def test_every_prefix_of_a_name_has_a_backend():
    assert set(backends.BACKENDS) == set(KINDS)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[0])
def test_every_backend_is_made_from_a_name_and_settings_and_has_what_a_backend_has(place):
    module, name = place
    found = getattr(import_module(f"qrd.backends.{module}"), name)
    assert list(signature(found).parameters) == ["model", "settings"]
    kind = found if isinstance(found, type) else Api
    asked = {what for what in vars(Backend) if not what.startswith("_")} - {"guides"}  # one finds it out as it begins
    assert asked == {"complete", "close"}
    for what in asked:
        assert callable(getattr_static(kind, what))
