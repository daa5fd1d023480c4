"""The options of every command that detects impurities: model, threshold, material, device and second pass."""

from __future__ import annotations

from typing import Annotated

import typer

ModelName = Annotated[str, typer.Option(metavar="NAME|FILE", help="A shipped model, or a .safetensors file.")]
Threshold = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="The least confidence of a point. [default: the model's own]"),
]
Material = Annotated[
    str | None,
    typer.Option(help='The surface, such as "Au(111)", where its dispersion cannot be fitted to the data.'),
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or mps. [default: the fastest available]")]
SecondPass = Annotated[
    bool,
    typer.Option(
        "--second-pass/--no-second-pass",
        help="Score the points once more by the pattern that the confident ones have in common.",
    ),
]
