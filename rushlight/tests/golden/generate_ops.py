"""Writes ops.json.gz: what real PyTorch answers for every operation of the library, and what it refuses.

    pip install torch==2.15.0 numpy
    python generate_ops.py

The fixture is committed, so the tests need no Python. Run again only to add cases; old cases keep their numbers because each
draws its inputs from a seed made of its own name.
"""

import pathlib
import warnings

import torch

import ops_cases_core
import ops_cases_more
import ops_cases_nn
from fixture import Cases, write
from ops_table import OPS


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # PyTorch warns about what some edge cases do on purpose
    cases = Cases()
    ops_cases_core.build(cases)
    ops_cases_nn.build(cases)
    ops_cases_more.build(cases)
    records = cases.run(OPS)
    path = pathlib.Path(__file__).parent / "ops.json.gz"
    write(path, {"torch": torch.__version__.split("+")[0], "cases": records})
    failing = sum("error" in r for r in records)
    print(f"{path.name}: {len(records)} cases, {failing} of them errors, {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
