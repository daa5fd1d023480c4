"""What a channel is by its name, and which one is taken."""

from __future__ import annotations

import pytest

from napari_stm_impurities.io.readers.channels import LockIn, choose, is_backward, recognise


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


@pytest.mark.parametrize(
    ("name", "unit", "what", "is_didv"),
    [
        # underscores in a scan, a pass before the name
        ("LI_Demod_1_X", "A", "lock-in", True),
        ("[P1]_LI_Demod_1_X", "A", "lock-in", True),
        ("[P2]_LI_Demod_1_X [bwd]", "A", "lock-in", True),
        ("[P1]_Z", "m", "topography", False),
        ("[P2]_Current", "A", "current", False),
        ("LI_Demod_1_Y", "A", "lock-in, out of phase", False),
        ("LI_Demod_2_X", "A", "lock-in, harmonic 2", False),
        ("[P1]_LI_Demod_2_X", "A", "lock-in, harmonic 2", False),
        ("LI Demod 3 X", "A", "lock-in, harmonic not stated", False),
        # higher harmonics by the name
        ("LIX 2 omega", "A", "lock-in, harmonic 2", False),
        ("LIX_2_omega", "A", "lock-in, harmonic 2", False),
        ("LI X 2 omega", "A", "lock-in, harmonic 2", False),
        ("LI X n omega", "A", "lock-in, harmonic 2", False),
        ("LIX 3 omega [AVG]", "A", "lock-in, harmonic 3", False),
        ("Lock-in X 2nd harmonic", "V", "lock-in, harmonic 2", False),
        ("Lockin second harmonic", "V", "lock-in, harmonic 2", False),
        ("LIA X 2nd", "V", "lock-in, harmonic 2", False),
        ("Lock-in X (2nd)", "V", "lock-in, harmonic 2", False),
        ("2nd Lock-in X", "V", "lock-in", True),
        ("Lock-in X 1st", "V", "lock-in", True),
        ("Lock-in 2f", "V", "lock-in, harmonic 2", False),
        ("d2I/dV2", "", "lock-in, harmonic 2", False),
        ("d2I_dV2", "", "lock-in, harmonic 2", False),
        ("d^2I/dV^2", "", "lock-in, harmonic 2", False),
        ("dI_dV", "", "lock-in", True),
        # phases and magnitudes
        ("LI Demod 1 Phi", "deg", "lock-in, phase", False),
        ("LI_Demod_1_Phi", "deg", "lock-in, phase", False),
        ("LI Phi 1 omega", "deg", "lock-in, phase", False),
        ("Lock-in Phase", "V", "lock-in, phase", False),
        ("LockinTheta", "V", "lock-in, phase", False),
        ("Lock-in Theta", "V", "lock-in, phase", False),
        ("LI Demod 1 Amplitude", "deg", "lock-in, phase", False),
        ("dI/dV phase", "", "lock-in, phase", False),
        ("LI Demod 1 R", "A", "lock-in, magnitude", False),
        ("LIR 1 omega", "A", "lock-in, magnitude", False),
        ("LockinR", "V", "lock-in, magnitude", False),
        # other amplifiers
        ("7280DSP Lockin-X", "V", "lock-in", True),
        ("7280DSP Lockin-Y", "V", "lock-in, out of phase", False),
        ("7280DSP Lockin-R", "V", "lock-in, magnitude", False),
        ("SR830 X", "V", "lock-in", True),
        ("SRY", "V", "lock-in, out of phase", False),
        ("LIA Current", "A", "lock-in", True),
        ("Lock-in in phase", "V", "lock-in", True),
        ("Lock-in quadrature", "V", "lock-in, out of phase", False),
        # no lock-in
        ("Bias w LI", "V", "bias", False),
        ("OC M1 Phase", "deg", "other", False),
        ("Phase", "deg", "other", False),
        ("X", "m", "other", False),
        ("Aux 2", "V", "auxiliary", False),
        ("Channel bit 7", "DAC", "other", False),
    ],
)
def test_a_channel_is_recognised_by_any_of_its_spellings(name, unit, what, is_didv):
    channel = recognise(name, unit)
    assert (channel.what, channel.is_didv) == (what, is_didv)


def test_an_own_lock_in_that_was_off_does_not_concern_an_external_one():
    off = LockIn(status="OFF")
    channels = [recognise(name, "V", lock_in=off) for name in ("Current", "LI Demod 1 X", "Lockin-X", "Lockin-Y")]
    chosen, _, warnings = choose(channels, "OFF", fallback="current")
    assert chosen.name == "Lockin-X"
    assert warnings == ["the lock-in was off by the header, so what it recorded (LI Demod 1 X) is not dI/dV"]


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["Current", "LI Demod 1 X [bwd]", "LI Demod 1 X"], "LI Demod 1 X"),
        (["LI Demod 1 X [00001]", "LI Demod 1 X [00002]", "LI Demod 1 X [AVG]"], "LI Demod 1 X [AVG]"),
        (["LI Demod 1 X [filt]", "LI Demod 1 X"], "LI Demod 1 X"),
        (["LI Demod 1 Y", "Current [bwd]", "Current"], "Current"),
        (["Bias", "Input 2"], "Input 2"),
        (["Current", "LI Demod 1 Phi", "LI Demod 1 R"], "LI Demod 1 R"),
        (["LI Demod 1 R", "LI Demod 1 X [bwd]"], "LI Demod 1 X [bwd]"),
        (["Current", "LI Demod 2 R", "LI Demod 2 X"], "Current"),
        (["Current", "Aux2(V)"], "Aux2(V)"),
        (["Bias"], "Bias"),
    ],
)
def test_the_choice(names, taken):
    channel, why, _ = choose([recognise(name, "A") for name in names], None, fallback="current")
    assert channel.name == taken
    assert taken in why


def test_several_signals_of_one_kind_are_warned_of():
    named = [recognise(name, "V") for name in ("7280DSP Lockin-X", "SR830 X", "SR830 X [bwd]", "SR830 Y")]
    chosen, _, warnings = choose(named, None, "current")
    assert chosen.name == "7280DSP Lockin-X"
    (warning,) = warnings
    assert "several channels are dI/dV by their names (7280DSP Lockin-X, SR830 X)" in warning
    assert choose(named[1:], None, "current")[2] == []


@pytest.mark.parametrize(
    "name", ["dIdV (Retrace)", "dIdV [retrace]", "Z retrace", "LIX (bwd)", "Z [bwd]", "Backward Z"]
)
def test_the_way_back_by_its_spellings(name):
    assert is_backward(name)
    assert not is_backward("Z trace")
