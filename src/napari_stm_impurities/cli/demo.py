"""``demo``: the complete workflow on a simulated surface."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import StmError
from .console import long_work, out
from .files import check_is_file


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="The folder of the results.")] = Path(
        "demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated surface.")] = 0,
) -> None:
    """Run the complete workflow on a simulated Au(111) surface: figures (.png) and tables (.csv) in one folder.

    Example: stm-impurities demo -o results
    """
    from ..workflow.demo import run_demo
    from .console_tables import comparison_table, demo_table

    check_is_file(output, "the demo")
    if output.exists() and not output.is_dir():
        raise StmError(f"{output}: is a file; name a folder for the results")
    with long_work("demo") as (progress, should_stop):
        result = run_demo(output, seed=seed, progress=progress, should_stop=should_stop)
    console = out()
    console.print(demo_table(result))
    console.print(comparison_table(result.against_reference, title="Found points against the reference (EM)"))
    console.print(comparison_table(result.against_truth, title="Found points against the true positions"))
    for path in result.files:
        console.print(str(path), markup=False)
