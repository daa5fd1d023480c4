"""How a file finds its format, what is told about it, and that nothing but a ReadError comes out of a bad one."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.data.images import DIMS
from napari_stm_impurities.io.readers import FORMATS, describe, read_stack, suffixes


@pytest.fixture(scope="session")
def samples(tmp_path_factory, made):
    """One small good file of each format, by its name, with what has to be given to read it."""
    return made.samples(tmp_path_factory.mktemp("samples"))


def told_or_read(read, path) -> bool:
    """Whether a file is read as a stack, or refused in one line; any other error goes through."""
    try:
        return read(path).dims == DIMS
    except ReadError as problem:
        return len(str(problem).splitlines()) == 1


def test_each_format_is_found_by_its_bytes_whatever_the_name_is(samples, tmp_path):
    assert {suffix for one in FORMATS for suffix in one.suffixes} == set(suffixes())
    for name, (path, need) in samples.items():
        if name == "MATRIX":
            continue  # its name tells which result file is its own
        for suffix in (".unknown", ".3ds"):
            renamed = tmp_path / f"{name.replace(' ', '')}{suffix}"
            renamed.write_bytes(path.read_bytes())
            np.testing.assert_array_equal(read_stack(renamed, **need).values, read_stack(path, **need).values)


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
    for path, need in samples.values():
        facts = describe(path, **need)
        assert json.loads(json.dumps(facts)) == facts
        assert sorted(facts["shape"][1:]) == [8, 9]
        assert facts["default_channel"] in {channel["name"] for channel in facts["channels"]}
        assert facts["why"].endswith(".")
        assert facts["missing_share"] == 0.0


def test_a_description_of_a_file_that_holds_nothing(tmp_path):
    np.savez(tmp_path / "a.npz", data=np.full((2, 8, 8), np.nan), bias=[1, 2], pixel_size=1.0)
    facts = describe(tmp_path / "a.npz")
    assert facts["missing_share"] == 1.0
    assert facts["value_range"] is None


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_ends_in_a_stack_or_in_one_line(samples, data):
    path, need = samples[data.draw(st.sampled_from(sorted(samples)))]
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
    # a file of MATRIX finds its result file by the beginning of its name
    damaged = path.with_name(path.name.replace("--1_1", "--1_2") if "--" in path.name else f"damaged{path.suffix}")
    damaged.write_bytes(content)
    assert told_or_read(read_stack, damaged)
    assert told_or_read(partial(read_stack, **need), damaged)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(["Grid dim", "Grid settings", "Points", "Channels", "# Parameters (4 byte)", "Sweep Signal"]),
    value=st.one_of(st.none(), st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30)),
)
def test_any_text_in_the_header_of_a_grid_ends_in_a_stack_or_in_one_line(grid_file, key, value):
    assert told_or_read(read_stack, grid_file(np.ones((2, 2, 1, 3)), header={key: value}))


def test_no_pickle_is_ever_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    trapped = np.array([[Trap()]], dtype=object)
    np.save(tmp_path / "a.npy", trapped, allow_pickle=True)
    np.savez(tmp_path / "a.npz", data=trapped, bias=trapped, pixel_size=trapped)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(ReadError):
            read_stack(tmp_path / name, bias_mv=1, pixel_size_nm=1)
    assert not (tmp_path / "sprung").exists()


def test_reading_writes_nothing(samples):
    before = {path: path.read_bytes() for path, _ in samples.values()}
    folder = next(iter(before)).parent
    for path, need in samples.values():
        path.chmod(0o444)
        names = {one.name for one in folder.rglob("*")}
        read_stack(path, **need)
        assert {one.name for one in folder.rglob("*")} == names
        path.chmod(0o644)
    assert {path: path.read_bytes() for path in before} == before
