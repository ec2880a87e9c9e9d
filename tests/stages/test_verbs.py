"""A verb is three modules of one name."""

from __future__ import annotations

import pkgutil

import qrd.cli
import qrd.config
import qrd.stages

COMMON = {"qrd.cli": {"exits", "options", "questions"}, "qrd.config": {"base", "knobs", "tasks"}}
COMMON["qrd.stages"] = {"asking", "outcomes", "planning", "selecting"}


def test_command_options_and_stage_of_a_verb_bear_one_name() -> None:
    for room in (qrd.cli, qrd.config, qrd.stages):
        modules = {module.name for module in pkgutil.iter_modules(room.__path__)}
        assert modules - COMMON[room.__name__] == set(qrd.cli.COMMANDS), room.__name__
