//! Parquet, column by column and a part at a time. Only the columns of use are decoded, and as what they are stored as: numbers and
//! bytes. What the file says beyond that is looked at for units alone.

use std::fs::File;
use std::io::Cursor;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use polars::prelude::{
    ArrowDataType, ArrowTimeUnit, BinaryChunked, BooleanChunked, DataFrame, DataType, FileMetadata, Float64Chunked, Int64Chunked,
    ParallelStrategy, ParquetReader, PolarsResult, SerReader, polars_bail,
};
use polars_parquet::parquet::metadata::SchemaDescriptor;
use polars_parquet::parquet::page::CompressedPage;
use polars_parquet::parquet::schema::Repetition;
use polars_parquet::read::{PageReader, ParquetType, PhysicalType};

use super::super::time::Scalar;
use super::{Column, Columns, Holds, Rows, Skipped, TableError, missing};

/// Rows decoded at once.
const PART: usize = 1 << 20;
/// Rows are cheap to claim: a few bytes can stand for any number of them.
const ROWS_MAX: usize = 100_000_000;
/// What one row group's columns may come to, unpacked.
const UNPACKED_MAX: i64 = 4 << 30;

pub fn read<R: Rows>(file: File, size: u64, name: &str, columns: Columns, rows: &mut R) -> Result<(), R::Error> {
    let table = guarded(name, || Table::open(&file, size, name, columns))??;
    for start in (0..table.rows).step_by(PART) {
        let part = guarded(name, || table.part(&file, start))?.map_err(|e| broken(name, e.to_string()))?;
        for index in 0..part.rows {
            // Rows stand for lines: a Parquet file has none.
            let line = (start + index + 1) as u64;
            match part.row(index) {
                Some(values) => rows.row(line, &values)?,
                None => rows.skip(line, Skipped::NotUtf8)?,
            }
        }
    }
    Ok(())
}

/// The decoder takes some broken files for its own mistake, and panics.
fn guarded<T>(name: &str, decode: impl FnOnce() -> T) -> Result<T, TableError> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|_| broken(name, "its content contradicts itself".to_owned()))
}

fn broken(name: &str, reason: String) -> TableError {
    TableError::Parquet { file: name.to_owned(), reason }
}

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    /// Times this.
    Number(f64),
    /// So many nanoseconds each.
    Instant(i64),
    Truth,
}

struct Table {
    /// With the columns of use alone, as they are stored.
    metadata: Arc<FileMetadata>,
    /// In the order of the columns asked for.
    kinds: Vec<Option<(Kind, String)>>,
    rows: usize,
}

impl Table {
    fn open(file: &File, size: u64, name: &str, columns: Columns) -> Result<Table, TableError> {
        let failed = |e: &dyn ToString| broken(name, e.to_string());
        let mut reader = ParquetReader::new(file.try_clone().map_err(|e| failed(&e))?);
        let metadata = reader.get_metadata().map_err(|e| failed(&e))?.clone();
        let schema = reader.schema().map_err(|e| failed(&e))?;
        let (mut kinds, mut fields) = (Vec::new(), Vec::new());
        for column in columns.columns {
            let mut named = metadata.schema_descr.fields().iter().filter(|field| field.name().trim().eq_ignore_ascii_case(column.name));
            let Some(field) = named.next() else {
                kinds.push(None);
                continue;
            };
            if named.next().is_some() {
                return Err(TableError::TwoColumns { file: name.to_owned(), column: column.name.to_owned() });
            }
            let (of, stored) = stored(field, schema.get(field.name()).map(|f| &f.dtype), *column, name)?;
            kinds.push(Some((of, field.name().to_owned())));
            fields.push(stored);
        }
        let found: Vec<bool> = kinds.iter().map(Option::is_some).collect();
        missing(columns, &found, name, metadata.schema_descr.fields().iter().map(ParquetType::name))?;
        let rows = checked_rows(&metadata, &fields, size).map_err(|reason| broken(name, reason.to_owned()))?;
        checked_pages(file, &metadata, &fields).map_err(|reason| broken(name, reason))?;
        let schema_descr = SchemaDescriptor::new(metadata.schema_descr.name().into(), fields);
        let metadata = FileMetadata { schema_descr, key_value_metadata: None, column_orders: None, ..(*metadata).clone() };
        Ok(Table { metadata: Arc::new(metadata), kinds, rows })
    }

    fn part(&self, file: &File, start: usize) -> PolarsResult<Part> {
        let mut reader = ParquetReader::new(file.try_clone()?)
            .with_slice(Some((start, PART.min(self.rows - start))))
            .read_parallel(ParallelStrategy::None);
        reader.set_metadata(self.metadata.clone());
        let frame = reader.finish()?;
        let values = |kind: &Option<(Kind, String)>| kind.as_ref().map(|(kind, name)| values(&frame, *kind, name)).transpose();
        Ok(Part { rows: frame.height(), columns: self.kinds.iter().map(values).collect::<PolarsResult<_>>()? })
    }
}

/// What a column means, and the column as it is stored, stripped of meaning.
fn stored(field: &ParquetType, means: Option<&ArrowDataType>, column: Column, name: &str) -> Result<(Kind, ParquetType), TableError> {
    let holds = column.holds;
    let refused =
        |kind: String| TableError::ColumnKind { file: name.to_owned(), column: column.name.to_owned(), kind, expected: holds.expected() };
    let ParquetType::PrimitiveType(of) = field else { return Err(refused("nested".to_owned())) };
    if of.field_info.repetition == Repetition::Repeated {
        return Err(refused("a list".to_owned()));
    }
    let kind = match (of.physical_type, means) {
        (PhysicalType::ByteArray, Some(ArrowDataType::Decimal(..))) => None,
        (PhysicalType::ByteArray, _) => Some(Kind::Text),
        (PhysicalType::Boolean, _) if holds == Holds::Outcomes => Some(Kind::Truth),
        _ if matches!(holds, Holds::Texts | Holds::Outcomes) => None,
        (PhysicalType::Float | PhysicalType::Double, _) => Some(Kind::Number(1.0)),
        (PhysicalType::Int64, Some(ArrowDataType::Timestamp(unit, _))) if holds == Holds::Times => Some(Kind::Instant(nanoseconds(*unit))),
        (PhysicalType::Int64, Some(ArrowDataType::Duration(unit))) if holds == Holds::Durations => {
            Some(Kind::Number(nanoseconds(*unit) as f64 / 1e9))
        }
        (PhysicalType::Int32 | PhysicalType::Int64, Some(means)) if is_integer(means) => Some(Kind::Number(1.0)),
        _ => None,
    };
    let kind = kind.ok_or_else(|| refused(means.map_or_else(|| format!("{:?}", of.physical_type), |means| format!("{means:?}"))))?;
    let mut of = of.clone();
    (of.logical_type, of.converted_type) = (None, None);
    Ok((kind, ParquetType::PrimitiveType(of)))
}

fn is_integer(means: &ArrowDataType) -> bool {
    use ArrowDataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    matches!(means, Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64)
}

fn nanoseconds(unit: ArrowTimeUnit) -> i64 {
    match unit {
        ArrowTimeUnit::Second => 1_000_000_000,
        ArrowTimeUnit::Millisecond => 1_000_000,
        ArrowTimeUnit::Microsecond => 1_000,
        ArrowTimeUnit::Nanosecond => 1,
    }
}

/// The file's own claims, before anything is decoded by them.
fn checked_rows(metadata: &FileMetadata, fields: &[ParquetType], size: u64) -> Result<usize, &'static str> {
    let mut rows = 0usize;
    for group in &metadata.row_groups {
        rows = rows.checked_add(group.num_rows()).filter(|rows| *rows <= ROWS_MAX).ok_or("it has too many rows; cut it by time")?;
        let mut unpacked = 0i64;
        for field in fields {
            let mut columns = group.columns_under_root_iter(field.name()).ok_or("a column is not there in all parts")?;
            let column = columns.next().ok_or("a column is not there in all parts")?;
            let range = column.byte_range();
            if range.start > range.end || range.end > size {
                return Err("it is cut off");
            }
            unpacked = unpacked.saturating_add(column.uncompressed_size().max(0));
        }
        if unpacked > UNPACKED_MAX {
            return Err("one of its row groups is too large; use smaller ones");
        }
    }
    if rows == metadata.num_rows { Ok(rows) } else { Err("its numbers of rows contradict each other") }
}

/// Pages claim numbers of values too, and the decoder takes memory by them: a wrong one would end the program.
fn checked_pages(file: &File, metadata: &FileMetadata, fields: &[ParquetType]) -> Result<(), String> {
    for group in &metadata.row_groups {
        let columns = fields.iter().filter_map(|field| group.columns_under_root_iter(field.name())?.next());
        for column in columns {
            let range = column.byte_range();
            let mut bytes = vec![0; usize::try_from(range.end - range.start).map_err(|e| e.to_string())?];
            file.read_exact_at(&mut bytes, range.start).map_err(|e| e.to_string())?;
            let mut pages = PageReader::new(Cursor::new(bytes.into()), column, Vec::new(), usize::MAX);
            pages.read_dict().map_err(|e| e.to_string())?;
            let mut absurd = false;
            for page in pages {
                if let CompressedPage::Data(page) = page.map_err(|e| e.to_string())? {
                    absurd |= page.num_values() > group.num_rows() || page.uncompressed_size() > i32::MAX as usize;
                }
            }
            if absurd {
                return Err("one of its pages claims more than it can hold".to_owned());
            }
        }
    }
    Ok(())
}

/// Decoded columns.
struct Part {
    rows: usize,
    columns: Vec<Option<Values>>,
}

enum Values {
    Text(BinaryChunked),
    Number(Float64Chunked, f64),
    Instant(Int64Chunked, i64),
    Truth(BooleanChunked),
}

fn values(frame: &DataFrame, kind: Kind, name: &str) -> PolarsResult<Values> {
    // One chunk: values are looked up by their place.
    let series = frame.column(name)?.as_materialized_series().rechunk();
    // A broken page makes its column shorter, and nobody has looked so far.
    if series.len() != frame.height() {
        polars_bail!(ComputeError: "its columns differ in length");
    }
    Ok(match kind {
        Kind::Text => Values::Text(series.cast(&DataType::Binary)?.binary()?.clone()),
        Kind::Number(factor) => Values::Number(series.cast(&DataType::Float64)?.f64()?.clone(), factor),
        Kind::Truth => Values::Truth(series.bool()?.clone()),
        Kind::Instant(unit) => Values::Instant(series.cast(&DataType::Int64)?.i64()?.clone(), unit),
    })
}

impl Values {
    /// None where a text is not UTF-8.
    fn scalar(&self, index: usize) -> Option<Scalar<'_>> {
        Some(match self {
            Values::Text(values) => match values.get(index) {
                Some(bytes) => Scalar::Text(std::str::from_utf8(bytes).ok()?),
                None => Scalar::Absent,
            },
            Values::Number(values, factor) => values.get(index).map_or(Scalar::Absent, |value| Scalar::Number(value * factor)),
            Values::Truth(values) => values.get(index).map_or(Scalar::Absent, Scalar::Truth),
            Values::Instant(values, unit) => {
                values.get(index).map_or(Scalar::Absent, |value| Scalar::Instant(i128::from(value) * i128::from(*unit)))
            }
        })
    }
}

impl Part {
    /// None where a text is not UTF-8.
    fn row(&self, index: usize) -> Option<Vec<Scalar<'_>>> {
        self.columns.iter().map(|values| values.as_ref().map_or(Some(Scalar::Absent), |values| values.scalar(index))).collect()
    }
}
