"""What a lake goes through: some increments of tiny files that hold everything that goes wrong with input.

Files repeat rows of each other, correct each other (one event id, another content), come late, come again under
another name or changed, hold rows that break rules and lines that are none; one is cut short. Between two steps a
rule becomes stricter, then looser.
"""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

HEADER = "UserID,SessionID,Timestamp,EventType,ProductID,Amount,Outcome"
TYPES = ("page_view", "product_view", "product_view", "add_to_cart", "purchase", "login", "search", "wave")
BASE = datetime(2025, 1, 20)
SOON = "storage:\n  checkpoint_interval: 3\n"
"""Checkpoints often, so that they are hit by kills too."""


@dataclass(frozen=True)
class Step:
    """One command.

    Args:
        name: For people.
        argv: What follows `clicklake`.
        settings: The settings file of this step.
        code: The exit code of a run that nothing disturbs.
        any_order: Whether the next step may come before this one is finished, with the same result in the end.
    """

    name: str
    argv: tuple[str, ...]
    settings: str = SOON
    code: int = 0
    any_order: bool = True


@dataclass
class Scenario:
    """Files and steps.

    Args:
        folder: Where the files are.
        steps: In order.
    """

    folder: Path
    steps: list[Step] = field(default_factory=list)


def make(folder: Path, seed: int, rows: int = 60) -> Scenario:
    """Write the files of a scenario and name its steps; the same seed gives the same bytes."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    clicks = [_click(rng) for _ in range(rows * 4)]
    web = [_web(rng, number) for number in range(rows * 2)]

    def csv(name: str, chosen: list[str]) -> str:
        data = ("\n".join([HEADER, *chosen]) + "\n").encode()
        return _write(folder / name, gzip.compress(data, mtime=0) if name.endswith(".gz") else data)

    def ndjson(name: str, chosen: list[dict[str, object] | str]) -> str:
        lines = [item if isinstance(item, str) else json.dumps(item) for item in chosen]
        return _write(folder / name, ("\n".join(lines) + "\n").encode())

    first = csv("a.csv", [*clicks[:rows], *rng.sample(clicks[:rows], 5), "too,short", ",,,,,,"])
    ndjson("w1/2025/01/20/00/e.ndjson", [*web[:rows], "{broken", *web[:3]])
    second = csv("b.csv", [*clicks[rows - 20 : 2 * rows], *_bad(rng)])
    corrections = [_corrected(rng, event) for event in rng.sample(web[:rows], 12)]
    web_two = ndjson("w2.ndjson", [*web[rows - 10 : rows + 20], *corrections, *rng.sample(web[:rows], 4)])
    third = csv("c.csv.gz", [*clicks[2 * rows - 10 : 3 * rows], *_late(rng, 8)])
    whole = gzip.compress(("\n".join([HEADER, *clicks[:rows]])).encode(), mtime=0)
    cut = _write(folder / "cut.csv.gz", whole[: len(whole) * 2 // 3])
    again = _write(folder / "known" / "a-copy.csv", Path(first).read_bytes())
    fourth = csv("d.csv", [*clicks[3 * rows - 10 :], *rng.sample(clicks[:rows], 6)])
    changed = csv("later/a.csv", [*clicks[:rows], *_late(rng, 4), "one,two,three,four,five,six,seven,eight"])
    web_three = ndjson(
        "w3.ndjson", [*web[rows + 10 :], *[_corrected(rng, event) for event in rng.sample(web[:rows], 8)], "[1]"]
    )
    shop = commerce(folder, rng)
    strict = SOON + "rules:\n  max_amount: 40\n"
    loose = SOON + "rules:\n  max_amount: 5000\n"
    steps = [
        Step("first files", ("run", f"click_events={first}", f"web_events={folder / 'w1'}", *shop[0])),
        Step("overlap, a known file", ("run", f"click_events={second}", f"click_events={first}", *shop[1])),
        Step("corrections", ("run", f"web_events={web_two}", f"click_events={again}", *shop[2])),
        Step("a file cut short", ("run", f"click_events={third}", f"click_events={cut}"), code=1, any_order=False),
        Step("a stricter rule", ("run", f"click_events={fourth}"), strict, any_order=False),
        Step("a looser rule", ("run", f"web_events={web_three}", f"click_events={changed}"), loose),
        Step("replay", ("quarantine", "replay"), loose, any_order=False),
        Step("unload", ("unload", "click_events", second), loose, any_order=False),
        Step("unload orders", ("unload", "orders", shop[1][0].partition("=")[2]), loose, any_order=False),
        Step("small files put together", ("optimize", "--all"), loose, any_order=False),
        Step("gold anew", ("build", "--full"), loose, any_order=False),
        Step("a backup", ("backup", "copy"), loose, any_order=False),
        Step("old files removed", ("vacuum", "--all", "--yes"), loose, any_order=False),
        Step("gold restored", ("restore", "gold.dim_users", "--to", "1", "--yes"), loose, any_order=False),
        Step("orders restored", ("restore", "silver.orders", "--to", "1", "--yes"), loose, any_order=False),
        Step("silver restored", ("restore", "silver.events", "--to", "2", "--yes"), loose, any_order=False),
        Step("brought in line", ("run",), loose, any_order=False),
    ]
    return Scenario(folder, steps)


def commerce(folder: Path, rng: random.Random) -> list[list[str]]:
    """Files of orders, customers, products and payments for three steps, as arguments.

    Later ones hold newer and older versions of earlier rows, repeat some, and bring customers and products that
    orders have named before.
    """
    orders = [f"o{rng.randrange(20)},{rng.randrange(1, 3)},u{rng.randrange(12)},p{rng.randrange(6)}" for _ in range(90)]
    states = ("completed", "pending", "refunded", "cancelled", "Shipped", "odd")

    def files(step: int, names: dict[str, tuple[str, list[str]]]) -> list[str]:
        found = []
        for name, (header, lines) in names.items():
            file = folder / "commerce" / f"{step}" / f"{name}.csv"
            found.append(f"{name}={_write(file, chr(10).join([header, *lines, '']).encode())}")
        return found

    def lines(chosen: list[str]) -> list[str]:
        found = [
            f"{key},{_time(rng)},{rng.randrange(4)},{rng.randrange(900)}.50,,,,{rng.choice(states)},{_time(rng)}"
            for key in chosen
        ]
        return [*found, *rng.sample(found, 3), "o1,1,u1,p1,never,-1,x,,,,,", "o1,1"]

    def parents(kind: str, numbers: range) -> list[str]:
        places = ("Germany", "fr", "Atlantis", "")
        if kind == "u":
            return [f"u{n},Name{n},n{n}@x.com,{rng.choice(places)},{_time(rng)}" for n in numbers for _ in range(2)]
        return [f"p{n},Thing {n},{rng.randrange(50)}.00,{rng.randrange(20)},{_time(rng)}" for n in numbers]

    def payments(count: int) -> list[str]:
        paid = ("captured", "failed", "refunded")
        return [
            f"y{rng.randrange(40)},o{rng.randrange(25)},card,{rng.randrange(90)}.50,{_time(rng)},{rng.choice(paid)},"
            + _time(rng)
            for _ in range(count)
        ]

    order = (
        "order_id,line_id,customer_id,product_id,order_date,quantity,unit_price,discount,net_amount,currency,status,"
        "updated_at"
    )
    customer, product = (
        "customer_id,first_name,email,country,updated_at",
        "product_id,product_name,price,cost,updated_at",
    )
    payment = "payment_id,order_id,payment_method,amount,payment_date,status,updated_at"
    return [
        files(1, {"orders": (order, lines(orders[:40])), "products": (product, parents("p", range(3)))}),
        files(2, {"orders": (order, lines(orders[30:70])), "payments": (payment, payments(30))}),
        files(
            3,
            {
                "orders": (order, lines(orders[20:])),
                "customers": (customer, parents("u", range(9))),
                "products": (product, parents("p", range(2, 5))),
                "payments": (payment, payments(20)),
            },
        ),
    ]


def _write(file: Path, data: bytes) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return str(file)


def _time(rng: random.Random) -> str:
    moment = BASE + timedelta(seconds=rng.randrange(20 * 86400))
    return rng.choice((f"{moment:%Y-%m-%d %H:%M:%S}", f"{moment:%Y-%m-%dT%H:%M:%SZ}"))


def _click(rng: random.Random) -> str:
    event_type = rng.choice(TYPES)
    product = f"p{rng.randrange(6)}" if event_type in ("product_view", "add_to_cart", "purchase") else ""
    amount = f"{rng.randrange(1, 9000) / 100:.2f}" if event_type == "purchase" else ""
    outcome = rng.choice(("success", "failure", "")) if event_type == "purchase" else ""
    session = rng.choice(("", f"s{rng.randrange(4)}", f"s{rng.randrange(4)}"))
    return f"u{rng.randrange(12)},{session},{_time(rng)},{event_type},{product},{amount},{outcome}"


def _late(rng: random.Random, count: int) -> list[str]:
    """Events of known users, months before all others."""
    moments = [BASE - timedelta(days=rng.randrange(60, 200), seconds=rng.randrange(86400)) for _ in range(count)]
    return [f"u{rng.randrange(12)},s{rng.randrange(4)},{at:%Y-%m-%d %H:%M:%S},page_view,,," for at in moments]


def _bad(rng: random.Random) -> list[str]:
    return [
        f",s1,{_time(rng)},page_view,,,",
        "u1,s1,yesterday,page_view,,,",
        f"u2,s1,{_time(rng)},purchase,p1,,success",
        f"u2,s1,{_time(rng)},purchase,,-5,success",
        f"u3,s1,{_time(rng)},,,,",
        f"u3,s1,{_time(rng)},purchase,p1,a lot,success",
        'u4,"s1',
    ]


def _web(rng: random.Random, number: int) -> dict[str, object]:
    event_type = rng.choice(TYPES)
    metadata = {}
    if rng.random() < 0.8:
        metadata["event_id"] = f"e{number}"
    if event_type in ("product_view", "add_to_cart", "purchase"):
        metadata["product_id"] = f"p{rng.randrange(6)}"
    if event_type == "purchase":
        metadata.update(amount=f"{rng.randrange(1, 9000) / 100:.2f}", order_id=f"o{rng.randrange(20)}")
    return {
        "user_id": None if rng.random() < 0.03 else f"u{rng.randrange(12)}",
        "session_id": f"w{rng.randrange(5)}",
        "event_type": event_type,
        "event_timestamp": _time(rng),
        "device_type": rng.choice(("desktop", "mobile", None)),
        "page_url": f"https://shop.example/{rng.randrange(9)}",
        "metadata": metadata,
    }


def _corrected(rng: random.Random, event: dict[str, object]) -> dict[str, object]:
    """The same event with another content: of the two the smaller is kept."""
    return {**event, "page_url": f"https://shop.example/{rng.choice('059')}{rng.randrange(9)}", "user_id": "u0"}
