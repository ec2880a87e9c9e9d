"""Pairs of answers whose truth is known as they are made: numbers, units, currencies and magnitudes in many spellings.

The long form (QRD_SOAK) makes ten times as many.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from qrd.answers import GradeItem, Grader

_NUM_PAIRS = 5_000 if os.environ.get("QRD_SOAK") else 600

_NUMBERS = {
    "5": ["5", "5.0", "+5", "５", "\\frac{10}{2}", "\\left(5\\right)", "\\mathbf{5}", "2+3", "5."],
    "-5": ["-5", "−5", "- 5", "-5.0", "\\text{negative }5"],
    "50": ["50", "5\\cdot 10", "5×10", "\\text{50}"],
    "1/2": ["0.5", "\\frac12", "\\tfrac{1}{2}", "½", "1/2", ".5", "\\dfrac{2}{4}"],
    "2 1/2": ["2.5", "2\\frac12", "2½", "5/2", "2 1/2"],
    "12000": ["12000", "12,000", "12\\,000", "12 000", "12\u202f000", "12{,}000",
              "1.2e4", "1.2 \\times 10^4", "12,\\!000"],
    "12001": ["12001", "12,001", "12\\,001"],
    "1200": ["1200", "1,200", "1.2\\times10^{3}"],
    "3e8": ["3e8", "3 \\times 10^8", "3×10⁸", "300,000,000", "300000000"],
    "3e9": ["3e9", "3\\cdot10^{9}"],
    "2^-70": ["\\frac{1}{2^{70}}", "2^{-70}", "1/2^{70}", "2^-70", "\\left(\\frac12\\right)^{70}"],
    "2^-69": ["\\frac{1}{2^{69}}", "2^{-69}", "\\frac{2}{2^{70}}"],
    "1/25!": ["\\frac{1}{25!}", "1/25!", "\\frac{1}{25\\cdot24!}"],
    "1/24!": ["\\frac{1}{24!}", "\\frac{25}{25!}"],
    "1/1501!": ["\\frac{1}{1501!}"],
    "1/1500!": ["\\frac{1}{1500!}", "\\frac{1501}{1501!}"],
    "10^-30": ["10^{-30}", "10⁻³⁰", "1e-30", "\\frac{1}{10^{30}}"],
    "10^-31": ["10^{-31}", "1e-31"],
    "1-2^-60": ["1-\\frac{1}{2^{60}}", "1 - 2^{-60}", "\\frac{2^{60}-1}{2^{60}}"],
    "1-2^-61": ["1-\\frac{1}{2^{61}}"],
    "1": ["1", "1.000000", "\\frac{7}{7}"],
    "10^20": ["10^{20}", "100000000000000000000"],
    "10^20+1": ["10^{20}+1", "100000000000000000001"],
    "2^100": ["2^{100}", "1267650600228229401496703205376"],
    "2^100+1": ["2^{100}+1", "1267650600228229401496703205377"],
    "3^50/7": ["\\frac{3^{50}}{7}", "3^{50}/7"],
}  # fmt: skip
_UNITS = {
    "m": [" m", "\\text{ m}", " meters", " metres", "\\,\\mathrm{m}", "\\text{ meter}"],
    "cm": [" cm", "cm", "\\text{ cm}", " centimeters", "\\ \\mathrm{cm}"],
    "cm2": [" cm^2", " cm²", "\\text{ cm}^2", " square centimeters", "\\text{ square cm}", "\\text{ cm}^{2}"],
    "cm3": [" cm^3", "\\text{ cm}³", " cubic centimetres", "\\text{ cubic cm}"],
    "ft": [" ft", " feet", "\\text{ ft}"],
    "ft2": [" sq ft", "\\text{ square feet}", " ft²", "\\text{ ft}^2"],
    "m/s": ["\\text{ m/s}", " m/s", " meters per second", "\\text{ m s}^{-1}", "\\,\\frac{\\text{m}}{\\text{s}}"],
    "m/s2": ["\\text{ m/s}^2", " m/s²", " m s^{-2}", " meters per second squared", "\\,\\mathrm{m}\\,\\mathrm{s}^{-2}"],
    "mph": [" mph", " miles per hour", "\\text{ miles/hour}", "\\text{ mi/h}"],
    "km/h": [" km/h", "\\text{ km/h}", " kilometers per hour", " kph"],
    "kg": [" kg", "\\text{ kilograms}", " kilos"],
    "g": [" grams", "\\text{ g}"],
    "kg/m": ["\\text{ kg/m}", " kilograms per meter"],
    "N": ["\\text{ N}", " newtons"],
    "J": ["\\text{ J}", " joules"],
    "s": ["\\text{ s}", " seconds", " sec"],
    "min": [" min", " minutes"],
    "h": [" hours", "\\text{ hr}", " hrs"],
    "celsius": ["^\\circ\\text{C}", " °C", " degrees Celsius", "℃"],
    "fahrenheit": ["^\\circ\\text{F}", " °F", " degrees Fahrenheit"],
    "radian": [" radians", "\\text{ rad}"],
    "lb": [" lb", " lbs"],
    "apples": [" apples", "\\text{ apples}"],
    "oranges": [" oranges", "\\text{ oranges}"],
}  # fmt: skip
_MONEY: dict[str, list[Callable[[str], str]]] = {
    "usd": [lambda n: f"\\${n}", lambda n: f"${n}", lambda n: f"{n} dollars", lambda n: f"USD {n}",
            lambda n: f"{n} USD"],
    "cent": [lambda n: f"{n} cents", lambda n: f"{n}\\text{{ cents}}", lambda n: f"{n}¢"],
    "eur": [lambda n: f"€{n}", lambda n: f"{n} euros", lambda n: f"EUR {n}", lambda n: f"{n} €"],
    "gbp": [lambda n: f"£{n}", lambda n: f"\\pounds {n}", lambda n: f"{n} pounds sterling", lambda n: f"GBP {n}"],
    "inr": [lambda n: f"₹{n}", lambda n: f"Rs. {n}", lambda n: f"{n} rupees", lambda n: f"INR {n}"],
    "jpy": [lambda n: f"¥{n}", lambda n: f"{n} 円", lambda n: f"{n} yen"],
}  # fmt: skip
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "dozen": 12}
_FACTORS = {"5": "5", "twelve": "12", "2.5": "2.5", "two": "2", "twenty-five": "25", "7": "7"}
_SIDES = {
    "loss": ["loss of {}", "a loss of {}", "\\text{{loss of }}{}"],
    "profit": ["profit of {}", "a profit of {}", "\\text{{gain of }}{}"],
    "am": ["{} am", "{} a.m.", "{}\\text{{ A.M.}}"],
    "pm": ["{} pm", "{}\\text{{ p.m.}}", "{} PM"],
    "north": ["{} km north"],
    "south": ["{} km south"],
}  # fmt: skip


class _Pair(NamedTuple):
    prediction: str
    gold: str
    equal: bool


def _other(name: str, names: list[str], chance: random.Random) -> str:
    return chance.choice([other for other in names if other != name])


def _of_numbers(chance: random.Random, equal: bool) -> _Pair:
    gold = chance.choice(list(_NUMBERS))
    said = gold if equal else _other(gold, list(_NUMBERS), chance)
    return _Pair(chance.choice(_NUMBERS[said]), chance.choice(_NUMBERS[gold]), equal)


def _of_units(chance: random.Random, equal: bool) -> _Pair:
    """One number with two units, or with one of them left out; the number has a form a unit may stand behind."""
    gold = chance.choice(list(_UNITS))
    said = gold if equal else _other(gold, list(_UNITS), chance)
    one, other = (chance.choice(["5", "12", "2.5", "\\frac{1}{2}", "1,200", "3\\pi"]),) * 2
    units = [chance.choice(_UNITS[said]), chance.choice(_UNITS[gold])]
    if equal and chance.random() < 0.3:
        units[chance.randrange(2)] = ""
    return _Pair(f"{one}{units[0]}", f"{other}{units[1]}", equal)


def _of_money(chance: random.Random, equal: bool) -> _Pair:
    gold = chance.choice(list(_MONEY))
    said = gold if equal else _other(gold, list(_MONEY), chance)
    number = chance.choice(["5", "12.50", "1,200", "20"])
    return _Pair(chance.choice(_MONEY[said])(number), chance.choice(_MONEY[gold])(number), equal)


def _of_magnitudes(chance: random.Random, equal: bool) -> _Pair:
    scale, factor = chance.choice(list(_SCALES)), chance.choice(list(_FACTORS))
    other = scale if equal else _other(scale, list(_SCALES), chance)
    value = f"{float(_FACTORS[factor]) * _SCALES[other]:.0f}" if other != "dozen" else f"{_FACTORS[factor]} dozen"
    said = chance.choice(["{} {}", "{}\\text{{ {}}}", "{} {} dollars"]).format(_FACTORS[factor], scale)
    spelled = f"\\text{{{factor} {scale}}}"
    return _Pair(chance.choice([said, spelled if not factor[0].isdigit() else said]), value, equal)


def _of_sides(chance: random.Random, equal: bool) -> _Pair:
    sides = chance.choice([("loss", "profit"), ("am", "pm"), ("north", "south")])
    gold, other = chance.sample(sides, 2)
    number = chance.choice(["5", "12"]) if "am" not in sides else chance.choice(["3:00", "11:45"])
    said = chance.choice(_SIDES[gold if equal else other])
    return _Pair(said.format(number), chance.choice(_SIDES[gold]).format(number), equal)


def _of_lists(chance: random.Random, equal: bool) -> _Pair:
    numbers = chance.sample([3, 17, 44, 81, 216, 343, 1000, 2000], 3)
    said = [*numbers[:2], numbers[2] + (0 if equal else 1)]
    chance.shuffle(said)
    forms = [
        "{}, {}, {}",
        "{}, {}, and {}",
        "{}, {}, \\text{{ and }} {}",
        "{}, {} and {}",
        "\\{{{}, {}, {}\\}}",
        "{}; {}; {}",
    ]
    grouped = "{}, {}, and {}".format(*(f"{number:,}" for number in numbers))
    gold = chance.choice([grouped, chance.choice(forms).format(*numbers)])
    return _Pair(chance.choice(forms).format(*said), gold, equal)


def _of_expressions(chance: random.Random, equal: bool) -> _Pair:
    same = [
        ("√13", "\\sqrt{13}"), ("3√5", "3\\sqrt{5}"), ("x⁵", "x^5"), ("pi/3", "\\dfrac{\\pi}{3}"),
        ("e^9-2", "-2 + exp(9)"),
        ("2-e^{-1}", "2 - \\frac{1}{\\mathrm{e}}"), ("sqrt(8)", "2\\sqrt2"), ("x**2+1", "1+x^{2}"), ("2π", "2\\pi"),
        ("1011_2", "1011_{\\text{two}}"), ("1011₂", "1011_{(2)}"), ("≈ 3.14", "3.14"), ("x ≥ 3", "[3,\\infty)"),
        ("50\\%", "50 percent"), ("x\u200b=\u00ad5", "5"), ("x=5, y=6", "(5, 6)"), ("x=5, y=6", "y = 6 and x = 5"),
        ("(1,000, 2,000)", "(1000, 2000)"), ("100,200,300", "100, 200, 300"), ("90^{\\circ}", "90°"), ("−7", "-7"),
        ("\\sqrt{2}\\cdot 10^{-30}", "10^{-30}\\sqrt2"),
    ]  # fmt: skip
    different = [
        ("\\sqrt{2}\\cdot 10^{-30}", "\\sqrt{2}\\cdot 10^{-31}"), ("e^{-70}", "e^{-69}"), ("\\pi+10^{-30}", "\\pi"),
        ("10^{-30}x", "10^{-31}x"), ("x>10^{-30}", "x>10^{-31}"), ("(0,10^{-30})", "(0,10^{-31})"), ("x^5", "x^4"),
        ("\\{10^{-30}\\}", "\\{10^{-31}\\}"), ("x=5, y=6", "x=6, y=5"), ("x=5, y=6", "6, 5"), ("1011_2", "1011_3"),
        ("1011_2", "1011"), ("(1,200)", "1200"), ("3:4", "4:3"), ("180^\\circ", "\\pi"), ("√13", "\\sqrt{31}"),
        ("1, 2", "12"), ("100, 200", "100201"), ("2.5 \\text{ million}", "2.5"), ("50\\%", "5"), ("100 cm", "1 m"),
        ("x=10^{-30}y", "x=10^{-31}y"), ("e^{50}+1", "e^{50}"), ("\\sqrt{10^{40}+1}", "10^{20}"),
    ]  # fmt: skip
    prediction, gold = chance.choice(same if equal else different)
    return _Pair(*((prediction, gold) if chance.random() < 0.5 else (gold, prediction)), equal)


_KINDS = [_of_numbers, _of_units, _of_money, _of_magnitudes, _of_sides, _of_lists, _of_expressions]


def _pairs(equal: bool) -> Iterator[_Pair]:
    chance = random.Random(7)
    for turn in range(_NUM_PAIRS // 2):
        yield _KINDS[turn % len(_KINDS)](chance, equal)


def _misjudged(equal: bool) -> set[tuple[str, str]]:
    pairs = list(_pairs(equal))
    with Grader(num_workers=1, timeout_s=10.0) as grader:
        items = (GradeItem("math", f"So it is $\\boxed{{{pair.prediction}}}$.", pair.gold) for pair in pairs)
        grades = list(grader.grade_many(items))
    return {(p.prediction, p.gold) for p, grade in zip(pairs, grades, strict=True) if grade.correct is not equal}


def test_no_answer_with_another_value_unit_currency_magnitude_or_side_is_accepted() -> None:
    assert _misjudged(False) == set()


def test_an_answer_is_accepted_in_every_other_spelling() -> None:
    assert _misjudged(True) == set()
