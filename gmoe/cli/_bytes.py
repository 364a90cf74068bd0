"""The bytes of a file or of the standard input, unpacked, and the text in them."""

import bz2
import codecs
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from pathlib import Path

from gmoe.cli._messages import UsageError

STDIN = "-"
SAVE_AS_CSV = "save it as CSV with the program that wrote it"
# By their first bytes: what a file is called says less.
FOREIGN = {
    b"\xd0\xcf\x11\xe0": f"a workbook of old Excel; {SAVE_AS_CSV}",
    b"\x28\xb5\x2f\xfd": "packed by zstd; unpack it first: zstd -d",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it first",
    b"\x89HDF": f"an HDF5 file; {SAVE_AS_CSV}",
    b"\x93NUMPY": "an array of NumPy; save it with numpy.savetxt",
    b"RDX": "R's own data; save it with write.csv",
    b"RDA": "R's own data; save it with write.csv",
    b"<stata_dta>": f"a file of Stata; {SAVE_AS_CSV}",
    b"$FL2": f"a file of SPSS; {SAVE_AS_CSV}",
    b"%PDF": "a PDF; give the table that was printed in it as CSV",
    b"SQLite format 3": "a database of SQLite; export the table as CSV",
}
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, which begins in the same way
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_bytes(file: str) -> tuple[str, bytes]:
    """Read a file, or the standard input for ``-``; return its name in messages and what is in it, unpacked.

    Raises
    ------
    UsageError
        For a file that cannot be read or unpacked, or holds nothing.
    """
    name = "standard input" if file == STDIN else file
    try:
        data = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        while unpack := next((PACKED[start] for start in PACKED if data.startswith(start)), None):
            data = unpack(data)
    except (zlib.error, lzma.LZMAError, zipfile.BadZipFile, EOFError, gzip.BadGzipFile, RuntimeError) as error:
        raise UsageError(f"cannot unpack {name}: {error}; unpack it with the program that made it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read {name}: {reason}; give a file, or - for the standard input") from error
    except UnreadableError as error:
        raise UsageError(f"{name} is {error}") from error
    for start, what in FOREIGN.items():
        if data.startswith(start):
            raise UsageError(f"{name} is {what}")
    if data[257:262] == b"ustar":
        raise UsageError(f"{name} is a tar archive; unpack it and give one of its files")
    if not data.strip():
        raise UsageError(f"{name} is empty; expected a line with column names, then one line per observation")
    return name, data


class UnreadableError(Exception):
    """What a file is, and what to do about it."""


def _unzip(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [i.filename for i in archive.infolist() if not i.is_dir() and not i.filename.startswith("__MACOSX/")]
        if {"[Content_Types].xml", "mimetype"} & set(names):
            raise UnreadableError(f"a workbook or document; {SAVE_AS_CSV}")
        if len(names) != 1:
            raise UnreadableError(
                f"a zip archive of {len(names)} files ({', '.join(names[:5])}); unpack it and give one"
            )
        return archive.read(names[0])


PACKED = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh91AY": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
    b"PK\x03\x04": _unzip,
}


def decode(name: str, data: bytes, encoding: str | None, notes: list[str]) -> str:
    """Return the text in bytes, in the encoding given or found; a guess is noted.

    Raises
    ------
    UsageError
        For bytes that are no text in this encoding.
    """
    try:
        text = data.decode(encoding or _marked(data))
    except UnicodeError as error:
        if encoding:
            raise UsageError(f"{name} is not in {encoding}: {error}; give another --encoding") from error
        # The usual one of those in which every file is a text; all of them share the digits.
        text = data.decode("cp1252", errors="replace")
        if "\0" not in text:
            notes.append(f"{name} is not in UTF-8 and was read as Windows-1252; for other letters give --encoding")
    if "\0" in text:
        raise UsageError(f"{name} is not text: it holds bytes of 0; give a CSV or Parquet file, or its --encoding")
    return text.removeprefix("\ufeff")


def _marked(data: bytes) -> str:
    """Return the encoding by the mark in front; without one, UTF-16 shows by the zeros in every second byte."""
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return encoding
    head = data[:200]
    zeros = [head[i::2].count(0) > len(head) / 4 for i in (0, 1)]
    return "utf-16-be" if zeros == [True, False] else "utf-16-le" if zeros == [False, True] else "utf-8"
