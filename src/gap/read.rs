//! Instances and best known values as others publish them: OR-Library's layout, and a CSV file. Every mistake is named with its line.

use std::collections::BTreeMap;

use super::Instance;

/// Larger than any published instance (80 agents x 1600 items), and small enough for every machine.
const CELLS_MAX: usize = 2_000_000;
const AGENTS_MAX: usize = 1_000;
/// Sums of so many stay exact in 64 bits, and in a double.
const VALUE_MAX: i64 = 1_000_000_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    #[error("{file}:{line}: `{word}` is no whole number from 0 to {VALUE_MAX}; {expected} is expected here")]
    NoNumber { file: String, line: usize, word: String, expected: String },
    #[error(
        "{file}: the file ends where {expected} is expected; after `agents items` come a row of costs an agent, a row of uses an agent, and the capacities"
    )]
    Short { file: String, expected: String },
    #[error(
        "{file}:{line}: `{word}` comes after the last capacity; is the first line `agents items`, and is there one instance in the file?"
    )]
    Long { file: String, line: usize, word: String },
    #[error(
        "{file}:1: {agents} agents x {items} items: from 1 to {AGENTS_MAX} agents, at least 1 item and at most {CELLS_MAX} cells are read"
    )]
    Size { file: String, agents: i64, items: i64 },
    #[error("{file}:{line}: {problem}")]
    Table { file: String, line: usize, problem: String },
}

/// White-space separated: `agents items`; a row of costs an agent; a row of uses an agent; the capacities. To be minimised.
/// `file` is only for messages.
pub fn parse(file: &str, text: &str) -> Result<Instance, InstanceError> {
    let mut numbers = Numbers { file, words: text.lines().enumerate().flat_map(|(line, text)| words(line + 1, text)) };
    let (agents, items) = (numbers.next(|| "the number of agents".into())?, numbers.next(|| "the number of items".into())?);
    let size = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let (m, n) = (size(agents), size(items));
    if m == 0 || n == 0 || m > AGENTS_MAX || m.saturating_mul(n) > CELLS_MAX {
        return Err(InstanceError::Size { file: file.to_owned(), agents, items });
    }
    let mut table = |what: &str| {
        let mut values = vec![0; m * n];
        for agent in 0..m {
            for item in 0..n {
                let value = numbers.next(|| format!("agent {}'s {what} of item {}", agent + 1, item + 1))?;
                values[item * m + agent] = i32::try_from(value).expect("VALUE_MAX is one");
            }
        }
        Ok(values)
    };
    let (cost, usage) = (table("cost")?, table("use")?);
    let capacity = (0..m).map(|agent| numbers.next(|| format!("agent {}'s capacity", agent + 1))).collect::<Result<_, _>>()?;
    if let Some((line, word)) = numbers.words.next() {
        return Err(InstanceError::Long { file: file.to_owned(), line, word: word.to_owned() });
    }
    Ok(Instance { agents: m, items: n, cost, usage, capacity })
}

fn words(line: usize, text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_whitespace().map(move |word| (line, word))
}

struct Numbers<'a, I> {
    file: &'a str,
    words: I,
}

impl<'a, I: Iterator<Item = (usize, &'a str)>> Numbers<'a, I> {
    fn next(&mut self, expected: impl FnOnce() -> String) -> Result<i64, InstanceError> {
        let file = self.file.to_owned();
        let Some((line, word)) = self.words.next() else { return Err(InstanceError::Short { file, expected: expected() }) };
        match word.parse() {
            Ok(number @ 0..=VALUE_MAX) => Ok(number),
            _ => Err(InstanceError::NoNumber { file, line, word: word.chars().take(40).collect(), expected: expected() }),
        }
    }
}

/// What is known of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BestKnown {
    pub lower_bound: Option<i64>,
    pub value: i64,
}

/// By instance name. A CSV file with the columns `instance` and `best_known`, and perhaps `lower_bound`, in any order among others.
pub fn best_known(file: &str, text: &str) -> Result<BTreeMap<String, BestKnown>, InstanceError> {
    let error = |line: usize, problem: String| InstanceError::Table { file: file.to_owned(), line: line + 1, problem };
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (_, header) = lines.next().ok_or_else(|| error(0, "the table is empty".to_owned()))?;
    let header: Vec<&str> = header.split(',').map(str::trim).collect();
    let column = |name: &str| header.iter().position(|found| *found == name);
    let missing = |name: &str| error(0, format!("there is no column `{name}`; there are: {}", header.join(", ")));
    let instance = column("instance").ok_or_else(|| missing("instance"))?;
    let value = column("best_known").ok_or_else(|| missing("best_known"))?;
    let lower = column("lower_bound");
    let mut table = BTreeMap::new();
    for (number, line) in lines {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        if cells.len() != header.len() {
            return Err(error(number, format!("{} cells, but the header has {}", cells.len(), header.len())));
        }
        let whole = |cell: &str| {
            let parsed = cell.parse().ok().filter(|value| (0..=i64::from(u32::MAX) * VALUE_MAX).contains(value));
            parsed.ok_or_else(|| error(number, format!("`{cell}` is no whole number")))
        };
        let lower_bound = lower.map(|lower| cells[lower]).filter(|cell| !cell.is_empty()).map(whole).transpose()?;
        let known = BestKnown { lower_bound, value: whole(cells[value])? };
        if table.insert(cells[instance].to_owned(), known).is_some() {
            return Err(error(number, format!("`{}` stands here twice", cells[instance])));
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_read_row_by_row() {
        let instance = parse("two", "2 3\n1 2 3\n4 5 6\n7 8 9\n10 11 12\n13\n14").unwrap();
        assert_eq!((instance.agents, instance.items, &instance.capacity[..]), (2, 3, &[13, 14][..]));
        assert_eq!((instance.cost(2, 0), instance.cost(0, 1), instance.usage(1, 1)), (3, 4, 11));
        assert_eq!(instance.evaluate(&[0, 1, 1]), None);
        assert_eq!(instance.evaluate(&[0, 1, 2]), None);
        let wide = Instance { capacity: vec![13, 23], ..instance };
        assert_eq!(wide.evaluate(&[0, 1, 1]), Some(1 + 5 + 6));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let check = |text: &str, expected: &str| assert_eq!(parse("f", text).unwrap_err().to_string(), expected);
        check(
            "",
            "f: the file ends where the number of agents is expected; after `agents items` come a row of costs an agent, a row of uses an agent, and the capacities",
        );
        check("1 1\n5\nx", "f:3: `x` is no whole number from 0 to 1000000000; agent 1's use of item 1 is expected here");
        check("1 2\n5 -3", "f:2: `-3` is no whole number from 0 to 1000000000; agent 1's cost of item 2 is expected here");
        check(
            "1 1\n5\n5\n5\n\n9",
            "f:6: `9` comes after the last capacity; is the first line `agents items`, and is there one instance in the file?",
        );
        check(
            "1000000 1000000",
            "f:1: 1000000 agents x 1000000 items: from 1 to 1000 agents, at least 1 item and at most 2000000 cells are read",
        );
        check("0 5", "f:1: 0 agents x 5 items: from 1 to 1000 agents, at least 1 item and at most 2000000 cells are read");
    }

    #[test]
    fn best_known_values_are_read_by_the_name_of_their_column() {
        let table = best_known("b.csv", "instance,items,lower_bound,best_known\na,5,,7\nb,5,6,7\n").unwrap();
        assert_eq!(table["a"], BestKnown { lower_bound: None, value: 7 });
        assert_eq!(table["b"], BestKnown { lower_bound: Some(6), value: 7 });
        let check = |text: &str, expected: &str| assert_eq!(best_known("b.csv", text).unwrap_err().to_string(), expected);
        check("", "b.csv:1: the table is empty");
        check("instance,best\n", "b.csv:1: there is no column `best_known`; there are: instance, best");
        check("instance,best_known\na,1\na,1\n", "b.csv:3: `a` stands here twice");
        check("instance,best_known\na,x\n", "b.csv:2: `x` is no whole number");
        check("instance,best_known\na\n", "b.csv:2: 1 cells, but the header has 2");
    }
}
