"""Rows as an Arrow table, from buffers: ``pyarrow.array`` imports pandas first, which takes as long as 100 fits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def table_from(rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, type]) -> pa.Table:
    """Return the table with the columns and types of ``kinds``; every row has all of them."""
    return pa.Table.from_arrays(
        [_column([row[name] for row in rows], kind) for name, kind in kinds.items()], schema=schema_of(kinds)
    )


def schema_of(kinds: Mapping[str, type]) -> pa.Schema:
    """Return the schema of columns of these kinds."""
    return pa.schema([(name, _TYPES[kind]) for name, kind in kinds.items()])


def _column(values, kind):
    if kind is str:
        encoded = [value.encode() for value in values]
        ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
        buffers = [ends, b"".join(encoded)]
    elif kind is bool:
        buffers = [np.packbits(values, bitorder="little")]
    else:
        buffers = [np.array(values, dtype={int: np.int64, float: np.float64}[kind])]
    return pa.Array.from_buffers(_TYPES[kind], len(values), [None, *map(pa.py_buffer, buffers)])
