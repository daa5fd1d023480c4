"""Small files of the microscope formats, packed byte by byte from what is known of each format.

They are written without any reader or writer of the package, so that its readers are held against the format.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np


def rhk(
    path: Path,
    pages: list[dict],
) -> Path:
    """Write an ``.sm4``; each page has ``data`` (int32, rows by columns), ``label`` and what differs from the usual."""
    n_pages = len(pages)
    index_at = 58 + 3 * 12
    array_at = index_at + 16 + 12
    blob = b""
    at = array_at + n_pages * (32 + 24)
    entries = b""
    for page in pages:
        data = np.asarray(page["data"], dtype="<i4")
        n_y, n_x = data.shape
        texts = [
            page["label"],
            "",
            "",
            "",
            "",
            "07/02/20",
            "08:50:47",
            page.get("x_unit", "V"),
            "",
            page.get("unit", "A"),
        ]
        texts += [""] * 10
        text = b"".join(struct.pack("<H", len(t)) + t.encode("utf-16-le") for t in texts)
        places = b"".join(
            struct.pack("<7f", 0, x, y, 0, 0, 0, 0) for x, y in np.asarray(page.get("places", [])).reshape(-1, 2)
        )
        header = struct.pack(
            "<2H13I",
            170,
            len(texts),
            page.get("page_type", 16),
            0,
            page.get("line", 7),
            0,
            0,
            n_x,
            n_y,
            0,
            page.get("scan", 0),
            0,
            page.get("n_bytes", data.nbytes),
            0,
            0,
        )
        header += struct.pack(
            "<11f",
            page.get("x_scale", 0.01),
            page.get("y_scale", 1.0),
            page.get("z_scale", 1e-12),
            0,
            page.get("x_offset", -0.1),
            page.get("y_offset", 0.0),
            page.get("z_offset", 0.0),
            0,
            page.get("bias", 0.4),
            0,
            page.get("angle", 0.0),
        )
        header += struct.pack("<4I", 0, *page.get("grid", (0, 0)), 2) + bytes(64)
        objects_at = at + len(header)
        text_at = objects_at + 24
        places_at = text_at + len(text)
        data_at = places_at + len(places)
        header += struct.pack("<6I", 10, text_at, len(text), 8, places_at, len(places))
        blob += header + text + places + data.tobytes()
        entries += bytes(16) + struct.pack("<4I", page.get("kind", 1), 0, 2, 6)
        entries += struct.pack("<6I", 3, at, len(header), 4, data_at, data.nbytes)
        at = data_at + data.nbytes
    start = struct.pack("<H", 56) + "STiMage 005.006 1\0".encode("utf-16-le")
    start += struct.pack("<5I", n_pages, 3, 12, 0, 0)
    start += struct.pack("<9I", 1, index_at, 28, 13, 0, 0, 15, 0, 0)
    start += struct.pack("<4I", n_pages, 1, 0, 0) + struct.pack("<3I", 2, array_at, n_pages * 56)
    path.write_bytes(start + entries + blob)
    return path


def grid_places(n_y: int, n_x: int, step: float, *, repeats: int = 1, left: bool = False, angle_deg: float = 0.0):
    """Where the spectra of a grid are, in m, from the upper edge down; `left` when each row is walked to the left."""
    places = []
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    for row in range(n_y):
        for column in range(n_x):
            u, v = step * (n_x - 1 - column if left else column), -step * row
            places += [(u * cos - v * sin, u * sin + v * cos)] * repeats
    return places


def igor(
    path: Path,
    data: np.ndarray,
    *,
    step: tuple[float, ...] = (5e-10, 2.5e-10, 0.01),
    start: tuple[float, ...] = (0.0, 0.0, -0.1),
    units: tuple[str, ...] = ("m", "m", "V"),
    unit: str = "A",
    name: str = "I(V)",
    note: str = "",
    order: str = "<",
    kind: int = 4,
) -> Path:
    """Write an ``.ibw`` of version 5; `data` has the shape (x, y, bias), as Igor counts."""

    def four(values: tuple, fill: object) -> list:
        return [*values, *([fill] * (4 - len(values)))]

    dtype = {4: "f8", 2: "f4", 0x10: "i2", 3: "c8"}[kind]
    body = np.asarray(data).astype(order + dtype).tobytes(order="F")
    text = note.encode("latin-1")
    head = struct.pack(order + "hh3i", 5, 0, 320 + len(body), 0, len(text)) + bytes(64 - 16)
    wave = (
        struct.pack(order + "IIIih", 0, 0, 0, data.size, kind) + bytes(10) + name.encode().ljust(32, b"\0") + bytes(8)
    )
    wave += struct.pack(order + "4i", *four(data.shape, 0))
    wave += struct.pack(order + "4d", *four(step[: data.ndim], 0.0)) + struct.pack(
        order + "4d", *four(start[: data.ndim], 0.0)
    )
    wave += unit.encode().ljust(4, b"\0") + b"".join(u.encode().ljust(4, b"\0") for u in four(units[: data.ndim], ""))
    path.write_bytes(head + wave.ljust(320, b"\0") + body + text)
    return path


def gwyddion(path: Path, parts: dict[str, object], magic: bytes = b"GWYP") -> Path:
    """Write a ``.gwy``; a part is a number, a text, an array, or a pair of a kind and its own parts."""

    def thing(kind: str, parts: dict[str, object]) -> bytes:
        body = b"".join(name.encode() + b"\0" + component(value) for name, value in parts.items())
        return kind.encode() + b"\0" + struct.pack("<I", len(body)) + body

    def component(value: object) -> bytes:
        if isinstance(value, bool):
            return b"b" + struct.pack("<b", value)
        if isinstance(value, int):
            return b"i" + struct.pack("<i", value)
        if isinstance(value, float):
            return b"d" + struct.pack("<d", value)
        if isinstance(value, str):
            return b"s" + value.encode() + b"\0"
        if isinstance(value, tuple):
            return b"o" + thing(*value)
        array = np.asarray(value, dtype="<f8").ravel()
        return b"D" + struct.pack("<I", array.size) + array.tobytes()

    path.write_bytes(magic + thing("GwyContainer", parts))
    return path


def gwy_unit(unit: str) -> tuple[str, dict]:
    """A unit, as Gwyddion keeps it."""
    return ("GwySIUnit", {"unitstr": unit})


def gwy_field(data: np.ndarray, size_m: float, unit: str = "m") -> tuple[str, dict]:
    """An image of so many metres along both sides."""
    n_y, n_x = data.shape
    return (
        "GwyDataField",
        {
            "xres": n_x,
            "yres": n_y,
            "xreal": size_m,
            "yreal": size_m,
            "xoff": 1e-8,
            "yoff": 0.0,
            "si_unit_xy": gwy_unit("m"),
            "si_unit_z": gwy_unit(unit),
            "data": data,
        },
    )


def gwy_brick(data: np.ndarray, size_m: float, z_off: float, z_real: float, **more: object) -> tuple[str, dict]:
    """A volume (plane, row, column)."""
    n_z, n_y, n_x = data.shape
    parts = {"xres": n_x, "yres": n_y, "zres": n_z, "xreal": size_m, "yreal": size_m, "zreal": z_real, "zoff": z_off}
    units = {f"si_unit_{axis}": gwy_unit(unit) for axis, unit in zip("xyzw", ("m", "m", "V", "A"), strict=True)}
    return ("GwyBrick", {**parts, **units, **more, "data": data})


def createc(
    path: Path,
    images: np.ndarray,
    *,
    kind: str = "Paramco32",
    bias_mv: float = -100.0,
    length_a: tuple[float, float] = (50.0, 40.0),
    header: dict[str, str] | None = None,
    header_bytes: int = 16384,
    mark: bytes = b"DATA",
) -> Path:
    """Write a ``.dat``; `images` has the shape (image, y, x), `length_a` is x and y in Angstrom."""
    n, n_y, n_x = images.shape
    entries = {
        "Num.X / Num.X": str(n_x),
        "Num.Y / Num.Y": str(n_y),
        "Channels / Channels": str(n),
        "BiasVolt.[mV] / BiasVoltage": str(bias_mv),
        "Length x[A]": str(length_a[0]),
        "Length y[A]": str(length_a[1]),
        "Rotation / Rotation": "5.0",
        "ScanXMode / ScanXMode": "2",
        **(header or {}),
    }
    text = f"[{kind}]\r\n" + "".join(f"{name}={value}\r\n" for name, value in entries.items())
    dtype = "<i2" if kind == "Parameter" else "<f4"
    body = np.concatenate([[0], images.ravel()]).astype(dtype).tobytes()
    body = zlib.compress(body) if kind == "Paramco32" else body
    path.write_bytes(text.encode("cp1252").ljust(header_bytes - len(mark), b"\0") + mark + body)
    return path


def matrix(
    folder: Path,
    values: np.ndarray,
    *,
    channel: str = "Z",
    unit: str = "Meter",
    bias_v: float = -0.5,
    points: tuple[int, int] = (4, 3),
    size_m: tuple[float, float] = (4e-9, 3e-9),
    retrace: bool = True,
    sweep: tuple[float, float, int] | None = None,
    factor: float = 2.0,
    offset: int = 10,
    angle: float = 0.0,
) -> Path:
    """Write an image or a volume of MATRIX and its result file; `values` are the stored integers, in their order.

    The blocks are those that access2thematrix reads; a real file has more of them.
    """

    def text(string: str) -> bytes:
        return struct.pack("<L", len(string)) + string.encode("utf-16-le")

    def value(one: object) -> bytes:
        if isinstance(one, bool):
            return b"LOOB" + struct.pack("<L", one)
        if isinstance(one, int):
            return b"GNOL" + struct.pack("<l", one)
        return b"BUOD" + struct.pack("<d", one)

    def block(kind: bytes, body: bytes, stamped: bool = True) -> bytes:
        return kind + struct.pack("<L", len(body)) + (bytes(8) if stamped else b"") + body

    n_x, n_y = points
    name = f"default_2024--1_1.{channel}_mtrx"
    settings = {
        "XYScanner": {
            "Points": (n_x, "---"),
            "Lines": (n_y, "---"),
            "Width": (size_m[0], "Meter"),
            "Height": (size_m[1], "Meter"),
            "X_Offset": (1e-8, "Meter"),
            "Y_Offset": (0.0, "Meter"),
            "Angle": (angle, "Degree"),
            "X_Retrace": (retrace, "---"),
            "Y_Retrace": (False, "---"),
            "Enable_Subgrid": (sweep is not None, "---"),
            "Subgrid_X": (1, "---"),
            "Subgrid_Y": (1, "---"),
            "Subgrid_Match_Mode": (1, "---"),
        },
        "GapVoltageControl": {"Voltage": (bias_v, "Volt")},
    }
    if sweep is not None:
        settings["Spectroscopy"] = {
            "Enable_Device_1_Ramp_Reversal": (False, "---"),
            "Device_1_Start": (sweep[0], "Volt"),
            "Device_1_End": (sweep[1], "Volt"),
            "Device_1_Points": (sweep[2], "---"),
        }
    elements = bytes(4) + struct.pack("<L", len(settings))
    for element, properties in settings.items():
        elements += text(element) + struct.pack("<L", len(properties))
        for key, (one, its_unit) in properties.items():
            elements += text(key) + text(its_unit) + bytes(4) + value(one)
    dictionary = bytes(8) + struct.pack("<L", 0) + struct.pack("<L", 1)
    dictionary += bytes(4) + struct.pack("<L", 7) + bytes(8) + text(channel) + text(unit)
    dictionary += struct.pack("<L", 1) + bytes(range(8)) + bytes(4) + struct.pack("<L", 7) + text("view")
    transfer = bytes(4) + struct.pack("<L", 7) + text("TFF_Linear1D") + text(unit) + struct.pack("<L", 2)
    transfer += text("Factor") + b"BUOD" + struct.pack("<d", factor)
    transfer += text("Offset") + b"GNOL" + struct.pack("<l", offset)
    channels = bytes(4) + block(b"TCID", dictionary, False) + block(b"REFX", transfer, False)
    result = b"ONTMATRX0101" + block(b"APEE", elements) + block(b"YSCC", channels)
    result += block(b"FERB", bytes(4) + text(name))
    (folder / "default_2024_0001.mtrx").write_bytes(result)
    stored = np.asarray(values, dtype="<i4").ravel()
    described = bytes(20) + struct.pack("<ii", stored.size, stored.size)
    body = struct.pack("<Q", 1_700_000_000) + bytes(4) + block(b"CSED", described, False)
    body += block(b"ATAD", stored.tobytes(), False)
    path = folder / name
    # the length of the outer block does not count its time stamp
    path.write_bytes(b"ONTMATRX0101" + b"TLKB" + struct.pack("<L", len(body) - 8) + body)
    return path


def scan(path: Path, images: np.ndarray) -> Path:
    """Write a Nanonis scan (``.sxm``) of one channel there and back."""
    _, n_y, n_x = images.shape
    entries = {
        "NANONIS_VERSION": "2",
        "SCANIT_TYPE": "FLOAT MSBFIRST",
        "SCAN_PIXELS": f"{n_x} {n_y}",
        "SCAN_RANGE": f"{n_x * 1e-10:.6E} {n_y * 1e-10:.6E}",
        "SCAN_OFFSET": "0.0 0.0",
        "SCAN_ANGLE": "0",
        "SCAN_DIR": "down",
        "BIAS": "1.0E-2",
        "DATA_INFO": "\tChannel\tName\tUnit\tDirection\tCalibration\tOffset\n\t14\tZ\tm\tboth\t1.0E-8\t0.0E+0\n",
    }
    text = "".join(f":{key}:\n{value}\n" for key, value in entries.items()) + ":SCANIT_END:\n\n\n"
    path.write_bytes(text.encode() + b"\x1a\x04" + images.astype(">f4").tobytes())
    return path


def samples(folder: Path) -> dict[str, tuple[Path, dict[str, object]]]:
    """One small good file of each format, by a name, with what has to be given to read it."""
    import h5py
    import scipy.io
    import tifffile

    from napari_stm_impurities.data.images import make_stack
    from napari_stm_impurities.io.writers import save_stack, write_nanonis_grid

    data = np.random.default_rng(0).normal(size=(7, 8, 9)).astype(np.float32) + 5
    bias = [float(v) for v in range(-30, 40, 10)]
    volt = np.array(bias) / 1000
    whole = make_stack(data, bias, 0.5)
    given = {"bias_mv": bias, "pixel_size_nm": 0.5}
    integers = np.round(data * 1000).astype(int)
    made: dict[str, tuple[Path, dict[str, object]]] = {}

    def keep(name: str, path: Path, **given: object) -> None:
        made[name] = (path, given)

    keep("Nanonis grid", write_nanonis_grid(whole, folder / "grid.3ds"))
    keep("Nanonis scan", scan(folder / "scan.sxm", data[:2]))
    spectra = {"data": integers.reshape(7, -1).T, "label": "LIA Current", "grid": (9, 8), "x_offset": -0.03}
    keep("RHK map", rhk(folder / "map.sm4", [{**spectra, "places": grid_places(8, 9, 5e-10)}]))
    image = {"kind": 0, "line": 0, "data": integers[0], "label": "Topography", "x_scale": 1e-10, "y_scale": -1e-10}
    keep("RHK image", rhk(folder / "image.sm4", [image]))
    keep("Igor", igor(folder / "wave.ibw", data.T, step=(5e-10, 5e-10, 0.01), start=(0.0, 0.0, -0.03)))
    matrices = folder / "matrix"
    matrices.mkdir()
    keep("MATRIX", matrix(matrices, integers.transpose(1, 2, 0), channel="I(V)", unit="Ampere", points=(9, 8),
                          retrace=False, sweep=(-0.03, 0.03, 7)))  # fmt: skip
    keep("Createc", createc(folder / "image.dat", data[:2]))
    keep("Createc, plain", createc(folder / "plain.dat", data[:2], kind="Paramet32"))
    keep("Gwyddion volume", gwyddion(folder / "brick.gwy", {"/brick/0": gwy_brick(data, 4e-9, -0.03, 0.07)}))
    titled = {"/0/data": gwy_field(data[0], 4e-9), "/0/data/title": "Z 5 mV"}
    keep("Gwyddion image", gwyddion(folder / "image.gwy", titled))
    scipy.io.savemat(folder / "five.mat", {"g": data.T, "bias": volt, "pixel_size": 0.5}, do_compression=True)
    keep("MATLAB v5", folder / "five.mat")
    with h5py.File(folder / "seven.mat", "w", userblock_size=512) as file:
        for name, value in {"g": data, "bias": volt[None], "pixel_size": [[0.5]]}.items():
            file[name] = value
    with (folder / "seven.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + bytes([0, 2]) + b"IM")
    keep("MATLAB v7.3", folder / "seven.mat")
    keep("NetCDF, ours", save_stack(whole, folder / "stack.nc"))
    with h5py.File(folder / "cube.h5", "w") as file:
        file["cube"] = data
    keep("HDF5", folder / "cube.h5", **given)
    np.savez(folder / "maps.npz", data=data, bias=bias, pixel_size=0.5)
    keep("npz", folder / "maps.npz")
    np.save(folder / "maps.npy", data)
    keep("npy", folder / "maps.npy", **given)
    tifffile.imwrite(folder / "stack.tif", data, imagej=True, metadata={"axes": "ZYX"})
    keep("TIFF", folder / "stack.tif", **given)
    tifffile.imwrite(folder / "packed.tif", data, photometric="minisblack", compression="zlib")
    keep("TIFF, compressed", folder / "packed.tif", **given)
    head = "# x-pixels = 9\n# y-pixels = 8\n# x-length = 9\n# y-length = 8\n# bias = 0.1 V\n"
    rows = "\n".join("\t".join(f"{v:.5f}" for v in row) for row in data[0])
    (folder / "map.txt").write_text(f"{head}{rows}\n")
    keep("text", folder / "map.txt")
    return made
