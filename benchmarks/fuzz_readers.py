"""Damage files of every format, and see that each still ends as a stack or as one line.

    python benchmarks/fuzz_readers.py [--files 10000] [--seed 0] [--formats "Zarr, ours" ...]

Each file is cut, has bytes or header fields changed, is empty, has another format's content, or asks for a
terabyte; of a Zarr store, which is a folder, one file is damaged so, or is left out. It may take 10 s, and 1 GiB beyond
what the process had before. Counted are: read as a stack; refused in one line (ReadError); and, which must not be, any
other error, a text of several lines, a crash, too much time or memory, and a cut file whose values are no longer those
of the whole one.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import multiprocessing
import re
import resource
import shutil
import struct
import tempfile
import time
import traceback
import warnings
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.data.images import DIMS, make_stack
from napari_stm_impurities.io.readers import describe, read_stack
from napari_stm_impurities.io.writers import save_stack

SECONDS = 10.0
MEMORY_BYTES = 2**30
MUTATIONS = ("cut", "flip", "header", "field", "terabyte", "insert", "delete", "zeros", "other", "empty")
_EXTREMES = (0, 1, -1, 255, 2**31 - 1, 2**32 - 1, 2**40, 10**12, -(2**31))


def made_files():
    """The writers of small good files, which the tests use too."""
    path = Path(__file__).resolve().parents[1] / "tests" / "readers" / "made_files.py"
    spec = importlib.util.spec_from_file_location("made_files", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def damaged(content: bytes, how: str, others: list[bytes], rng: np.random.Generator) -> bytes:
    """The content of a file, damaged in one way."""
    data = bytearray(content)
    size = len(data)
    if how == "cut":
        return bytes(data[: rng.integers(0, size)])
    if how == "empty":
        return b""
    if how == "other":
        return others[rng.integers(len(others))]
    if how == "insert":
        at = int(rng.integers(0, size))
        data[at:at] = rng.bytes(int(rng.integers(1, 60)))
    elif how == "delete":
        at = int(rng.integers(0, size))
        del data[at : at + int(rng.integers(1, 60))]
    elif how == "zeros":
        at = int(rng.integers(0, size))
        n = min(size - at, int(rng.integers(1, 400)))
        data[at : at + n] = bytes(n)
    elif how in ("flip", "header"):
        for _ in range(rng.integers(1, 20)):
            data[rng.integers(0, min(size, 1500) if how == "header" else size)] = int(rng.integers(0, 256))
    elif how == "field":
        # a number in the text of a header becomes another one
        numbers = list(re.finditer(rb"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", bytes(data[:20000])))
        if numbers:
            match = numbers[rng.integers(len(numbers))]
            new = rng.choice([b"0", b"-1", b"1e300", b"nan", b"inf", b"999999999999", b"3.5", b"", b"abc"])
            data[match.start() : match.end()] = bytes(new)
    else:
        # a size field of a binary header becomes a huge one
        width = int(rng.choice([2, 4, 8]))
        at = int(rng.integers(0, max(1, min(size, 3000) - width)))
        value = int(rng.choice(_EXTREMES)) % 2 ** (8 * width)
        order = "<" if rng.random() < 0.7 else ">"
        struct.pack_into(order + {2: "H", 4: "I", 8: "Q"}[width], data, at, value)
    return bytes(data)


def zarr_stores(folder: Path) -> dict[str, tuple[Path, dict]]:
    """Two good stores: ours, and one of xarray's in the newer format."""
    data = np.random.default_rng(0).normal(size=(7, 8, 9)).astype(np.float32) + 5
    stack = make_stack(data, range(-30, 40, 10), 0.5)
    newer = folder / "newer.zarr"
    stack.drop_attrs(deep=False).rename("maps").to_dataset().to_zarr(newer, zarr_format=3)
    return {"Zarr, ours": (save_stack(stack, folder / "ours.zarr"), {}), "Zarr, format 3": (newer, {})}


def damage_store(store: Path, target: Path, how: str, others: list[bytes], rng: np.random.Generator) -> None:
    """Write a copy of a store of which one file is damaged, or left out where it would be empty."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(store, target)
    files = sorted(one for one in target.rglob("*") if one.is_file())
    one = files[rng.integers(len(files))]
    content = damaged(one.read_bytes(), how, others, rng)
    if content or rng.random() < 0.5:
        one.write_bytes(content)
    else:
        one.unlink()


def outcome(path: Path, given: dict, original: np.ndarray | None) -> tuple[str, str]:
    """How reading ends, and the text of it."""
    try:
        stack = read_stack(path, **given)
        values = np.asarray(stack.values)
        describe(path, **given)
    except ReadError as problem:
        text = str(problem)
        return ("refused", text) if len(text.splitlines()) == 1 and text.startswith(str(path)) else ("many lines", text)
    except BaseException:
        return "other error", traceback.format_exc()
    ascending = bool((np.diff(stack.bias.values) > 0).all()) and np.isfinite(stack.bias.values).all()
    if stack.dims != DIMS or not ascending or values.dtype != np.float32 or not values.size:
        return "no stack", repr(stack)
    if original is not None:
        there = ~np.isnan(values)
        if values.shape != original.shape or not np.array_equal(values[there], original[there]):
            return "half read", repr(stack)
    return "stack", ""


def work(pipe: Connection) -> None:
    """Read what is sent, in a process that may not take more memory than allowed."""
    warnings.simplefilter("ignore")
    while True:
        path, given, original = pipe.recv()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result = outcome(path, given, original)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        pipe.send((*result, grown * 1024))


class Worker:
    """A process that reads files, and is started anew when one kills or holds it."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start the process."""
        self.pipe, there = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=work, args=(there,), daemon=True)
        self.process.start()
        there.close()

    def read(self, path: Path, given: dict, original: np.ndarray | None) -> tuple[str, str, float]:
        """How reading a file ends, its text, and the seconds it took."""
        begun = time.monotonic()
        self.pipe.send((path, given, original))
        if not self.pipe.poll(SECONDS):
            self.process.kill()
            self.process.join()
            self.start()
            return "too long", "", SECONDS
        try:
            result, text, grown = self.pipe.recv()
        except EOFError:
            self.process.join()
            code = self.process.exitcode
            self.start()
            return "crash", f"exit code {code}", time.monotonic() - begun
        if grown > MEMORY_BYTES:
            result, text = "too much memory", f"{grown / 2**30:.2f} GiB; {text}"
        return result, text, time.monotonic() - begun


def main() -> None:
    """Run, and print a table for docs/formats.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--formats", nargs="*", help="only these, as they stand in the table")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    samples = made_files().samples(folder)
    contents = {name: path.read_bytes() for name, (path, _) in samples.items()}
    samples |= zarr_stores(folder)
    samples = {name: sample for name, sample in samples.items() if name in (arguments.formats or samples)}
    originals = {name: read_stack(path, **given).values for name, (path, given) in samples.items()}
    rng = np.random.default_rng(arguments.seed)
    worker = Worker()
    counts: dict[str, collections.Counter[str]] = {name: collections.Counter() for name in samples}
    slowest, bad = (0.0, ""), []
    names = list(samples)
    for i in range(arguments.files):
        name = names[i % len(names)]
        path, given = samples[name]
        how = MUTATIONS[(i // len(names)) % len(MUTATIONS)]
        # beside the good file, so that a result file of MATRIX is still there; sometimes that one is damaged
        target = path.with_name(f"damaged-{path.name}" if "--" not in path.name else path.name)
        temporary = sorted(path.parent.glob("*_0001.mtrx"))
        whole = {one: one.read_bytes() for one in ([path, *temporary] if target == path else [])}
        if path.is_dir():
            damage_store(path, target, how, [*contents.values()], rng)
        elif whole and rng.random() < 0.5:
            temporary[0].write_bytes(damaged(whole[temporary[0]], how, [*contents.values()], rng))
        else:
            target.write_bytes(damaged(contents[name], how, [*contents.values()], rng))
        result, text, seconds = worker.read(target, given, originals[name] if how == "cut" else None)
        for one, content in whole.items():
            one.write_bytes(content)
        slowest = max(slowest, (seconds, f"{name}, {how}"))
        counts[name][result] += 1
        if result not in ("stack", "refused"):
            bad.append((name, how, i, result, text))
            print(f"{name}, {how}, file {i}: {result}\n{text}", flush=True)
    print("| format | files | refused in one line | read as a stack | anything else |\n|---|---|---|---|---|")
    for name, found in counts.items():
        rest = sum(found.values()) - found["stack"] - found["refused"]
        print(f"| {name} | {sum(found.values())} | {found['refused']} | {found['stack']} | {rest} |")
    total = sum(counts.values(), collections.Counter())
    print(f"| all | {arguments.files} | {total['refused']} | {total['stack']} | {len(bad)} |")
    print(f"slowest file: {slowest[0]:.2f} s ({slowest[1]})")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
