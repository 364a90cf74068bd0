"""Fuzz and faults, all or the named parts: prints what was tried, and how to repeat what failed."""

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from trust._run import End, Found, several

# Cases of each part. Most of those of fits are two fits.
PARTS = {"fits": 12_000, "commands": 2000, "tomls": 1000, "faults": 500}
CHUNK = 10
DEFECTS = tuple(end for end in End if end not in (End.GOOD, End.REFUSED))


def main() -> int:
    """Run; return 1 where a defect was found."""
    parser = argparse.ArgumentParser(prog="python -m trust", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the first case (default: 0)")
    parser.add_argument("--cases", type=int, metavar="N", help="of each part (default: a share of the full numbers)")
    parser.add_argument("--share", type=float, default=1.0, metavar="P", help="of the full numbers (default: 1)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (default: 2)")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    found: dict[str, list[Found]] = {}
    # Spawned: a fork of a process with threads may hang.
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        for part in options.parts or PARTS:
            began, count = time.monotonic(), options.cases or max(round(options.share * PARTS[part]), 1)
            last = options.seed + count
            chunks = [range(start, min(start + CHUNK, last)) for start in range(options.seed, last, CHUNK)]
            found[part] = []
            for ends in pool.map(several, [part] * len(chunks), chunks):
                found[part] += ends
                for each in ends:
                    if each.end in DEFECTS:
                        print(
                            f"python -m trust {part} --cases 1 --seed {each.seed}: {each.end}: {each.detail}",
                            flush=True,
                        )
            print(f"{part}: {count} cases in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(*table(found), sep="\n")
    return int(any(each.end in DEFECTS for ends in found.values() for each in ends))


def table(found: dict[str, list[Found]]) -> list[str]:
    """Lines of a table in Markdown."""
    head = ["part", "cases", "tried", "faults injected", *(end.value for end in End)]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for part, cases in found.items():
        ends = Counter(each.end for each in cases)
        tried, injected = sum(each.n_tried for each in cases), len(cases) if part == "faults" else 0
        cells = [part, len(cases), tried, injected, *(ends[end] for end in End)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
