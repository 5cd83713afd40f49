"""What a verdict is as an exit code: of `phoenix trial`, and of commands that wait for an experiment."""

from collections.abc import Mapping
from typing import Final

from phoenix_platform.analysis.verdicts import Verdict
from phoenix_platform.cli.exit_codes import ExitCode

CODE_OF_VERDICT: Final[Mapping[Verdict, ExitCode]] = {
    Verdict.PROMOTE: ExitCode.OK,
    Verdict.STOP_FUTILE: ExitCode.STOP_FUTILE,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.INVALID: ExitCode.INVALID,
    Verdict.ABORT: ExitCode.ABORT,
}
