"""Writes npy/: arrays and archives by NumPy that the library reads or refuses.

    pip install numpy
    python generate_npy.py
"""

import io
import pathlib
import struct
import warnings
import zipfile

import numpy as np
from numpy.lib import format

FOLDER = pathlib.Path(__file__).with_name("npy")

# The test reads back these values; all of them are exact in every type of their list.
BOOLS = [True, False, True]
WHOLE = [0, 1, 100]
REAL = [0.0, -0.0, 1.5, -2.25, 65504.0, 2.0**-24]  # the last two: float16's largest and smallest

TYPES = {"b1": BOOLS, "u1": WHOLE, "i1": [-128, *WHOLE, 127]}
TYPES |= {f"i{size}": [-(2 ** (8 * size - 1)), *WHOLE, 2 ** (8 * size - 1) - 1] for size in (2, 4, 8)}
TYPES |= {f"f{size}": REAL for size in (2, 4, 8)}

ARRAYS = {
    "fortran": np.asfortranarray(np.arange(24, dtype="<i4").reshape(2, 3, 4)),
    "scalar": np.array(3.25, dtype="<f4"),
    "empty": np.zeros((2, 0, 3), dtype="<f8"),
    "single": np.array([7], dtype="<i8"),
    "row": np.arange(5, dtype="<f4").reshape(1, 5),
}
REFUSED = {
    "uint16": np.array([1], dtype="<u2"),
    "uint32": np.array([1], dtype=">u4"),
    "uint64": np.array([1], dtype="<u8"),
    "complex": np.array([1j], dtype="<c8"),
    "text": np.array(["one"]),
    "records": np.zeros(1, dtype=[("a", "<f4"), ("b", "<i2")]),
    "objects": np.array([None], dtype=object),
}
NAMED = {
    "x": np.arange(6, dtype="<f4").reshape(2, 3),
    "ünï/y": ARRAYS["fortran"],
    "n": np.array(5),
    "zeros": np.zeros(1000, dtype="<f8"),
}


def with_zip64(data):
    """The archive with all sizes, offsets and counts in the records of zip64, as in archives over 4 GiB."""
    records = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.start_dir
        for info in archive.infolist():
            name = info.filename.encode()
            extra = struct.pack("<HHQQQ", 1, 24, info.file_size, info.compress_size, info.header_offset)
            flags = 0x800 if any(byte > 127 for byte in name) else 0
            full = 0xFFFFFFFF
            head = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 45, 45, flags, info.compress_type, 0, 0x21,
                               info.CRC, full, full, len(name), len(extra), 0, 0, 0, 0, full)
            records.append(head + name + extra)
    directory = b"".join(records)
    end64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, len(records), len(records), len(directory), start)
    locator = struct.pack("<IIQI", 0x07064B50, 0, start + len(directory), 1)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:start] + directory + end64 + locator + end


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, values in TYPES.items():
        np.save(FOLDER / f"{name}.npy", np.array(values, dtype="<" + name))
        if name[1:] != "1":
            np.save(FOLDER / f"{name}_big.npy", np.array(values, dtype=">" + name))
    for name, array in ARRAYS.items():
        np.save(FOLDER / f"{name}.npy", array)
    for name, array in REFUSED.items():
        np.save(FOLDER / f"refused_{name}.npy", array, allow_pickle=True)
    for version in ((2, 0), (3, 0)):
        with open(FOLDER / f"version_{version[0]}.npy", "wb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older programs cannot read these versions
            format.write_array(file, NAMED["x"], version=version)
    for name, write in (("stored", np.savez), ("deflated", np.savez_compressed)):
        data = io.BytesIO()
        write(data, **NAMED)
        (FOLDER / f"{name}.npz").write_bytes(data.getvalue())
    whole = with_zip64((FOLDER / "deflated.npz").read_bytes())
    (FOLDER / "zip64.npz").write_bytes(whole)
    for name in ("stored", "deflated", "zip64"):
        with np.load(FOLDER / f"{name}.npz") as read:
            assert read.files == list(NAMED), read.files
            assert all((read[key] == value).all() for key, value in NAMED.items())
    with zipfile.ZipFile(FOLDER / "refused_method.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr(zipfile.ZipInfo("x.npy"), (FOLDER / "row.npy").read_bytes(), zipfile.ZIP_BZIP2)


if __name__ == "__main__":
    main()
    print(f"{FOLDER.name}: {sum(path.stat().st_size for path in FOLDER.iterdir())} bytes")
