"""Breaks the reduce processor in listed ways and shows that its tests notice each.

    python scripts/reduce_mutants.py

A mutant that lives is a hole in the tests: the command then exits with 1.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

MODULE = Path(__file__).resolve().parent.parent / "collector/processor/reduceprocessor"


@dataclass(frozen=True)
class Mutant:
    what: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "sums cumulative values",
        "processor.go",
        "into.take(works[i].kind, works[i].increase, start)",
        "into.take(works[i].kind, works[i].value, start)",
    ),
    Mutant(
        "no re-base on return",
        "processor.go",
        "cameBack := before.isDecided",
        "cameBack := false && before.isDecided",
    ),
    Mutant(
        "state advances before the consumer accepted",
        "processor.go",
        "		p.rollback()\n		return err\n	}\n	p.commit(ctx)",
        "		p.commit(ctx)\n		return err\n	}\n	p.commit(ctx)",
    ),
    Mutant(
        "pid without start time",
        "processor.go",
        "return int64(one.start)-int64(before)-shift > startTolerance",
        "return false && shift > 0",
    ),
    Mutant(
        "everything at first sight counts",
        "plan.go",
        "if host.previous > 0 && this.start+birthTolerance >= host.previousFirst {",
        "if host.previous > 0 {",
    ),
    Mutant(
        "nothing at first sight counts",
        "plan.go",
        "if host.previous > 0 && this.start+birthTolerance >= host.previousFirst {",
        "if false {",
    ),
    Mutant(
        "a rounding step is a reset",
        "plan.go",
        "this.increase = this.value.zero() // a rounding step",
        "this.increase = this.value // a rounding step",
    ),
    Mutant(
        "a bucket begins at its first scrape, not before it",
        "processor.go",
        "	start := host.previous\n",
        "	start := host.last\n",
    ),
    Mutant(
        "a re-based series keeps its own start",
        "leaving.go",
        "point.SetStartTimestamp(pcommon.Timestamp(this.baseStart))",
        "_ = this.baseStart",
    ),
    Mutant(
        "a reset while re-based keeps its start",
        "plan.go",
        "		this.beginBase(host)\n	case this.running.less(base.value()):",
        "		this.base, this.baseStart = this.running.zero(), base.start\n	case this.running.less(base.value()):",
    ),
    Mutant(
        "one missed scrape is an exit",
        "committing.go",
        "return scrape-known.seen > uint64(p.cfg.ForgetAfter)",
        "return scrape-known.seen > 1+0*uint64(p.cfg.ForgetAfter)",
    ),
    Mutant(
        "a refused batch leaves its buckets behind",
        "committing.go",
        "			if one.isNew {\n				delete(plan.host.buckets, key)\n			} else if one.scan == p.scans {\n				one.rollback()\n			}",
        "			_ = key\n			if one.scan == p.scans {\n				one.commit(p.table)\n			}",
    ),
    Mutant(
        "the interval of a move to the rest is in nothing",
        "processor.go",
        "	p.addTo(host, p.bucketOf(host, one, resources), works)\n	return nil",
        "	if !one.leaves {\n		p.addTo(host, p.bucketOf(host, one, resources), works)\n	}\n	return nil",
    ),
    Mutant(
        "a taken-over pid leaves as it came",
        "processor.go",
        "tookOver := one.isReused &&",
        "tookOver := false && one.isReused &&",
    ),
    Mutant(
        "the start of an increase is taken for that of the process",
        "scanning.go",
        "if !isDelta { // an increase",
        "if true || !isDelta { // an increase",
    ),
    Mutant(
        "beyond the bound a critical process is kept without a base",
        "choosing.go",
        "one.next.rule, one.next.isKept = ruleNoRoom, false",
        "one.next.rule = ruleNoRoom",
    ),
    Mutant(
        "increases are taken for running values",
        "plan.go",
        "			this.running = last.plus(this.value)",
        "			this.running = this.value",
    ),
    Mutant(
        "a bucket that ended keeps its sum",
        "committing.go",
        "			delete(host.buckets, one.key)\n			continue",
        "			continue",
    ),
    Mutant(
        "the end of a series is not marked",
        "leaving.go",
        "point.SetFlags(point.Flags().WithNoRecordedValue(true))",
        "_ = point",
    ),
    Mutant(
        "the stored state is the one before the scrape",
        "storage.go",
        "	p.advanceState()\n	p.isAdvanced = true\n",
        "	defer func() { p.advanceState(); p.isAdvanced = true }()\n",
    ),
)


def main() -> int:
    living = [mutant.what for mutant in MUTANTS if not _is_noticed(mutant)]
    print(f"{len(MUTANTS)} mutants, {len(MUTANTS) - len(living)} noticed")
    for what in living:
        print(f"  lives: {what}")
    return bool(living)


def _is_noticed(mutant: Mutant) -> bool:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "reduceprocessor"
        shutil.copytree(MODULE, copy)
        source = copy / mutant.file
        text = source.read_text()
        if text.count(mutant.old) != 1:
            raise SystemExit(f"{mutant.what}: {mutant.file} does not hold its text once")
        source.write_text(text.replace(mutant.old, mutant.new))
        run = subprocess.run(
            [
                "go",
                "test",
                "-vet=off",
                ".",
                "-rapid.nofailfile",
                "-rapid.checks=1500",
                "-rapid.shrinktime=1ms",
            ],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
    if "build failed" in run.stdout + run.stderr:
        raise SystemExit(f"{mutant.what}: does not compile\n{run.stdout}{run.stderr}")
    noticed = run.returncode != 0
    by = next(
        (line.split()[2] for line in run.stdout.splitlines() if line.startswith("--- FAIL")), ""
    )
    print(
        f"{'noticed' if noticed else 'LIVES  '} {time.monotonic() - began:4.0f} s  {mutant.what}  {by}",
        flush=True,
    )
    return noticed


if __name__ == "__main__":
    sys.exit(main())
