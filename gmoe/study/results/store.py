"""The results folder: files that are whole or not there.

A folder holds ``manifest.json`` (the study, and for each run the versions, git commit and processor), ``results/`` with
one Parquet file per batch, ``quarantine/`` with files that were found damaged, and lock files.  A result file is
written aside in the folder, flushed to the disk, and renamed to ``<n>-<replication>-<rows>-<digest>.parquet`` by the
worker that computed it; the digest is of all its bytes, so that a file that was cut or changed is known by its name.
In its own metadata it says of which study it is, and it is believed only if that is the study of the folder.  Which
replications are done is what the files hold, and nothing else: batches may differ from run to run.

The table
---------
One row per protocol, size and replication, sorted by these.  Columns:

``study``, ``protocol`` : str; ``n``, ``replication`` : int64
``loss:<name>`` : float64, one per number of a loss; nan where the replication failed
``cells`` : str
    Fitted experts in the Voronoi cell of each true one, as in "2+1".
``log_likelihood``, ``gradient`` : float64
``status`` : str
    Of the fit (see :class:`gmoe.FitResult`); "stopped" for a protocol that stops by its own rule; "failed" or "killed".
``certified`` : bool
``n_starts``, ``n_agreeing``, ``n_iter`` : int64
``error`` : str
    "ExceptionType: message" where the replication failed, else empty.
``seed`` : str
    Root and spawn key of the replication's SeedSequence.
``seconds`` : float64
    Time of the fit: the only column that differs from run to run.
``param:<name>`` : float64
    Fitted parameters, entries of the arrays that gate and experts declare: ``param:coef[0,1]`` (expert, column of x),
    ``param:gate_scale`` for what has no axis; nan for what the protocol's fits do not have.
"""

import errno
import hashlib
import io
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from gmoe import _files
from gmoe.study.describe.spec import Study
from gmoe.study.errors import StoreError
from gmoe.study.losses.base import Task
from gmoe.study.results.arrow import table_from
from gmoe.study.results.columns import FAILED, KILLED, Row, columns
from gmoe.study.results.identity import refuse_foreign, stamped

if TYPE_CHECKING:
    import pandas as pd

RESULTS, QUARANTINE = "results", "quarantine"
DIGEST_LENGTH = 16
KEY = ["protocol", "n", "replication"]


def write_rows(folder: Path, study: Study, rows: Sequence[Row]) -> Path:
    """Write rows as one file, under its final name only once it is whole and on the disk.

    Raises
    ------
    StoreError
        Where the disk is full or the folder cannot be written.
    """
    return _write_table(folder, study, table_from(rows, columns(study)))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all.

    Raises
    ------
    StoreError
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _files.write_whole(path, content)
    except OSError as error:
        raise _explained(error, path.parent) from error


def result_files(folder: Path) -> list[Path]:
    """Files under a final name, sorted by name."""
    return sorted((folder / RESULTS).glob("*.parquet"))


def read_file(path: Path, study: Study) -> pa.Table | None:
    """Read a result file; None where it is damaged: its bytes do not have the digest of its name, or are no table.

    Raises
    ------
    ChangedStudyError
        For a whole file of another study.
    """
    try:
        content = path.read_bytes()
        if path.stem.rpartition("-")[2] != _digest(content):
            return None
        # Without Arrow's threads: one that is still starting as the process ends aborts it.
        file = pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True, pre_buffer=False)
        table = file.read(use_threads=False)
    except (OSError, pa.ArrowException):
        return None
    refuse_foreign(path, table, study)
    return table


def done_in(folder: Path, study: Study, known: set[str]) -> Iterator[tuple[Path, dict[Task, int] | None]]:
    """Yield, of each file that is not ``known`` by name, the failed fits of its replications; None if it is damaged."""
    for path in result_files(folder):
        if path.name in known:
            continue
        table = read_file(path, study)
        if table is None:
            yield path, None
        else:
            yield path, failures(zip(*(table[key].to_pylist() for key in ("n", "replication", "status")), strict=True))


def failures(rows: Iterable[tuple[int, int, str]]) -> dict[Task, int]:
    """Count the failed fits of each replication, from size, number and status of all."""
    counts: dict[Task, int] = {}
    for n, replication, status in rows:
        counts[n, replication] = counts.get((n, replication), 0) + (status in (FAILED, KILLED))
    return counts


def quarantine(path: Path) -> Path:
    """Move a damaged file out of the way; its batch is then missing, and computed again."""
    home = path.parent.parent / QUARANTINE
    home.mkdir(exist_ok=True)
    target = home / f"{path.name}.{uuid.uuid4().hex[:8]}"
    os.replace(path, target)
    return target


def sweep(folder: Path) -> None:
    """Remove what interrupted writers left; only while no other run is on the folder."""
    for file in [*(folder / RESULTS).glob(".*.tmp"), *folder.glob(".*.tmp")]:
        file.unlink(missing_ok=True)


def read_table(folder: Path, study: Study) -> "tuple[pd.DataFrame, list[Path]]":
    """Return the sorted table of all whole files, each replication once, and the damaged files."""
    import pandas as pd  # late: slow to import, and workers read no table

    tables, damaged = [], []
    for path in result_files(folder):
        table = read_file(path, study)
        if table is None:
            damaged.append(path)
        else:
            tables.append(table)
    kinds = columns(study)
    if tables:
        frame = pa.concat_tables(tables).to_pandas(use_threads=False)
    else:
        frame = pd.DataFrame({name: pd.Series(dtype="str" if kind is str else kind) for name, kind in kinds.items()})
    frame = frame.drop_duplicates(KEY).sort_values(KEY, kind="stable", ignore_index=True)
    return frame[list(kinds)], damaged


def gather(sources: Iterable[Path], folder: Path, study: Study) -> int:
    """Write the results of other folders that this one lacks as one file; return how many damaged files were left out.

    A study of some thousand batches becomes one file of a few megabytes: small enough to keep, and quick to read.
    """
    files = [path for source in sources for path in result_files(source)]
    tables = {path: read_file(path, study) for path in files}
    whole = [table for table in tables.values() if table is not None]
    here = [table for path in result_files(folder) if (table := read_file(path, study)) is not None]
    if whole:
        every = pa.concat_tables([*here, *whole])
        keys = every.select(KEY).to_pandas(use_threads=False)
        keys = keys[~keys.duplicated()].sort_values(KEY, kind="stable")
        new = keys.index[keys.index >= sum(map(len, here))]
        if len(new):
            _write_table(folder, study, every.take(new.to_numpy()))
    # The name has the digest of the content: another folder's whole copy makes up for a damaged one.
    found = {path.name for path, table in tables.items() if table is not None}
    return sum(path.name not in found for path in files)


def _write_table(folder: Path, study: Study, table: pa.Table) -> Path:
    buffer = io.BytesIO()
    pq.write_table(stamped(table, study), buffer, compression="zstd", write_page_checksum=True)
    content = buffer.getvalue()
    first = f"{table['n'][0]}-{table['replication'][0]}-{len(table)}"
    path = folder / RESULTS / f"{first}-{_digest(content)}.parquet"
    write_whole(path, content)
    return path


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH]


def _explained(error: OSError, folder: Path) -> StoreError:
    full = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}
    full[errno.EFBIG] = "the limit on file sizes (ulimit -f) is reached"
    if error.errno in full:
        advice = "make room and resume; finished batches are safe"
        return StoreError(f"Cannot write results in {folder}: {full[error.errno]}; {advice}.")
    return StoreError(
        f"Cannot write results in {folder}: {error.strerror or error}; choose a folder that can be written."
    )
