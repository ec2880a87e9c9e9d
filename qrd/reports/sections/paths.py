"""The sections of a report on paths, judges, training, routing, costs and commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from qrd.config import (
    DataImportConfig,
    DataPathsConfig,
    EvalConfig,
    FilterConfig,
    GenerateConfig,
    JudgeConfig,
    TrainConfig,
    knobs,
)
from qrd.console import clean
from qrd.errors import ConfigError
from qrd.filters.ledger import LEVELS
from qrd.reports.document import Section, Table
from qrd.reports.drawing.charts import Axis, grid, lines
from qrd.reports.drawing.flow import flow
from qrd.reports.drawing.svg import Figure
from qrd.reports.facts import census
from qrd.reports.facts.gathered import Gathered, Stage
from qrd.reports.facts.run_folder import Run

COMMANDS: dict[str, type[Any]] = {
    "data import": DataImportConfig, "data paths": DataPathsConfig, "generate": GenerateConfig, "judge": JudgeConfig,
    "filter": FilterConfig, "train": TrainConfig, "eval": EvalConfig,
}  # fmt: skip
GOOD = {census.TRAINED, census.KEPT}
WELL = GOOD | {census.RIGHT}  # of paths that no filter has seen
MAX_NAMES = 12  # of a column of the flow; the rest are put together
REST = "others"
KINDS = ("epochs", "difficulty", "dataset", "all")  # of figures on routing
TERMS = {
    "loss": ("Total loss", "eq. 9, weighted sum of all terms"),
    "entropy": ("Entropy of the loads", "nats; the more, the more even the routing"),
    "mutual": ("Mutual term", "mean squared difference to the ensemble"),
    "competence": ("Competence loss", "nats"),
}


def paths_section(found: Gathered) -> Section:
    """Paths: from generated to trained, by teacher, style and reason."""
    section = Section("paths", "Paths")
    ways = _ways(found)
    if not ways:
        return section
    trained = any(fate == census.TRAINED for *_, fate in ways)
    counts = Counter[tuple[str, ...]]()
    names = [_largest(Counter({way[place]: 0 for way in ways}), ways, place) for place in range(4)]
    for way, number in ways.items():
        counts[tuple(name if name in names[place] else REST for place, name in enumerate(way))] += number
    three = Counter[tuple[str, ...]]()
    for (teacher, style, _, fate), number in counts.items():
        three[(teacher, style, fate)] += number
    title = "From generated to trained" if trained else "What became of each path"
    note = "Widths are numbers of paths; what was lost ends in grey, with the first reason against it."
    section.figures = [flow("flow", title, ("teacher", "style", "outcome"), three, good=WELL, note=note)]
    section.figures += _style_figures(found)
    section.tables = [_by_group(ways)]
    return section


def _ways(found: Gathered) -> Counter[tuple[str, str, str, str]]:
    """Paths by teacher, style, answer and fate; where no filter has seen any of them, the answer is their fate."""
    ways = found.census.ways()
    if any(fate != census.OPEN for *_, fate in ways):
        return ways
    return Counter({(teacher, style, answer, answer): n for (teacher, style, answer, _), n in ways.items()})


def _largest(seed: Counter[str], ways: Counter[Any], place: int) -> set[str]:
    for way, number in ways.items():
        seed[way[place]] += number
    return {name for name, _ in seed.most_common(MAX_NAMES)}


def _style_figures(found: Gathered) -> list[Figure]:
    """How many answers of a style are right, and how many of its right ones a judge found sound."""
    right, valid = Counter[str](), Counter[str]()
    graded, judged = Counter[str](), Counter[str]()
    for entry in found.census.entries():
        graded[entry.style] += entry.answer not in (census.UNGRADED, census.NO_GOLD)
        right[entry.style] += entry.answer == census.RIGHT
        judged[entry.style] += entry.verdict is not None
        valid[entry.style] += entry.verdict == "valid"
    styles = [style for style, _ in Counter(e.style for e in found.census.entries()).most_common(MAX_NAMES)]
    columns = {"right answer": (right, graded), "valid where judged": (valid, judged)}
    cells = {(style, name): (part[style], whole[style]) for name, (part, whole) in columns.items() for style in styles}
    note = "Cut replies count as not right. Hover over a cell for its counts."
    return [grid("styles", "How often a style ends well", styles, list(columns), cells, note=note)]


def _by_group(ways: Counter[tuple[str, str, str, str]]) -> Table:
    fates = Counter[str]()
    groups: dict[tuple[str, str], Counter[str]] = {}
    for (teacher, style, _, fate), number in ways.items():
        fates[fate] += number
        groups.setdefault((teacher, style), Counter())[fate] += number
    order = sorted(fates, key=lambda fate: (fate not in WELL, -fates[fate], fate))[: MAX_NAMES + 2]
    rows = [
        [teacher, style, f"{sum(counts.values()):,}", *(f"{counts[fate]:,}" for fate in order)]
        for (teacher, style), counts in sorted(groups.items())
    ]
    rows.append(["all", "", f"{sum(fates.values()):,}", *(f"{fates[fate]:,}" for fate in order)])
    return Table("Paths by teacher, style and outcome", ("teacher", "style", "paths", *order), rows, num_heads=2)


def judges_section(found: Gathered) -> Section:
    """Judges: what each said, how far they agree, and cases to read."""
    section = Section("judges", "Judges")
    verdicts = found.verdicts
    if not verdicts.num_judged:
        return section
    section.text = [f"{verdicts.num_judged:,} paths were judged.", _agreement_words(found)]
    columns = ("judge", "verdicts", "valid", "invalid", "unscored", "valid %")
    rows = []
    for judge, said in verdicts.by_judge.items():
        total = said.total()
        counts = (total, said["valid"], said["invalid"], said["unscored"])
        rows.append([judge, *(f"{number:,}" for number in counts), f"{100 * said['valid'] / total:.1f}"])
    section.tables = [Table("Verdicts of each judge", columns, rows)]
    if verdicts.pairs:
        pairs = [
            [one, other, f"{same.total():,}", f"{100 * same[True] / same.total():.1f}"]
            for (one, other), same in sorted(verdicts.pairs.items())
        ]
        section.tables.append(
            Table("Judges against each other", ("judge", "and", "paths", "same verdict %"), pairs, num_heads=2)
        )
    if len({answer for answer, _ in verdicts.by_answer}) > 1:
        said_of = [[answer, verdict, f"{n:,}"] for (answer, verdict), n in sorted(verdicts.by_answer.items())]
        section.tables.append(Table("Verdict against answer", ("answer", "verdict", "paths"), said_of, num_heads=2))
    section.cases = verdicts.cases()
    return section


def _agreement_words(found: Gathered) -> str:
    alpha, number = found.agreement.alpha(), found.agreement.num_paths
    if not number:
        return "No path has two verdicts that can be read: several --judge or --votes would tell how far judges agree."
    if alpha is None:
        return f"All verdicts on the {number:,} paths with several are the same, which shows nothing beyond chance."
    return f"Krippendorff's alpha is {alpha:.2f} over {number:,} paths with several verdicts: 1 is agreement, 0 chance."


def training_section(found: Gathered) -> Section:
    """Training: each term of the loss, each student's share of it, and the spread of the shared representation."""
    section = Section("training", "Training")
    runs = [run for run in found.runs if run.curves.num_steps]
    for number, run in enumerate(runs, 1):
        section.figures += _loss_figures(run, number, several=len(runs) > 1)
    rows = [_run_row(run) for run in found.runs]
    columns = ("run", "student", "model", "steps", "epochs", "tokens", "tokens a second", "first loss", "last loss")
    section.tables = [Table("What was trained", columns, [row for some in rows for row in some], num_heads=3)]
    return section if found.runs else Section("training", "Training")


def _run_row(run: Run) -> list[list[str]]:
    curves, rows = run.curves, []
    for student, model in run.students.items():
        known = [value for _, value in curves.terms.get(f"distill/{student}", []) if value]
        first, last = (f"{known[0]:.3f}", f"{known[-1]:.3f}") if known else ("", "")
        tokens = curves.tokens[student]
        pace = f"{sum(curves.tokens.values()) / curves.seconds:,.0f}" if curves.seconds else ""
        rows.append(
            [
                run.name,
                student,
                model,
                f"{curves.num_steps:,}",
                f"{curves.num_epochs:g}",
                f"{tokens:,}",
                pace,
                first,
                last,
            ]
        )
    return rows


def _loss_figures(run: Run, number: int, *, several: bool) -> list[Figure]:
    terms, where = run.curves.terms, f": {run.name}" if several else ""
    steps = [x for x, _ in terms["loss"]]
    step = Axis("step", (min(steps), max(steps)), whole=True)
    students = {
        student: [(x, y or None) for x, y in terms[f"distill/{student}"]]
        for student in (run.students or run.shares.students)
        if f"distill/{student}" in terms
    }
    figures = []
    if students:
        note = "A step in which a student got no path is left out."
        y = Axis("nats a token, on its paths")
        figures.append(
            lines(f"loss-students-{number}", f"Loss of each student{where}", students, x=step, y=y, note=note)
        )
    for name, (title, unit) in TERMS.items():
        if any(value for _, value in terms.get(name, ())):
            points = terms[name] if name in ("loss", "entropy") else [(x, y or None) for x, y in terms[name]]
            figures.append(lines(f"{name}-{number}", f"{title}{where}", {name: points}, x=step, y=Axis(unit)))
    if run.curves.spread:
        note = (
            "Standard deviation over words of what the mutual term compares; near 0 all words look alike: a collapse."
        )
        y = Axis("standard deviation", from_zero=True)
        curves = run.curves.spread
        figures.append(lines(f"spread-{number}", f"Spread of the shared space{where}", curves, x=step, y=y, note=note))
    return figures


def routing_section(found: Gathered) -> Section:
    """Routing: the share of each style that goes to each student, over epochs, by difficulty and by data set."""
    section = Section("routing", "Routing")
    several = sum(bool(run.shares.students) for run in found.runs) > 1
    for number, run in enumerate(found.runs, 1):
        where = f" ({run.name})" if several else ""
        for place, student in enumerate(run.shares.students, 1):
            section.figures += _routing_figures(run, student, f"{number}-{place}", where)
    section.figures.sort(key=lambda figure: KINDS.index(figure.slug.split("-")[1]))  # those of one kind stand together
    told = "what a question's meta says" if found.is_difficulty_told else "the teacher's pass rate on a question"
    section.text = [
        "The share of the paths of each style that the router sends to a student (the paper's figures 4 and 5). "
        f"Under independent routing a path may go to several students, or to none. Difficulty is {told}."
    ]
    return section


def _routing_figures(run: Run, student: str, slug: str, where: str) -> list[Figure]:
    shares, styles = run.shares, run.shares.styles()[:MAX_NAMES]
    title = f"Routed to {student}{where}"
    figures = []
    if shares.last_epoch:
        over = {style: shares.over_epochs(student, style) for style in styles}
        x, y = Axis("epoch", whole=True), Axis("% of the style's paths", (0, 100))
        figures.append(lines(f"routing-epochs-{slug}", title, over, x=x, y=y))
    for kind, words in (("difficulty", "difficulty"), ("dataset", "data set")):
        groups = _groups(shares.seen, kind)
        if groups and (kind == "difficulty" or len(groups) > 1):
            cells = {(style, group): shares.cell(student, kind, group, style) for style in styles for group in groups}
            note = "% of the style's paths, in the last epoch."
            figures.append(grid(f"routing-{kind}-{slug}", f"{title}, by {words}", styles, groups, cells, note=note))
    if not figures:
        cells = {(style, "all"): shares.cell(student, "all", "", style) for style in styles}
        figures.append(grid(f"routing-all-{slug}", title, styles, ["all"], cells))
    return figures


def _groups(keys: Iterable[tuple[int, str, str, str, str]], kind: str) -> list[str]:
    """The names of the groups, pass rates from easy to hard, at most MAX_NAMES."""
    found = {group for _, _, of, group, _ in keys if of == kind}
    order = {level: place for place, level in enumerate(LEVELS)}
    return sorted(found, key=lambda name: (order.get(name, len(order)), len(name), name))[:MAX_NAMES]


def stages_section(found: Gathered) -> Section:
    """Cost and time of every stage that a manifest tells of."""
    section = Section("stages", "Cost and time")
    rows, seconds, cost = [], 0.0, 0.0
    for stage in found.stages:
        facts = stage.manifest
        spent = found.tokens.get(stage.command, Counter()) if _is_only(stage, found.stages) else Counter()
        seconds, cost = seconds + _real(facts.get("seconds")), cost + _real(facts.get("cost_usd"))
        tokens = [f"{spent[name]:,}" if spent[name] else "" for name in ("prompt_tokens", "completion_tokens")]
        if stage.command == "train":
            tokens = [_count(facts.get("tokens")), ""]
        rows.append(
            [
                stage.command, stage.file, _count(facts.get("rows_in")), _count(facts.get("rows_out")), *tokens,
                duration(_real(facts.get("seconds"))), _money(facts.get("cost_usd")),
            ]
        )  # fmt: skip
    if rows:
        rows.append(["all", "", "", "", "", "", duration(seconds), _money(cost or None)])
        columns = ("stage", "wrote", "rows in", "rows out", "tokens read", "tokens written", "time", "US dollars")
        note = "Time is that of the run that finished the file; a run that was resumed took longer in all."
        section.tables = [Table("What each stage took", columns, rows, note, num_heads=2)]
    return section


def _is_only(stage: Stage, stages: list[Stage]) -> bool:
    return sum(other.command == stage.command for other in stages) == 1


def commands_section(found: Gathered) -> Section:
    """The commands that give all this again, from the manifests."""
    section = Section("commands", "Repeat it")
    section.commands = list(dict.fromkeys(filter(None, map(_command, found.stages))))
    if section.commands:
        section.text = [
            "These commands, in this order, do it again; a click selects a whole one. Models and keys must be there."
        ]
    return section


def _command(stage: Stage) -> str | None:
    """The command line of a stage; None where its manifest holds no configuration that qrd knows."""
    kind, config = COMMANDS.get(stage.command), stage.manifest.get("config")
    if kind is None or not isinstance(config, dict):
        return None
    plain = {name: value for name, value in config.items() if name not in ("quiet", "debug")}
    try:
        return clean(knobs.command_line(f"qrd {stage.command}", knobs.build(kind, plain)))
    except ConfigError:
        return None


def duration(seconds: float) -> str:
    """Seconds in words: 0.4 s, 41 s, 4 min 20 s, 3 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600:,} h {whole % 3600 // 60} min"


def _real(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _money(value: object) -> str:
    return f"{value:,.4f}" if isinstance(value, (int, float)) else ""
