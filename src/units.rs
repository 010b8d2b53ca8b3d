//! Quantities that carry their unit: parsed from text that states it, printed with it.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub};
use std::str::FromStr;

/// A text that is not the quantity it should be. The message says what is wrong and shows a right spelling.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnitError(String);

/// An instant since the start of a run, or a duration, in integer nanoseconds. 2^64 ns are 584 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimTime(pub u64);

impl SimTime {
    pub const ZERO: SimTime = SimTime(0);
    /// The longest time that a scenario may state: 100 years. What is drawn is cut off here, so sums cannot overflow.
    pub const LONGEST: SimTime = SimTime(100 * 365 * 24 * 3600 * 1_000_000_000);

    /// From seconds; negative and NaN become zero, what is too long becomes [`SimTime::LONGEST`].
    pub fn from_secs(seconds: f64) -> SimTime {
        SimTime::from_nanos(seconds * 1e9)
    }

    /// From nanoseconds, to the nearest; as [`SimTime::from_secs`].
    #[inline]
    pub fn from_nanos(nanoseconds: f64) -> SimTime {
        // `as` saturates and sends NaN to 0. To i64, as machines have no such instruction for u64.
        SimTime(((nanoseconds + 0.5) as i64).clamp(0, SimTime::LONGEST.0 as i64) as u64)
    }

    pub const fn from_millis(millis: u64) -> SimTime {
        SimTime(millis * 1_000_000)
    }

    /// In seconds.
    pub fn as_secs(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// For people, to a tenth: `8h`, `59.7min`, `1.5s`.
    pub fn rounded(self) -> String {
        let (unit, seconds) = match self.as_secs() {
            s if s >= 2.0 * 86_400.0 => ("d", 86_400.0),
            s if s >= 3600.0 => ("h", 3600.0),
            s if s >= 60.0 => ("min", 60.0),
            _ => ("s", 1.0),
        };
        format!("{}{unit}", (self.as_secs() / seconds * 10.0).round() / 10.0)
    }

    /// Zero where `other` is later.
    pub fn saturating_sub(self, other: SimTime) -> SimTime {
        SimTime(self.0.saturating_sub(other.0))
    }
}

impl Add for SimTime {
    type Output = SimTime;
    fn add(self, other: SimTime) -> SimTime {
        SimTime(self.0.saturating_add(other.0))
    }
}

impl AddAssign for SimTime {
    fn add_assign(&mut self, other: SimTime) {
        *self = *self + other;
    }
}

impl Sub for SimTime {
    type Output = SimTime;
    fn sub(self, other: SimTime) -> SimTime {
        debug_assert!(self >= other, "time never goes back");
        self.saturating_sub(other)
    }
}

impl Mul<f64> for SimTime {
    type Output = SimTime;
    fn mul(self, factor: f64) -> SimTime {
        SimTime::from_secs(self.as_secs() * factor)
    }
}

/// A sum of durations: exact, so it does not depend on the order of adding, and too large to overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TimeSum(pub u128);

impl TimeSum {
    /// The same duration so many times.
    pub fn times(time: SimTime, count: u64) -> TimeSum {
        TimeSum(u128::from(time.0) * u128::from(count))
    }

    /// In seconds.
    pub fn as_secs(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl From<SimTime> for TimeSum {
    fn from(time: SimTime) -> TimeSum {
        TimeSum(u128::from(time.0))
    }
}

impl AddAssign<SimTime> for TimeSum {
    #[inline(always)]
    fn add_assign(&mut self, time: SimTime) {
        self.0 += u128::from(time.0);
    }
}

impl AddAssign for TimeSum {
    fn add_assign(&mut self, other: TimeSum) {
        self.0 += other.0;
    }
}

impl Sum for SimTime {
    fn sum<I: Iterator<Item = SimTime>>(iter: I) -> SimTime {
        iter.fold(SimTime::ZERO, Add::add)
    }
}

/// Units of time, longest first, in nanoseconds.
const TIME_UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl FromStr for SimTime {
    type Err = UnitError;

    /// `"150ms"`, `"1.5 h"`, `"2min"` (also `m`), `"0s"`.
    fn from_str(text: &str) -> Result<SimTime, UnitError> {
        let wrong = |why: &str| UnitError(format!("`{text}` is not a time: {why}, as in \"150ms\", \"2s\", \"5min\" or \"8h\""));
        let (number, unit) = split_unit(text).ok_or_else(|| wrong("it needs a number and a unit"))?;
        let unit = match unit {
            "m" => "min",
            "µs" | "μs" => "us",
            other => other,
        };
        let (_, nanoseconds) =
            TIME_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| wrong(&needs_unit(unit, "d, h, min, s, ms, us, ns")))?;
        let value = number * *nanoseconds as f64;
        if !value.is_finite() || value < 0.0 {
            return Err(wrong("it has to be zero or more"));
        }
        if value > SimTime::LONGEST.0 as f64 {
            return Err(wrong("it is longer than 100 years"));
        }
        Ok(SimTime(value.round() as u64))
    }
}

impl fmt::Display for SimTime {
    /// The longest unit that writes it as a whole number, so that text and value agree exactly: `1500ms`, `2min`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let (unit, size) = TIME_UNITS.iter().find(|(_, size)| self.0.is_multiple_of(*size)).expect("one ns divides every time");
        write!(f, "{}{unit}", self.0 / size)
    }
}

/// A probability or a share, from 0 to 1. Checked when made, trusted afterwards.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Probability(f64);

impl Probability {
    pub const NEVER: Probability = Probability(0.0);
    pub const ALWAYS: Probability = Probability(1.0);

    pub fn new(value: f64) -> Option<Probability> {
        (0.0..=1.0).contains(&value).then_some(Probability(value))
    }

    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Probability {
    type Err = UnitError;

    /// `"90%"` or `"0.9"`.
    fn from_str(text: &str) -> Result<Probability, UnitError> {
        let wrong = || UnitError(format!("`{text}` is not a share: it has to be from 0 to 1, as in 0.05 or \"5%\""));
        let value = match text.trim().strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().map_err(|_| wrong())? / 100.0,
            None => text.trim().parse::<f64>().map_err(|_| wrong())?,
        };
        Probability::new(value).ok_or_else(wrong)
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// An amount of memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub u64);

const BYTE_UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl FromStr for Bytes {
    type Err = UnitError;

    /// `"90MiB"`, `"1.5 GiB"`, `"100MB"`.
    fn from_str(text: &str) -> Result<Bytes, UnitError> {
        let wrong = |why: &str| UnitError(format!("`{text}` is not an amount of memory: {why}, as in \"90MiB\" or \"8GiB\""));
        let (number, unit) = split_unit(text).ok_or_else(|| wrong("it needs a number and a unit"))?;
        let (_, size) = BYTE_UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| wrong(&needs_unit(unit, "B, kB, KiB, MB, MiB, GB, GiB, TiB")))?;
        let value = number * *size as f64;
        if !(0.0..=(1u64 << 53) as f64).contains(&value) {
            return Err(wrong("it has to be from 0 to 8 PiB"));
        }
        Ok(Bytes(value.round() as u64))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (unit, size) = BYTE_UNITS.iter().find(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size)).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

/// How often something happens, in events per second. Zero or more, finite.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Rate {
    count: f64,
    /// As it was written, so that "20/h" is printed as "20/h".
    per: Per,
}

#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
enum Per {
    #[default]
    Second,
    Minute,
    Hour,
    Day,
}

impl Per {
    fn seconds(self) -> f64 {
        match self {
            Per::Second => 1.0,
            Per::Minute => 60.0,
            Per::Hour => 3600.0,
            Per::Day => 86_400.0,
        }
    }
}

impl Rate {
    /// `count` an hour; what is negative or not finite becomes zero.
    pub fn per_hour(count: f64) -> Rate {
        let count = if count.is_finite() { count.max(0.0) } else { 0.0 };
        Rate { count, per: Per::Hour }
    }

    pub fn per_second(self) -> f64 {
        self.count / self.per.seconds()
    }

    /// The same unit, `factor` times as often.
    pub fn scaled(self, factor: f64) -> Rate {
        Rate { count: self.count * factor, ..self }
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    /// `"20/h"`, `"0.5/s"`, `"100/min"`, `"3/d"`.
    fn from_str(text: &str) -> Result<Rate, UnitError> {
        let wrong = || UnitError(format!("`{text}` is not a rate: write a number per s, min, h or d, as in \"20/h\" or \"0.5/s\""));
        let (count, per) = text.split_once('/').ok_or_else(wrong)?;
        let count: f64 = count.trim().parse().map_err(|_| wrong())?;
        let per = match per.trim() {
            "s" => Per::Second,
            "min" | "m" => Per::Minute,
            "h" => Per::Hour,
            "d" => Per::Day,
            _ => return Err(wrong()),
        };
        if !(0.0..=1e12).contains(&count) {
            return Err(wrong());
        }
        Ok(Rate { count, per })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let per = match self.per {
            Per::Second => "s",
            Per::Minute => "min",
            Per::Hour => "h",
            Per::Day => "d",
        };
        write!(f, "{}/{per}", self.count)
    }
}

/// `"1.5 GiB"` to `(1.5, "GiB")`; nothing where there is no number in front.
pub(crate) fn split_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == '+')).unwrap_or(text.len());
    let number = text[..end].parse::<f64>().ok()?;
    Some((number, text[end..].trim()))
}

/// Why what stands after the number is no unit.
fn needs_unit(found: &str, units: &str) -> String {
    let is_exponent = found.starts_with(['e', 'E']) && found[1..].starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
    if is_exponent { "numbers are written without an exponent".to_owned() } else { format!("it needs a unit ({units})") }
}

/// Written as text with its unit (`"150ms"`), read from the same.
macro_rules! serde_as_text {
    ($($quantity:ty),*) => {$(
        impl serde::Serialize for $quantity {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
serde_as_text!(SimTime, Bytes, Rate);

impl serde::Serialize for Probability {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_read_with_their_unit() {
        let check = |text: &str, nanoseconds| assert_eq!(text.parse(), Ok(SimTime(nanoseconds)), "{text}");
        check("150ms", 150_000_000);
        check("1.5 h", 5_400_000_000_000);
        check("2m", 120_000_000_000);
        check("0s", 0);
        for wrong in ["150", "ms", "-1s", "1 fortnight", "", "1e300h", "nan s", "200000d"] {
            assert!(wrong.parse::<SimTime>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_rates_and_amounts_are_read() {
        assert_eq!("90%".parse(), Ok(Probability(0.9)));
        assert!("101%".parse::<Probability>().is_err());
        assert!("NaN".parse::<Probability>().is_err());
        assert_eq!("7200/h".parse::<Rate>().map(Rate::per_second), Ok(2.0));
        assert!("20".parse::<Rate>().is_err());
        assert_eq!("90MiB".parse(), Ok(Bytes(90 << 20)));
        assert!("90".parse::<Bytes>().is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(time in 0..SimTime::LONGEST.0, bytes in 0..(1u64 << 53), share in 0.0..=1.0f64, count in 0.0..1e6f64) {
            prop_assert!(SimTime(time).to_string().parse::<SimTime>().unwrap().0.abs_diff(time) <= time >> 52);
            prop_assert_eq!(Bytes(bytes).to_string().parse::<Bytes>().unwrap(), Bytes(bytes));
            prop_assert_eq!(Probability(share).to_string().parse::<Probability>().unwrap(), Probability(share));
            prop_assert_eq!(Rate::per_hour(count).to_string().parse::<Rate>().unwrap(), Rate::per_hour(count));
        }

        #[test]
        fn no_text_panics(text in ".{0,20}") {
            let _ = (text.parse::<SimTime>(), text.parse::<Bytes>(), text.parse::<Rate>(), text.parse::<Probability>());
        }
    }
}
