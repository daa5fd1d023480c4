"""What a channel is by its name, and which one is taken."""

from __future__ import annotations

import pytest

from napari_stm_impurities.io.readers.channels import choose, recognise


@pytest.mark.parametrize(
    ("name", "what", "is_didv"),
    [
        ("LI Demod 1 X", "lock-in", True),
        ("LI Demod 1 X [bwd]", "lock-in", True),
        ("LI Demod 1 Y", "lock-in, out of phase", False),
        ("LI Demod 2 X", "lock-in, harmonic 2", False),
        ("LIX_1_omega", "lock-in", True),
        ("LIY_1_omega", "lock-in, out of phase", False),
        ("LIX_n_omega", "lock-in, harmonic 2", False),
        ("LockinX", "lock-in", True),
        ("Lock-in Y", "lock-in, out of phase", False),
        ("LI X 1 omega", "lock-in", True),
        ("dIdV", "lock-in", True),
        ("Current [00002]", "current", False),
        ("Z", "topography", False),
        ("Z rel", "topography", False),
        ("Bias_m", "bias", False),
        ("Zero offset", "other", False),
        ("Live signal", "other", False),
        ("Input 2", "other", False),
    ],
)
def test_names_that_instruments_give(name, what, is_didv):
    channel = recognise(name, "A")
    assert (channel.what, channel.is_didv) == (what, is_didv)


def test_the_header_overrules_the_usual_harmonics():
    assert recognise("LI Demod 2 X", "A", harmonics=[2, 1]).is_didv
    assert not recognise("LI Demod 1 X", "A", harmonics=[2, 1]).is_didv


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["Current", "LI Demod 1 X [bwd]", "LI Demod 1 X"], "LI Demod 1 X"),
        (["LI Demod 1 X [00001]", "LI Demod 1 X [00002]", "LI Demod 1 X [AVG]"], "LI Demod 1 X [AVG]"),
        (["LI Demod 1 X [filt]", "LI Demod 1 X"], "LI Demod 1 X"),
        (["LI Demod 1 Y", "Current [bwd]", "Current"], "Current"),
        (["Bias", "Input 2"], "Input 2"),
        (["Bias"], "Bias"),
    ],
)
def test_the_choice(names, taken):
    channel, why, _ = choose([recognise(name, "A") for name in names], None, fallback="current")
    assert channel.name == taken
    assert taken in why
