"""The door of train: paths to tokens, students and objective to one loop, a run folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from accelerate import Accelerator

from qrd import prompts
from qrd.config import TrainConfig, knobs
from qrd.console import Console
from qrd.errors import ConfigError, GateError
from qrd.models.chat import Messages
from qrd.rows.manifest import Manifest
from qrd.rows.reader import Reader
from qrd.rows.records import Path
from qrd.stages import Tally, selecting
from qrd.stages.train.objectives import make_objective
from qrd.stages.train.options import settled, uses_memory
from qrd.training.batches import Example
from qrd.training.devices.launching import is_on, refuse_unfit_launch
from qrd.training.devices.placement import place_students
from qrd.training.devices.plan import describe, explaining_exhaustion, plan, refuse_unfit_adapters
from qrd.training.devices.sharding import load_sharded
from qrd.training.fitting import Fitting
from qrd.training.folder import RunFolder
from qrd.training.identity import identity_of, models_of, told
from qrd.training.loop import Loop, StepResult
from qrd.training.paths import doubts, encode_paths, one_per_question, refusal
from qrd.training.students.loading import load_students, parse_students, whole_logits
from qrd.training.students.student import Student
from qrd.training.trackers import available_trackers


@dataclass
class Fitted(Tally):
    """What a training counted; `students` maps names to models, `num_spare` are paths that --paths-per-question one
    passed over."""

    num_spare: int = 0
    num_steps: int = 0
    tokens: int = 0
    students: dict[str, str] = field(default_factory=dict)

    @property
    def reasons_of_all(self) -> dict[str, int]:
        """The reasons, spare paths among them: those are no fault of the input."""
        return {**self.reasons, **({"spare": self.num_spare} if self.num_spare else {})}

    @property
    def is_partial(self) -> bool:
        """Whether some rows were refused or set aside (exit 3)."""
        return bool(self.num_bad or self.reasons)


def run(config: TrainConfig, console: Console) -> Fitted:
    """Fit the students and write the run folder; the counts of this run.

    Raises: ConfigError for options that contradict each other or another run in the folder; GateError where
    no path is left; Interrupted after a signal, resumable.
    """
    config = settled(config)
    refuse_unfit_launch(config)
    accelerator = Accelerator(log_with=available_trackers(config.report_to) or None, project_dir=config.output)
    if not accelerator.is_main_process:
        console = Console(quiet=True)
    manifest = Manifest("train", config, config.output)
    reader = Reader(config.input, Path, unique="path_id", skip_bad=config.skip_bad, needs_rows=True)
    paths, summary = usable_paths(reader, config)
    selecting.report_bad(reader, console)
    folder = RunFolder(config, leads=accelerator.is_main_process)
    try:
        models = models_of(config) if folder.leads else {}
        manifest.models = told(models)
        folder.begin(config, identity_of(config, reader.sha256, num_processes=accelerator.num_processes), models)
        accelerator.wait_for_everyone()
        if folder.is_finished():
            console.say(f"{config.output}: already finished; --no-resume sets it aside and starts over")
            return summary
        if config.report_to:  # after the folder is taken: a tracker may write into it, or begin a run elsewhere
            accelerator.init_trackers("qrd", config={name: str(v) for name, v in knobs.plain(config).items()})
        _fit(config, paths, folder, accelerator, summary, console)
        if folder.leads:
            manifest.finish(
                inputs=reader.sha256,
                rows_in=summary.num_in,
                rows_out=summary.num_out,
                reasons=summary.reasons_of_all,
                students=summary.students,
                steps=summary.num_steps,
                tokens=summary.tokens,
            )
        # A launcher ends all processes once one of them leaves with another code than 0, as with 3 for rows left out.
        accelerator.wait_for_everyone()
        accelerator.state.destroy_process_group()
    finally:
        folder.close()
    return summary


def usable_paths(reader: Reader[Path], config: TrainConfig) -> tuple[list[Path], Fitted]:
    """The paths fit to be trained on, and a summary that counts the others by reason."""
    rows = [row.record for row in selecting.selected(reader, config)]
    reasons = Counter(reason for path in rows if (reason := refusal(path)))
    usable = [path for path in rows if not refusal(path)]
    bad = len(reader.bad)
    return usable, Fitted(num_in=len(rows) + bad, num_out=len(usable), num_bad=bad, reasons=dict(reasons))


def _fit(
    config: TrainConfig,
    paths: list[Path],
    folder: RunFolder,
    accelerator: Accelerator,
    summary: Fitted,
    console: Console,
) -> None:
    for text in doubts(paths):
        console.say(text)
    specs = parse_students(config.student)
    devices = place_students(config.device, [spec.name for spec in specs], accelerator.device)
    shards = is_on("ACCELERATE_USE_FSDP") and accelerator.num_processes > 1
    refuse_unfit_adapters(specs, config)
    if folder.leads and not config.quiet:
        num_shards = accelerator.num_processes if shards else 1
        for line in describe(plan(specs, config, devices, num_shards=num_shards), config):
            console.say(line)
    with explaining_exhaustion(config, "loading the students"):
        students = load_sharded(specs, config, accelerator.device) if shards else load_students(specs, config, devices)
    for text in whole_logits(students):
        console.say(text)
    examples = _examples(paths, students, config, summary)
    # The one that leads embeds the paths, the others read what it wrote.
    with accelerator.main_process_first(), explaining_exhaustion(config, "encoding the paths for the router"):
        objective_ = make_objective(config, students, examples)
    loop = Loop(students, examples, objective_, config, accelerator)
    if (option := uses_memory(config)) and loop.total_steps <= loop.steps_per_epoch:
        raise ConfigError(f"{option}: no path is seen twice in {loop.total_steps} steps; ask for more epochs or steps")
    fitting = Fitting(loop, folder)
    if done := fitting.resume(console.say):
        console.say(f"{config.output}: resumes after step {done} of {loop.total_steps}")
    _run(fitting, config, console, done=done)
    summary.num_steps, summary.tokens = loop.total_steps, fitting.num_tokens
    summary.students = {spec.name: spec.model for spec in specs}
    folder.save_students(students)
    if folder.leads and (facts := objective_.facts()):
        folder.save_modules(objective_.modules, facts)
    for tracker in accelerator.trackers:  # what they write into the folder belongs to what its manifest hashes
        tracker.finish()


def _run(fitting: Fitting, config: TrainConfig, console: Console, *, done: int) -> None:
    """Nothing; the steps that are left are run, under a line of progress that begins after those that are done."""
    with console.progress("train", fitting.loop.total_steps) as progress:
        progress.advance(done=done)

        def watch(result: StepResult) -> None:
            progress.advance(done=1, tokens=sum(result.student_tokens.values()))
            if result.closing.warning:
                console.say(f"step {result.window.step + 1}: {result.closing.warning}")

        with explaining_exhaustion(config, "training"):
            fitting.run(watch)


def _examples(paths: list[Path], students: Sequence[Student], config: TrainConfig, summary: Fitted) -> list[Example]:
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
    limits = [min(config.max_length, student.most_tokens or config.max_length) for student in students]
    examples = encode_paths(paths, messages, tokenizers, limits=limits, reasons=reasons)
    if config.paths_per_question == "one":
        every, examples = examples, one_per_question(examples, seed=config.seed)
        summary.num_spare = len(every) - len(examples)
    summary.num_out = len(examples)
    if not examples:
        raise GateError(f"no path is left to train on, of {summary.num_in}: {summary.reasons or 'the input is empty'}")
    return examples
