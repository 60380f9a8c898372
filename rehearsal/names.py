"""Names of institutions that do not exist, under .example (RFC 2606)."""

import itertools
import random

PLACES = [
    "Anlin",
    "Baihe",
    "Changyun",
    "Dongtan",
    "Eshan",
    "Fuqiao",
    "Guanlan",
    "Haiping",
    "Jinhai",
    "Kunlu",
    "Lanxi",
    "Mingzhou",
    "Nanwan",
    "Ouyang",
    "Pingdu",
    "Qinghe",
    "Ruian",
    "Shanwei",
    "Taoyuan",
    "Wenling",
    "Xihai",
    "Yunlong",
    "Zhaoqing",
    "Beiling",
    "Caohai",
    "Danzhou",
    "Fengtai",
    "Huairou",
]
KINDS = {
    "finance": ("Bank", "Rural Bank", "Securities", "Trust", "Life Insurance", "Fund Management", "Payments"),
    "government": ("City Government", "Tax Service", "Customs", "Social Insurance", "Housing Fund", "Land Registry"),
    "critical": ("Power Grid", "Water Works", "Railway", "Hospital", "Gas Supply"),
    "standard": ("Logistics", "Software", "University", "Foods", "Media", "Hotels", "Motors", "Textiles", "Books"),
}
GIVEN = ("Wei", "Fang", "Min", "Jing", "Li", "Qiang", "Lei", "Jun", "Yan", "Tao", "Juan", "Ming", "Chao", "Xia")
FAMILY = ("Wang", "Li", "Zhang", "Liu", "Chen", "Yang", "Zhao", "Huang", "Zhou", "Wu", "Xu", "Sun", "Hu", "Zhu", "Gao")


def institutions(subscriber_class: str, chance: random.Random) -> "itertools.chain[tuple[str, str]]":
    """Endless names with their domains for one class, in a shuffled order; no two alike."""
    pairs = [(f"{place} {kind}", place, kind) for place in PLACES for kind in KINDS[subscriber_class]]
    chance.shuffle(pairs)
    first = ((name, _domain(place, kind)) for name, place, kind in pairs)
    more = (
        (f"{name} No. {number}", f"no{number}.{_domain(place, kind)}")
        for number in itertools.count(2)
        for name, place, kind in pairs
    )
    return itertools.chain(first, more)


def person(chance: random.Random) -> str:
    """The name of somebody who does not exist."""
    return f"{chance.choice(GIVEN)} {chance.choice(FAMILY)}"


def _domain(place: str, kind: str) -> str:
    return f"{place}-{kind.replace(' ', '-')}.example".lower()
