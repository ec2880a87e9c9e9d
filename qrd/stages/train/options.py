"""The options of `train` as they are in force: defaults that hang on other options, and what is refused."""

from __future__ import annotations

from dataclasses import replace

from qrd.config import TrainConfig, knobs
from qrd.errors import ConfigError
from qrd.models.names import is_embedded
from qrd.training.students.adapters import ALL_LINEAR
from qrd.training.students.loading import parse_students

PAPER_ENCODER = "FacebookAI/roberta-base"  # section 3.2
EMBEDDED_ENCODER = "embedded:minilm-l6"
LAMBDA_MUTUAL = 0.1  # the released code's value
RATIONALE_WEIGHT = 1.0  # both alike


def settled(config: TrainConfig) -> TrainConfig:
    """The configuration with every default that depends on other options filled in.

    Raises: ConfigError for options that contradict each other.
    """
    specs = parse_students(config.student)
    if config.dtype == "float16":
        raise ConfigError("--dtype float16: small gradients vanish in it; use bfloat16 or float32")
    if config.load_in_4bit and config.finetune == "full":
        raise ConfigError("--load-in-4bit: 4-bit weights cannot be fitted in full; use --finetune qlora")
    if ALL_LINEAR in config.lora_target_modules and len(config.lora_target_modules) > 1:
        raise ConfigError(
            f"--lora-target-modules {','.join(config.lora_target_modules)}: {ALL_LINEAR} is every linear layer but the "
            "output layer, and stands alone; leave it or the others out"
        )
    lambda_mutual = _lambda_mutual(config, len(specs))
    _refuse_idle(config, lambda_mutual, len(specs))
    _refuse_freeze(config, [spec.name for spec in specs], lambda_mutual)
    all_embedded = all(is_embedded(spec.model) for spec in specs)
    return replace(
        config,
        finetune="qlora" if config.load_in_4bit else config.finetune,
        load_in_4bit=config.load_in_4bit or config.finetune == "qlora",
        encoder=config.encoder or (EMBEDDED_ENCODER if all_embedded else PAPER_ENCODER),
        lambda_mutual=lambda_mutual,
        rationale_weight=_rationale_weight(config),
    )


def _lambda_mutual(config: TrainConfig, num_students: int) -> float:
    reason = None
    if config.is_baseline:
        reason = f"with --objective {config.objective}: the baseline has no mutual term"
    elif not config.shares_paths:
        reason = f"with --routing {config.routing}: no path has two students, so none can teach another"
    elif num_students < 2:
        reason = "with one student: there is nobody to learn from"
    if reason is None:
        return LAMBDA_MUTUAL if config.lambda_mutual is None else config.lambda_mutual
    if config.lambda_mutual:
        raise ConfigError(f"--lambda-mutual {config.lambda_mutual:g} {reason}; leave it out or set it to 0")
    return 0.0


def _rationale_weight(config: TrainConfig) -> float | None:
    if config.objective == "step-by-step":
        return RATIONALE_WEIGHT if config.rationale_weight is None else config.rationale_weight
    if config.rationale_weight is not None:
        raise ConfigError(
            f"--rationale-weight with --objective {config.objective}: only step-by-step weighs rationales"
        )
    return None


def uses_memory(config: TrainConfig) -> str | None:
    """The option that needs the students' losses on the path so far, as it was given."""
    if config.route_by == "gain":
        return "--route-by gain"
    return f"--router-input {config.router_input}" if config.router_input != "path" else None


_OF_THE_ROUTER = (
    "route_by",
    "router_input",
    "balance",
    "lambda_entropy",
    "gumbel_temperature",
    "gumbel_final_temperature",
    "gumbel_anneal",
)


_OF_LORA = ("lora_r", "lora_alpha", "lora_dropout", "lora_target_modules")


def _refuse_idle(config: TrainConfig, lambda_mutual: float, num_students: int) -> None:
    """Refuse an option that nothing in this run would read, rather than ignore it."""
    where = f"--objective {config.objective}" if config.is_baseline else f"--routing {config.routing}"
    no_router, is_exclusive = not config.has_router, not config.shares_paths
    all_to_one = f"with {where} and one student: every path goes to it"
    idle = (
        (is_exclusive and num_students == 1, (*_OF_THE_ROUTER, "router_learning_rate"), all_to_one),
        (is_exclusive and config.balance == "global", ("balance",), f"with {where}: its entropy is always the same"),
        (config.lr_scheduler_type == "constant", ("warmup_ratio",), "with --lr-scheduler-type constant: it has none"),
        (no_router, _OF_THE_ROUTER, f"with {where}: there is no router"),
        (config.is_baseline, ("routing",), f"with {where}: every path goes to every student"),
        (no_router and lambda_mutual == 0, ("router_learning_rate",), f"with {where}: only students are trained"),
        (lambda_mutual == 0, ("shared_width",), "without the mutual term: nothing is shared"),
        (config.gumbel_final_temperature is None, ("gumbel_anneal",), "without --gumbel-final-temperature"),
        (config.finetune == "full", _OF_LORA, "with --finetune full: there is no adapter"),
    )
    for names, reason in ((names, reason) for is_idle, names, reason in idle if is_idle):
        for name in names:
            if (value := getattr(config, name)) != getattr(TrainConfig, name):
                told = ",".join(map(str, value)) if isinstance(value, tuple) else value
                raise ConfigError(f"{knobs.flag_of(name)} {told} {reason}; leave one of them out")


def _refuse_freeze(config: TrainConfig, names: list[str], lambda_mutual: float) -> None:
    """Refuse a frozen student that is unknown, or that nobody would learn from."""
    if not config.freeze:
        return
    for name in config.freeze:
        if name not in names:
            raise ConfigError(f"--freeze: no student is named {name!r}; they are {', '.join(names)}")
    if set(names) <= set(config.freeze):
        raise ConfigError("--freeze: every student is frozen, so none would learn")
    if lambda_mutual == 0:
        raise ConfigError("--freeze: without the mutual term nobody learns from a frozen student; leave it out")
