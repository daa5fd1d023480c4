"""Packed files are named as such, with what to do."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile

import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import read_stack


def text_map(path):
    np.savetxt(path, np.arange(12.0).reshape(3, 4))
    return path


@pytest.mark.parametrize(
    ("pack", "kind"),
    [
        (gzip.compress, "gzip"),
        (bz2.compress, "bzip2"),
        (lzma.compress, "xz"),
        (lambda content: b"7z\xbc\xaf\x27\x1c" + content, "7z"),
        (lambda content: b"\x28\xb5\x2f\xfd" + content, "zstd"),
    ],
)
@pytest.mark.parametrize("suffix", [".sxm.gz", ".txt", ".nc", ".dat", ""])
@pytest.mark.parametrize("content", [b"", b"1 2 3\n4 5 6\n"])
def test_a_packed_file(tmp_path, pack, kind, suffix, content):
    path = tmp_path / f"map{suffix}"
    path.write_bytes(pack(content))
    with pytest.raises(ReadError) as error:
        read_stack(path, bias_mv=1, pixel_size_nm=1)
    assert str(error.value) == f"{path}: is a packed file ({kind}); unpack it and open the file that it holds"


@pytest.mark.parametrize("suffix", [".zip", ".sxm", ".mat"])
def test_an_archive_of_files_is_listed(tmp_path, suffix):
    path = tmp_path / f"maps{suffix}"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(6):
            archive.writestr(f"{number}.sxm", "content")
    with pytest.raises(ReadError, match=r"zip, with 0\.sxm, 1\.sxm, 2\.sxm, 3\.sxm and 2 more.; unpack it"):
        read_stack(path)
    with zipfile.ZipFile(path, "w"):
        pass
    with pytest.raises(ReadError, match=r"zip, with nothing"):
        read_stack(path)


def test_a_tar_archive(tmp_path):
    text_map(tmp_path / "a.txt")
    with tarfile.open(tmp_path / "maps.tar", "w") as archive:
        archive.add(tmp_path / "a.txt", "a.txt")
    with pytest.raises(ReadError, match=r"packed file \(tar\)"):
        read_stack(tmp_path / "maps.tar")


def test_a_numpy_archive_is_none_whatever_its_name(tmp_path):
    np.savez(tmp_path / "a.npz", data=np.ones((2, 3, 4)), bias_mV=[1, 2], pixel_size_nm=1.0)
    (tmp_path / "a.zip").write_bytes((tmp_path / "a.npz").read_bytes())
    for name in ("a.npz", "a.zip"):
        assert read_stack(tmp_path / name).shape == (2, 3, 4)
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("a.sxm", "content")
    with pytest.raises(ReadError, match=r"expected the arrays data, bias, pixel_size"):
        read_stack(tmp_path / "b.npz")
