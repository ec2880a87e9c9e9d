"""What a word or symbol behind a number may mean: a table of the spellings of units, sides and fillers.

A table and not a library of units: nothing is converted, and the words of a reply ("dollars each", "a.m.", "pounds")
are what such a library does not read.
"""

from __future__ import annotations

# The name of a unit, then its spellings; capitals do not count. One spelling may stand under several names.
_WORDS = """
usd usd dollar buck $ | cad cad dollar $ | aud aud dollar $ | nzd nzd dollar $ | sgd sgd dollar $ | hkd hkd dollar $
eur eur euro € | gbp gbp pound quid £ | jpy jpy yen ¥ 円 | cny cny yuan rmb renminbi ¥ 元 | inr inr rupee rs ₹
krw krw won ₩ | rub rub ruble rouble ₽ | chf chf franc | mxn mxn peso | cent cent ¢ | penny penny pence pennie
nickel nickel | dime dime | percent percent pct %
in in inch inche | ft ft foot feet | yd yd yard | mi mi mile | lb lb pound | oz oz ounce | ton ton | tonne tonne
stone stone | gal gal gallon | qt qt quart | pt pt pint | cup cup | tbsp tbsp tablespoon | tsp tsp teaspoon
acre acre | ha ha hectare | min min minute | h hr hour | day day | week week wk | month month | year year yr
decade decade | century century centurie | degree degree deg | celsius degree deg celsius centigrade
fahrenheit degree deg fahrenheit | rad rad radian | rev revolution | dB db decibel | bar bar | atm atm atmosphere
psi psi | rpm rpm | bpm bpm | hp hp horsepower | s sec | g gm | m mtr | l ltr | lightyear lightyear
kg kg kilo | km km | cm cm | mm mm | ml ml cc | mg mg | kHz khz | Hz hz | kW kw | kcal kcal
"""
# The symbol of a unit that takes prefixes, then its names.
_METRIC = """
m meter metre | g gram gramme | s second | l liter litre | N newton | J joule | W watt | V volt | A ampere amp
Pa pascal | Hz hertz | mol mole | K kelvin | eV electronvolt | cal calorie | B byte | bit bit | Ω ohm | C coulomb
T tesla | h hour
"""
_PREFIXES = "k m c d μ M G T n p h"
_PREFIX_NAMES = "kilo milli centi deci micro mega giga tera nano pico hecto"
COMPOUNDS = {
    "mph": (("mi", 1), ("h", -1)),
    "kph": (("km", 1), ("h", -1)),
    "kmh": (("km", 1), ("h", -1)),
    "kmph": (("km", 1), ("h", -1)),
    "mps": (("m", 1), ("s", -1)),
    "fps": (("ft", 1), ("s", -1)),
    "mpg": (("mi", 1), ("gal", -1)),
    "sqft": (("ft", 2),),
    "kwh": (("kW", 1), ("h", 1)),
    "wh": (("W", 1), ("h", 1)),
    "nm": (("nm", 1),),
    "ccm": (("cm", 3),),
}
# A side that a quantity may be on, then other words for it.
_SIDES = """
profit gain earnings surplus | loss debt deficit | increase rise growth | north northward
decrease drop decline fall reduction decreased | south southward | east eastward | west westward | up upward upwards
down downward downwards | above | below | am | pm | clockwise | counterclockwise anticlockwise | early | late
ahead | behind | faster | slower | older | younger | bc bce | ad ce | even | odd
"""


def _table(text: str) -> list[list[str]]:
    """The words of each entry: what is named first, then its other names."""
    return [entry.split() for entry in text.strip().replace("\n", "|").split("|")]


SIDES = {word: side for side, *others in _table(_SIDES) for word in (side, *others)}
_FILLING = (
    "more total altogether left remaining away each other extra additional whole full different overall now all exactly"
    " only approximately about in the times possible distinct far long tall wide high deep old respectively"
)
_ENDING = (
    "of for from after because at on by with that which than is are was were when where while since as to into until"
    " before between he she they it we you i there his her their this not but among during so if"
)
FILLERS, ENDS = frozenset(_FILLING.split()), frozenset(_ENDING.split())
_PLURALS = {"people": "person", "children": "child", "men": "man", "women": "woman", "mice": "mouse", "geese": "goose"}


def _spelled_in_words() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, *spellings in _table(_WORDS):
        for spelling in spellings:
            found.setdefault(spelling, set()).add(name)
    for symbol, *words in _table(_METRIC):
        for prefix, spelled in _PREFIXED.items():
            for word in words:
                found.setdefault(spelled + word, set()).add(prefix + symbol)
    return {spelling: frozenset(names) for spelling, names in found.items()}


_PREFIXED = {"": "", **dict(zip(_PREFIXES.split(), _PREFIX_NAMES.split(), strict=True))}
_IN_WORDS = _spelled_in_words()
_SYMBOLS = {prefix + symbol: frozenset({prefix + symbol}) for symbol, *_ in _table(_METRIC) for prefix in _PREFIXED} | {
    prefix + "L": frozenset({prefix + "l"}) for prefix in _PREFIXED
}
_NO_SYMBOLS = frozenset({"C", "T"})  # alone, a letter that is rather a name


def meanings(word: str) -> frozenset[str]:
    """The names of all units that the word or symbol may stand for; empty for a word that is none."""
    word = word.rstrip(".")
    if word in _SYMBOLS and word not in _NO_SYMBOLS:
        return _SYMBOLS[word]
    lower = word.lower()
    for spelling in (lower, lower.removesuffix("s"), lower.removesuffix("es")):
        if spelling in _IN_WORDS and (len(word) > 1 or not word.isascii() or not word.isalpha()):
            return _IN_WORDS[spelling]
    return frozenset()


def singular(word: str) -> str:
    """The word in lower case and, near enough for comparison, in the singular."""
    lower = word.lower().rstrip(".")
    if lower in _PLURALS:
        return _PLURALS[lower]
    for ending, instead in (("ies", "y"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("ss", "ss")):
        if lower.endswith(ending):
            return lower.removesuffix(ending) + instead
    return lower.removesuffix("s")
