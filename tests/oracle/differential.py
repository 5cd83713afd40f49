"""How many bodies the kernel and the official classes agree on: `python -m tests.oracle.differential [--bodies N]`.

Bodies are those of the fuzz corpus and the recorded ones, mutated: bytes changed, put in, taken out, two bodies
spliced. A disagreement stops it with the body. `test_kernel_against_the_oracle.py` draws others.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.fuzz.targets import WIDE, has_field_zero
from tests.oracle.agreement import (
    assert_agree,
    assert_same_numbers,
    assert_same_tables,
    outcome_of,
)
from tests.oracle.json_requests import officially_parsed, printed
from tests.oracle.lenient_messages import LENIENT_REQUEST
from tests.oracle.plain_decoder import PlainDecoder

from phoenix_platform.otlp.decoding import Decoder, protobuf_of_json
from phoenix_platform.otlp.errors import MalformedBodyError

TESTS = Path(__file__).parents[1]
SEED = 20_300_102


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=10_000, help="per encoding")
    count = parser.parse_args().bodies
    random = Random(SEED)  # noqa: S311 - bodies to compare with, no secrets
    recorded = [path.read_bytes() for path in sorted((TESTS / "recorded" / "otlp").glob("*.pb"))]
    counts: Counter[str] = Counter()
    for body in mutated(random, [*_corpus("protobuf"), *recorded], count):
        counts[f"protobuf: {compare_protobuf(body)}"] += 1
    for text in mutated(random, [*_corpus("json"), *map(printed, recorded)], count):
        counts[f"JSON: {compare_json(text)}"] += 1
    for name, number in sorted(counts.items()):
        print(f"{name:60}{number:8}")  # noqa: T201 - its table


def mutated(random: Random, seeds: list[bytes], count: int) -> Iterator[bytes]:
    """Every seed as it is, then changed ones."""
    yield from seeds[:count]
    for _ in range(count - len(seeds)):
        body = bytearray(random.choice(seeds))
        for _ in range(random.randrange(1, 3)):
            place = random.randrange(len(body) + 1)
            match random.randrange(4):
                case 0:
                    changed = body[place : place + 1]
                    body[place : place + 1] = bytes(
                        byte ^ 1 << random.randrange(4) for byte in changed
                    )
                case 1:
                    body[place:place] = random.randbytes(random.randrange(1, 4))
                case 2:
                    del body[place : place + random.randrange(1, 16)]
                case _:
                    other = random.choice(seeds)
                    body[place:] = other[random.randrange(len(other) + 1) :]
        yield bytes(body)


def compare_protobuf(body: bytes) -> str:
    """What both did with `body`, again once the series are known."""
    if has_field_zero(body):
        taken = outcome_of(PlainDecoder(LENIENT_REQUEST), body) is not None
        return "only the official classes take it, a field of number 0" if taken else "both refuse"
    oracle, kernel = PlainDecoder(LENIENT_REQUEST), Decoder(WIDE)
    columns = assert_agree(oracle, kernel, body)
    assert_agree(oracle, kernel, body)
    return "both refuse" if columns is None else "both take, equal columns and series"


def compare_json(text: bytes) -> str:
    """What either did with `text`; that they differ in what they take is known, docs/otlp.md says in what."""
    parsed = officially_parsed(text)
    try:
        body = protobuf_of_json(text, WIDE)
    except MalformedBodyError:
        return "both refuse" if parsed is None else "only the official classes take it"
    if parsed is None:
        return "only the kernel takes it"
    oracle, kernel = PlainDecoder(), Decoder(WIDE)
    assert_same_numbers(oracle.decode(parsed), kernel.decode(body))
    assert_same_tables(oracle.table, kernel.table)
    return "both take, equal columns and series"


def _corpus(target: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((TESTS / "fuzz" / "corpus" / target).iterdir())]


if __name__ == "__main__":
    main()
