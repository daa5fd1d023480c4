"""Train one of the methods of rivals.py that learn, for so many minutes of one CPU thread.

    python benchmarks/train_rivals.py METHOD --minutes 15 -o FILE

METHOD is one of ours, wang2020, unet, spotiflow.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", choices=["ours", "wang2020", "unet", "spotiflow"])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("-o", "--output", type=Path, required=True)
    wanted = parser.parse_args()
    # a minute of CPU time is then the same for all, whatever the machine does besides
    torch.set_num_threads(1)
    wanted.output.parent.mkdir(parents=True, exist_ok=True)
    # each method's library is asked for only by who wants it
    if wanted.method in ("ours", "wang2020"):
        from methods.ours import train_preset

        train_preset("default" if wanted.method == "ours" else "wang2020", wanted.minutes, wanted.output)
    elif wanted.method == "unet":
        from methods.unet import train_unet

        train_unet(wanted.minutes, wanted.output)
    else:
        from methods.spotiflow import train_spotiflow

        train_spotiflow(wanted.minutes, wanted.output)


if __name__ == "__main__":
    main()
