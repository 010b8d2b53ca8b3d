//! Records of calls that really happened.

mod lines;
mod show;
mod table;
mod time;

pub use lines::{LONGEST, Line, LineEnd, Lines};
pub use show::{listed, shown};
pub use table::{Column, Columns, Holds, Record, Records, Rows, Skipped, TableError, read_csv, read_json, read_parquet};
pub use time::{Clock, Reading, Scalar, Wrong, number, rfc3339};
