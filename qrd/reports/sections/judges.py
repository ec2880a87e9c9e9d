"""The section on judges: their verdicts and how far they agree."""

from __future__ import annotations

from qrd.reports.document import Section, Table
from qrd.reports.facts.gathered import Gathered
from qrd.rows.records import Fields


def section(found: Gathered, summary: Fields) -> Section:
    """Judges: what each said, how far they agree, and cases to read."""
    part = Section("judges", "Judges")
    verdicts = found.verdicts
    if not verdicts.num_judged:
        return part
    part.text = [f"{verdicts.num_judged:,} paths were judged.", _agreement_words(found)]
    columns = ("judge", "verdicts", "valid", "invalid", "unscored", "valid %")
    rows = []
    for judge, said in verdicts.by_judge.items():
        total = said.total()
        counts = (total, said["valid"], said["invalid"], said["unscored"])
        rows.append([judge, *(f"{number:,}" for number in counts), f"{100 * said['valid'] / total:.1f}"])
    part.tables = [Table("Verdicts of each judge", columns, rows)]
    if verdicts.pairs:
        pairs = [
            [one, other, f"{same.total():,}", f"{100 * same[True] / same.total():.1f}"]
            for (one, other), same in sorted(verdicts.pairs.items())
        ]
        part.tables.append(
            Table("Judges against each other", ("judge", "and", "paths", "same verdict %"), pairs, num_heads=2)
        )
    if len({answer for answer, _ in verdicts.by_answer}) > 1:
        said_of = [[answer, verdict, f"{n:,}"] for (answer, verdict), n in sorted(verdicts.by_answer.items())]
        part.tables.append(Table("Verdict against answer", ("answer", "verdict", "paths"), said_of, num_heads=2))
    part.cases = verdicts.cases()
    return part


def _agreement_words(found: Gathered) -> str:
    alpha, number = found.agreement.alpha(), found.agreement.num_paths
    if not number:
        return "No path has two verdicts that can be read: several --judge or --votes would tell how far judges agree."
    if alpha is None:
        return f"All verdicts on the {number:,} paths with several are the same, which shows nothing beyond chance."
    return f"Krippendorff's alpha is {alpha:.2f} over {number:,} paths with several verdicts: 1 is agreement, 0 chance."
