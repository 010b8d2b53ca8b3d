//! What a program decides by itself is taken out before it is solved: fixed columns, rows with one column, rows that hold anyway.
//! The solver has no such step of its own, and a program in which all needs but a few are fixed shrinks to those few.

use super::linear::{Program, Row, Sense};

/// A smaller program with the same optima, and the way back.
#[derive(Debug, Clone, PartialEq)]
pub struct Presolved {
    pub program: Program,
    /// Cost of what was taken out.
    pub constant: f64,
    /// By original column: its place in the smaller program, or its only value.
    columns: Vec<Column>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Column {
    Kept(usize),
    Fixed(f64),
}

/// Slack for rounding.
const EPSILON: f64 = 1e-9;
/// Each pass can fix columns that let the next drop rows.
const PASSES: u32 = 4;

/// None where a row cannot hold.
pub fn presolve(program: &Program) -> Option<Presolved> {
    let mut program = program.clone();
    for _ in 0..PASSES {
        let (rows, columns) = (program.rows.len(), program.columns.clone());
        let all = std::mem::take(&mut program.rows);
        for row in all {
            if let Some(row) = reduce(&mut program, row)? {
                program.rows.push(row);
            }
        }
        if program.rows.len() == rows && program.columns == columns {
            break;
        }
    }
    let mut kept = Program { columns: Vec::new(), rows: Vec::new() };
    let mut constant = 0.0;
    let columns: Vec<Column> = program
        .columns
        .iter()
        .map(|column| {
            if column.lower == column.upper {
                constant += column.cost * column.lower;
                Column::Fixed(column.lower)
            } else {
                Column::Kept(kept.add_column(*column))
            }
        })
        .collect();
    kept.rows = program.rows;
    for row in &mut kept.rows {
        for (column, _) in &mut row.terms {
            let Column::Kept(place) = columns[*column] else { unreachable!("fixed columns have left all rows") };
            *column = place;
        }
    }
    Some(Presolved { program: kept, constant, columns })
}

impl Presolved {
    /// Values of all original columns.
    pub fn restore(&self, values: &[f64]) -> Vec<f64> {
        self.columns
            .iter()
            .map(|column| match column {
                Column::Kept(place) => values[*place],
                Column::Fixed(value) => *value,
            })
            .collect()
    }

    /// A start without the columns that are decided; none where it says otherwise than they are.
    pub fn start(&self, start: &[(usize, f64)]) -> Vec<(usize, f64)> {
        let contradicts = |(column, value): &(usize, f64)| matches!(self.columns[*column], Column::Fixed(f) if (f - value).abs() > EPSILON);
        if start.iter().any(contradicts) {
            return Vec::new();
        }
        let place = |(column, value): &(usize, f64)| match self.columns[*column] {
            Column::Kept(place) => Some((place, *value)),
            Column::Fixed(_) => None,
        };
        start.iter().filter_map(place).collect()
    }
}

/// None: it cannot hold. Some(None): it always holds now. Bounds of columns are tightened on the way.
fn reduce(program: &mut Program, mut row: Row) -> Option<Option<Row>> {
    let columns = &mut program.columns;
    row.terms.retain(|(column, factor)| {
        let fixed = columns[*column].lower == columns[*column].upper;
        if fixed {
            row.bound -= factor * columns[*column].lower;
        }
        !fixed && *factor != 0.0
    });
    let scale = EPSILON * (1.0 + row.bound.abs());
    match (row.terms.as_slice(), row.sense) {
        ([], Sense::AtMost) => return (row.bound >= -scale.max(1e-7)).then_some(None),
        ([], Sense::Equal) => return (row.bound.abs() <= scale.max(1e-7)).then_some(None),
        ([(column, factor)], sense) => {
            let limit = row.bound / factor;
            let column = &mut columns[*column];
            if sense == Sense::Equal || *factor > 0.0 {
                column.upper = column.upper.min(if column.integer { (limit + 1e-6).floor() } else { limit });
            }
            if sense == Sense::Equal || *factor < 0.0 {
                column.lower = column.lower.max(if column.integer { (limit - 1e-6).ceil() } else { limit });
            }
            if column.lower > column.upper {
                // Crossed by rounding alone, or for good.
                if column.lower > column.upper + 1e-7 {
                    return None;
                }
                column.upper = column.lower;
            }
            return Some(None);
        }
        _ => {}
    }
    let most: f64 =
        row.terms.iter().map(|(column, factor)| factor * if *factor > 0.0 { columns[*column].upper } else { columns[*column].lower }).sum();
    if row.sense == Sense::AtMost && most <= row.bound {
        return Some(None);
    }
    Some(Some(row))
}

#[cfg(test)]
mod tests {
    use super::super::linear::{Column, Integrality, Solver, solve};
    use super::*;

    #[test]
    fn what_is_decided_leaves_and_comes_back() {
        let column = |cost, lower, upper| Column { cost, lower, upper, integer: true };
        let row = |terms: &[(usize, f64)], sense, bound| Row { terms: terms.to_vec(), sense, bound };
        let program = Program {
            columns: vec![column(5.0, 1.0, 1.0), column(-1.0, 0.0, 1.0), column(-1.0, 0.0, 1.0), column(-2.0, 0.0, 1.0)],
            rows: vec![
                row(&[(0, 1.0), (1, 1.0)], Sense::Equal, 1.0),
                row(&[(1, 1.0), (2, 1.0), (3, 1.0)], Sense::AtMost, 1.0),
                row(&[(2, 1.0), (3, 1.0)], Sense::AtMost, 2.0),
            ],
        };
        let smaller = presolve(&program).unwrap();
        assert_eq!((smaller.program.columns.len(), smaller.program.rows.len(), smaller.constant), (2, 1, 5.0));
        let solution = solve(Solver::best(), &program, Integrality::Required { nodes: 10 }, &[]).unwrap();
        assert_eq!((solution.values, solution.bound), (Some(vec![1.0, 0.0, 0.0, 1.0]), 3.0));
        let impossible = Program { rows: vec![row(&[(0, 1.0)], Sense::AtMost, 0.0)], ..program };
        assert_eq!(presolve(&impossible), None);
    }
}
