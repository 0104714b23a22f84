"""Names of people, places and things, from `words.yaml`, as tables of text."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from clicklake.synthetic import text
from clicklake.synthetic.events import Codes, Floats, Ints

SPELLINGS_OF_COUNTRIES = 4


@dataclass(frozen=True)
class Words:
    """Words by their numbers.

    Args:
        first_names: First names.
        last_names: Last names.
        first_mails: First names as they stand in addresses of mail.
        last_mails: Last names as they stand there.
        streets: Streets.
        segments: Kinds of customers.
        countries: Countries, each in its four spellings.
        country_shares: The share of customers in each country.
        cities: Cities of all countries.
        states: The state of each city.
        first_city: The number of each country's first city, and one behind the last.
        kinds: What is sold.
        categories: The category of each kind.
        subcategories: The subcategory of each kind.
        brands: Brands.
        looks: What stands before a kind in a product's name.
        methods: Ways to pay.
    """

    first_names: Codes
    last_names: Codes
    first_mails: Codes
    last_mails: Codes
    streets: Codes
    segments: Codes
    countries: Codes
    country_shares: Floats
    cities: Codes
    states: Codes
    first_city: Ints
    kinds: Codes
    categories: Codes
    subcategories: Codes
    brands: Codes
    looks: Codes
    methods: Codes


@lru_cache(maxsize=1)
def words() -> Words:
    """The words of `words.yaml`."""
    path = Path(__file__).with_name("words.yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506
    countries = document["countries"]
    cities = [city for country in countries for city in country["cities"]]
    weights = np.array([country["weight"] for country in countries], float)
    sold = [
        (category, subcategory, kind)
        for category, subcategories in document["categories"].items()
        for subcategory, kinds in subcategories.items()
        for kind in kinds
    ]
    return Words(
        first_names=text.table(document["first_names"]),
        last_names=text.table(document["last_names"]),
        first_mails=text.table([_plain(name) for name in document["first_names"]]),
        last_mails=text.table([_plain(name) for name in document["last_names"]]),
        streets=text.table(document["streets"]),
        segments=text.table(document["segments"]),
        countries=text.table([spelling for country in countries for spelling in country["spellings"]]),
        country_shares=weights / weights.sum(),
        cities=text.table([city for city, _ in cities]),
        states=text.table([state for _, state in cities]),
        first_city=np.cumsum([0, *(len(country["cities"]) for country in countries)]),
        kinds=text.table([kind for _, _, kind in sold]),
        categories=text.table([category for category, _, _ in sold]),
        subcategories=text.table([subcategory for _, subcategory, _ in sold]),
        brands=text.table(document["brands"]),
        looks=text.table(document["looks"]),
        methods=text.table(document["payment_methods"]),
    )


def _plain(name: str) -> str:
    """The ASCII letters of a name, lower case."""
    spelt = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("Ł", "L").replace("ı", "i"))
    return "".join(sign for sign in spelt.lower() if sign.isascii() and sign.isalpha())
