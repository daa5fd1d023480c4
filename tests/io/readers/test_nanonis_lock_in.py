"""What the header of a Nanonis file says about the controller's own lock-in, and about no other."""

from __future__ import annotations

import pytest

from napari_stm_impurities.io.readers.channels import recognise
from napari_stm_impurities.io.readers.nanonis_lock_in import lock_in_settings


@pytest.mark.parametrize(
    ("entries", "didv"),
    [
        ({"Harmonic D1": "2", "Harmonic D2": "1"}, "LI Demod 2 X"),
        ({"Harmonic D2": "1"}, "LI Demod 1 X;LI Demod 2 X"),
        ({"Harmonic D1": "1", "Harmonic D2": "2"}, "LI Demod 1 X"),
        ({"Harmonic D1": "1.0E+0", "Harmonic D2": "1E+0"}, "LI Demod 1 X;LI Demod 2 X"),
        ({"Harmonic D1": "3", "Harmonic D2": "x"}, ""),
        ({"Harmonic D1": "1", "Harmonic D3": "1"}, "LI Demod 1 X;LI Demod 3 X"),
        ({}, "LI Demod 1 X"),
        # the one harmonic of older versions is that of the channels n omega
        ({"Harmonic": "1"}, "LI Demod 1 X;LIX n omega"),
        ({"Harmonic": "2"}, "LI Demod 1 X"),
        ({"Modulated signal": "Bias (V)", "Demodulated signal": "Current (A)"}, "LI Demod 1 X"),
        ({"Modulated signal": "Z (m)"}, ""),
        ({"Demodulated signal": "OC M1 Freq. Shift (Hz)"}, ""),
        ({"Lock-in status": '"OFF"'}, ""),
        ({"Lock-in status": "ON"}, "LI Demod 1 X"),
    ],
)
def test_the_header_says_what_the_demodulators_of_its_own_lock_in_measure(entries, didv):
    lock_in = lock_in_settings({f"Lock-in>{name}": text for name, text in entries.items()})
    own = ["LI Demod 1 X", "LI Demod 2 X", "LI Demod 3 X", "LIX n omega"]
    assert ";".join(name for name in own if recognise(name, "A", lock_in=lock_in).is_didv) == didv
    # an external amplifier is another one
    assert recognise("7280DSP Lockin-X", "V", lock_in=lock_in).is_didv
    assert recognise("Lock-in Y", "V", lock_in=lock_in).what == "lock-in, out of phase"
