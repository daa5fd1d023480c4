"""How a file finds its format, what is told about it, and that nothing but a ReadError comes out of a bad one."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_stm_impurities.errors import ReadError
from napari_stm_impurities.readers import FORMATS, describe, read_stack, suffixes
from napari_stm_impurities.stacks import DIMS, make_stack
from napari_stm_impurities.writers import save_stack, write_nanonis_grid

GIVEN = {"bias_mv": [1, 2, 3], "pixel_size_nm": 1.0}


@pytest.fixture
def samples(tmp_path, grid_file, scan_file):
    """One small good file of each format, by suffix."""
    data = np.random.default_rng(0).normal(size=(3, 8, 8)).astype(np.float32)
    write_nanonis_grid(make_stack(data, [1, 2, 3], 1.0), tmp_path / "a.3ds")
    scan_file([data[0], data[1]], name="a.sxm")
    np.savez(tmp_path / "a.npz", data=data, bias=[1, 2, 3], pixel_size=1.0)
    np.save(tmp_path / "a.npy", data)
    save_stack(make_stack(data, [1, 2, 3], 1.0), tmp_path / "a.nc")
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="minisblack")
    return {suffix: tmp_path / f"a{suffix}" for suffix in (".3ds", ".sxm", ".npz", ".npy", ".nc", ".tif")}


def read_whole(path):
    return read_stack(path, **({"bias_mv": 1, "pixel_size_nm": 1.0} if path.suffix == ".sxm" else GIVEN))


def told_or_read(read, path) -> bool:
    """Whether a file is read as a stack, or refused in one line; any other error goes through."""
    try:
        return read(path).dims == DIMS
    except ReadError as problem:
        return len(str(problem).splitlines()) == 1


def test_each_format_is_found_by_its_bytes_whatever_the_name_is(samples):
    assert {suffix for one in FORMATS for suffix in one.suffixes} == set(suffixes())
    for path in samples.values():
        renamed = path.with_suffix(".dat")
        renamed.write_bytes(path.read_bytes())
        given = {"bias_mv": 1, "pixel_size_nm": 1.0} if path.suffix == ".sxm" else GIVEN
        np.testing.assert_array_equal(read_stack(renamed, **given).values, read_whole(path).values)


def test_the_content_counts_where_the_suffix_names_another_format(samples):
    wrong = samples[".nc"].with_name("b.3ds")
    wrong.write_bytes(samples[".nc"].read_bytes())
    assert read_stack(wrong).shape == (3, 8, 8)


@pytest.mark.parametrize("suffix", [*suffixes(), ".dat", ""])
@pytest.mark.parametrize(
    ("content", "says"), [(b"", "the file is empty"), (b"\x89PNG\r\n\x1a\n" + bytes(100), ""), (b"hello\n" * 50, "")]
)
def test_what_is_no_map_gets_one_line(tmp_path, suffix, content, says):
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    with pytest.raises(ReadError) as error:
        read_stack(path)
    assert says in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_missing_file_and_an_unknown_format(tmp_path):
    with pytest.raises(ReadError, match=r"nope\.3ds: no such file"):
        read_stack(tmp_path / "nope.3ds")
    (tmp_path / "a.md").write_text("words")
    with pytest.raises(ReadError, match=r"format is not known; these can be read: Nanonis grid"):
        read_stack(tmp_path / "a.md")


def test_the_description_is_plain_and_complete(samples):
    for path in samples.values():
        given = {"bias_mv": 1, "pixel_size_nm": 1.0} if path.suffix == ".sxm" else GIVEN
        facts = describe(path, **given)
        assert json.loads(json.dumps(facts)) == facts
        assert facts["shape"][1:] == [8, 8]
        assert facts["default_channel"] in {channel["name"] for channel in facts["channels"]}
        assert facts["why"].endswith(".")
        assert facts["missing_share"] == 0.0


def test_a_description_of_a_file_that_holds_nothing(tmp_path):
    np.savez(tmp_path / "a.npz", data=np.full((2, 8, 8), np.nan), bias=[1, 2], pixel_size=1.0)
    facts = describe(tmp_path / "a.npz")
    assert facts["missing_share"] == 1.0
    assert facts["value_range"] is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_ends_in_a_stack_or_in_one_line(samples, data):
    path = samples[data.draw(st.sampled_from(sorted(samples)))]
    content = bytearray(path.read_bytes())
    kind = data.draw(st.sampled_from(["cut", "flip", "insert", "header"]))
    if kind == "cut":
        content = content[: data.draw(st.integers(0, len(content)))]
    elif kind == "insert":
        at = data.draw(st.integers(0, len(content)))
        content[at:at] = data.draw(st.binary(min_size=1, max_size=40))
    else:
        # damage near the beginning meets the header
        last = min(len(content), 400) if kind == "header" else len(content)
        for _ in range(data.draw(st.integers(1, 12))):
            content[data.draw(st.integers(0, last - 1))] = data.draw(st.integers(0, 255))
    damaged = path.with_name(f"damaged{path.suffix}")
    damaged.write_bytes(content)
    for given_too in (False, True):
        assert told_or_read(read_whole if given_too else read_stack, damaged)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(["Grid dim", "Grid settings", "Points", "Channels", "# Parameters (4 byte)", "Sweep Signal"]),
    value=st.one_of(st.none(), st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30)),
)
def test_any_text_in_the_header_of_a_grid_ends_in_a_stack_or_in_one_line(grid_file, key, value):
    assert told_or_read(read_stack, grid_file(np.ones((2, 2, 1, 3)), header={key: value}))
