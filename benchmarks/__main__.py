"""Run the benchmarks: one by name, or all of them into a table."""

import argparse
import json
import pkgutil
import platform
import sys
import time
from importlib import import_module
from pathlib import Path

import benchmarks

# Those that need data from outside, or many minutes, run by name only.
_BY_NAME_ONLY = {
    "archive_faults",
    "deep_cluster",
    "esec_channels",
    "fuzz",
    "gujarat",
    "gujarat_labels",
    "gujarat_pages",
    "kachchh_locations",
    "kachchh_offsets",
    "label_errors",
    "luhu_chain",
    "readers",
    "representations",
    "rocknet",
    "rocknet_scores",
    "rocknet_training",
    "section_classes",
    "self_supervision",
}


def main():
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(benchmarks.__path__)
        if not module.name.startswith("_")
    )
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*names, []], help="which to run; default all")
    parser.add_argument("--json", action="store_true", help="print one JSON object as last line")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("benchmarks.md"), help="the table")
    options = parser.parse_args()

    results = {}
    for name in options.name or [name for name in names if name not in _BY_NAME_ONLY]:
        start = time.perf_counter()
        print(f"{name} …", file=sys.stderr, flush=True)
        results[name] = import_module(f"benchmarks.{name}").run(quick=options.quick)
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)

    if not options.json:
        print(_table(results))
    if not options.name:
        options.out.write_text(_table(results))
    if options.json:
        print(json.dumps(next(iter(results.values())) if len(results) == 1 else results))


def _table(results):
    lines = [
        f"{platform.machine()}, Python {platform.python_version()}",
        "",
        "| benchmark | figure | value |",
        "|---|---|---|",
    ]
    for name, figures in results.items():
        for key, value in figures.items():
            shown = f"{value:.4g}" if isinstance(value, float) else value
            lines.append(f"| {name} | {key} | {shown} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
