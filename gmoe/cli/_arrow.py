"""Tables in Parquet and Arrow (Feather) files, whose columns have types."""

import io
from typing import Any

import numpy as np

from gmoe.cli._messages import UsageError, WorkError
from gmoe.cli._table import Column, Kind, Table, check_names

PARQUET, ARROW = b"PAR1", b"ARROW1"


def read_arrow(name: str, data: bytes) -> Table:
    """Read a Parquet or Arrow file.

    Raises
    ------
    UsageError
        For a damaged file.
    WorkError
        Without pyarrow.
    """
    try:
        import pyarrow as pa
        from pyarrow import feather, parquet
    except ImportError as error:
        raise WorkError(
            f"{name} is a Parquet or Arrow file, which needs pyarrow; install it: pip install gmoe[table]"
        ) from error
    try:
        read = parquet.read_table if data.startswith(PARQUET) else feather.read_table
        table = read(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"cannot read {name} as a Parquet or Arrow file: {error}; write it again") from error
    check_names(name, table.column_names)
    if not table.num_rows:
        raise UsageError(f"{name} has no rows; expected one per observation")
    places = range(1, table.num_rows + 1)
    return Table(name, table.column_names, lambda column: _column(column, table[column]), places, unit="row")


def _column(name: str, values: Any) -> Column:
    import pyarrow as pa

    kinds, missing = pa.types, values.is_null().to_numpy()
    if kinds.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    truths = kinds.is_boolean(values.type)
    if not (
        truths or any(is_number(values.type) for is_number in (kinds.is_integer, kinds.is_floating, kinds.is_decimal))
    ):
        numbers = np.full(len(missing), np.nan)
        return Column(name, Kind.EMPTY if missing.all() else Kind.TEXT, numbers, missing, values.to_pylist())
    numbers = values.cast(pa.int8() if truths else pa.float64(), safe=False).to_numpy().astype(float)
    missing = missing | np.isnan(numbers)
    kind = Kind.EMPTY if missing.all() else Kind.TRUTHS if truths else Kind.NUMBERS
    return Column(name, kind, numbers, missing, numbers)
