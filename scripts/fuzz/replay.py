"""Feed every input of a corpus to its target: `python -m scripts.fuzz.replay CORPUS`; no output if all is well."""

import sys
from pathlib import Path

from tests.fuzz.targets import TARGETS


def main() -> None:
    for path in sorted(Path(sys.argv[1]).glob("*/*")):
        TARGETS[path.parent.name](path.read_bytes())


if __name__ == "__main__":
    main()
