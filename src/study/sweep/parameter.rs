//! What is varied, and over which values: `load=0.5..4:0.25`, `servers.files.serial=5ms..20ms:5ms`, `servers.files.discipline=fifo,priority`.

use serde::Serialize;

use crate::units::split_unit;

/// A path that `--set` understands, and the values that it takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parameter {
    pub path: String,
    /// Numbers ascend.
    pub values: Vec<Setting>,
    /// Of all values: "ms", "%", "/h"; empty for bare numbers and for texts.
    pub unit: String,
}

/// One value, as `--set` takes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    pub text: String,
    /// In the parameter's unit; none where the values are no numbers.
    pub number: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--vary {flag}: {why}")]
pub struct ParameterError {
    pub flag: String,
    pub why: String,
}

/// Values of one parameter.
const MOST_VALUES: usize = 1000;
const EXAMPLE: &str = "as in load=0.5..4:0.25, servers.files.serial=5ms..20ms:5ms or servers.files.slots=1,2,4";

impl Parameter {
    pub fn parse(flag: &str) -> Result<Parameter, ParameterError> {
        let wrong = |why: String| ParameterError { flag: flag.to_owned(), why };
        let (path, values) = flag.rsplit_once('=').ok_or_else(|| wrong(format!("it needs a path and values, {EXAMPLE}")))?;
        let (path, values) = (path.trim(), values.trim());
        let texts = match values.split_once("..") {
            Some((from, rest)) => {
                let (to, step) = rest.split_once(':').ok_or_else(|| wrong(format!("a range needs a step, {EXAMPLE}")))?;
                range(from.trim(), to.trim(), step.trim()).map_err(wrong)?
            }
            None => values.split(',').map(|value| value.trim().to_owned()).collect(),
        };
        if path.is_empty() || texts.iter().any(String::is_empty) {
            return Err(wrong(format!("it needs a path and values, {EXAMPLE}")));
        }
        if texts.len() > MOST_VALUES {
            return Err(wrong(format!("{} values are too many (at most {MOST_VALUES})", texts.len())));
        }
        if let Some(twice) = texts.iter().enumerate().find(|(i, text)| texts[..*i].contains(text)) {
            return Err(wrong(format!("the value {} stands there twice", twice.1)));
        }
        let quantities: Vec<Option<(f64, &str)>> = texts.iter().map(|text| quantity(text)).collect();
        let unit = quantities[0].map_or("", |(_, unit)| unit);
        let is_numeric = quantities.iter().all(|of| of.is_some_and(|(_, other)| other == unit));
        let values = texts
            .iter()
            .zip(&quantities)
            .map(|(text, of)| Setting { text: text.clone(), number: of.filter(|_| is_numeric).map(|(n, _)| n) });
        let mut values: Vec<Setting> = values.collect();
        values.sort_by(|a, b| a.number.unwrap_or(0.0).total_cmp(&b.number.unwrap_or(0.0)));
        if let Some(same) = values.windows(2).find(|pair| pair[0].number.is_some() && pair[0].number == pair[1].number) {
            return Err(wrong(format!("{} and {} are the same value", same[0].text, same[1].text)));
        }
        Ok(Parameter { path: path.to_owned(), values, unit: if is_numeric { unit.to_owned() } else { String::new() } })
    }

    pub fn is_numeric(&self) -> bool {
        self.values.iter().all(|value| value.number.is_some())
    }

    /// Whether something can be looked for between its values.
    pub fn is_bisected(&self) -> bool {
        self.is_numeric() && self.values.len() > 1
    }

    /// A value of this parameter.
    pub fn setting(&self, number: f64) -> Setting {
        Setting { text: format!("{number}{}", self.unit), number: Some(number) }
    }

    /// For axes and headers: the path with its unit.
    pub fn title(&self) -> String {
        if self.unit.is_empty() { self.path.clone() } else { format!("{} [{}]", self.path, self.unit) }
    }
}

/// A number, that may have an exponent, or one with a unit.
fn quantity(text: &str) -> Option<(f64, &str)> {
    let bare = text.parse().ok().map(|number: f64| (number, ""));
    bare.or_else(|| split_unit(text)).filter(|(number, _)| number.is_finite())
}

fn end(text: &str) -> Result<(f64, &str), String> {
    quantity(text).ok_or_else(|| format!("`{text}` is no number, {EXAMPLE}"))
}

/// From, from + step, ... up to and including `to`, with as many decimals as the two have: no 0.30000000000000004.
fn range(from: &str, to: &str, step: &str) -> Result<Vec<String>, String> {
    let ((first, unit), (last, unit_last), (width, unit_step)) = (end(from)?, end(to)?, end(step)?);
    if unit != unit_last || unit != unit_step {
        return Err(format!("the range's ends and its step have one unit, {EXAMPLE}"));
    }
    if width <= 0.0 || last < first {
        return Err("a range goes up, by a step above 0".to_owned());
    }
    // A step that fits but for rounding fits.
    let steps = ((last - first) / width * (1.0 + 1e-12) + 1e-9).floor();
    if steps >= MOST_VALUES as f64 {
        return Err(format!("{steps:.0} steps are too many (at most {})", MOST_VALUES - 1));
    }
    // As the number is printed, so that 1e-1 has as many as 0.1.
    let decimals = |number: f64| number.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let decimals = decimals(first).max(decimals(width));
    let number = |i: usize| {
        let text = format!("{:.decimals$}", first + i as f64 * width);
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    Ok((0..=steps as usize).map(|i| format!("{}{unit}", number(i))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(flag: &str) -> Vec<String> {
        Parameter::parse(flag).expect("a right parameter").values.into_iter().map(|value| value.text).collect()
    }

    #[test]
    fn ranges_and_lists_are_read() {
        assert_eq!(values("load=0.5..2:0.5"), ["0.5", "1", "1.5", "2"]);
        assert_eq!(values("load=0.1..0.4:0.1"), ["0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(values("servers.a.slots=1..4:2"), ["1", "3"]);
        assert_eq!(values("servers.a.serial=5ms..15ms:5ms"), ["5ms", "10ms", "15ms"]);
        assert_eq!(values("servers.a.discipline=fifo, priority"), ["fifo", "priority"]);
        assert_eq!(values("load=1..1.2:1e-1"), ["1", "1.1", "1.2"]);
        assert_eq!(values("load=2,1e-1,1"), ["1e-1", "1", "2"]);
        assert_eq!(values("servers.a.discipline=processor-sharing,fifo"), ["processor-sharing", "fifo"]);
        let numeric = |flag: &str| Parameter::parse(flag).expect("a right parameter").is_numeric();
        assert!(numeric("x=1,2") && numeric("x=1ms,2ms") && !numeric("x=fifo,1") && !numeric("x=1ms,2s"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = [
            "load",
            "load=",
            "=1..2:1",
            "load=1..2",
            "load=2..1:1",
            "load=1..2:0",
            "load=1..2ms:1",
            "load=a..b:1",
            "load=1,,2",
            "load=1,1",
            "load=1,1.0",
            "load=0..9999:1",
        ];
        let messages: Vec<String> = wrong.iter().map(|flag| Parameter::parse(flag).expect_err("it is wrong").to_string()).collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    proptest! {
        #[test]
        fn a_range_holds_its_ends_and_steps(first in 0u32..1000, steps in 0usize..200, width in 1u32..500, decimals in 0usize..4) {
            let scale = 10f64.powi(decimals as i32);
            let show = |units: u64| format!("{:.decimals$}", units as f64 / scale);
            let last = u64::from(first) + steps as u64 * u64::from(width);
            let of = Parameter::parse(&format!("load={}..{}:{}", show(u64::from(first)), show(last), show(u64::from(width)))).unwrap();
            prop_assert_eq!(of.values.len(), steps + 1);
            for (i, value) in of.values.iter().enumerate() {
                let exact = (u64::from(first) + i as u64 * u64::from(width)) as f64 / scale;
                prop_assert_eq!(value.number, Some(exact));
                prop_assert_eq!(&of.setting(exact).text, &value.text);
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,30}|load=[0-9.,:a-z-]{0,20}") {
            let _ = Parameter::parse(&text);
        }
    }
}
