"""Attention across the biases: off, global (the paper's, one weight a pair), or local (one a pair and pixel).

    python studies/attention.py --work studies/work

Three trainings of the default configuration that differ in `network.attention` alone, judged on the ten kinds of
surface of the benchmark, each at the threshold that the same held-out surfaces give it.
"""

from __future__ import annotations

from trainings import DEFAULT, run


def main() -> None:
    """Train, judge, draw."""
    run(__doc__, "attention", ["attention off", "global attention", DEFAULT])


if __name__ == "__main__":
    main()
