"""Another build of the kernel in place of the installed one: for coverage, for AddressSanitizer.

Called by `driver.c`, and as a program: `python -m scripts.fuzz.loading KERNEL MODULE ARGUMENT...` runs a
module (pytest, say) with that kernel.
"""

import importlib.util
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

_NAME = "phoenix_platform.otlp.kernel"


def load_kernel(path: Path) -> None:
    """Make the extension at `path` the one that `phoenix_platform` imports in this process."""
    specification = importlib.util.spec_from_file_location(_NAME, path)
    assert specification is not None
    assert specification.loader is not None
    kernel = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(kernel)
    sys.modules[_NAME] = kernel


def target(kernel: str, name: str) -> Callable[[bytes], None]:
    """The fuzz target of that name, over that kernel."""
    load_kernel(Path(kernel))
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - the kernel comes first

    return TARGETS[name]


def main() -> None:
    kernel, module, *arguments = sys.argv[1:]
    load_kernel(Path(kernel))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
