//! When a call was made, in whatever way a log says it.

/// A value as a format hands it over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    Absent,
    Number(f64),
    Text(&'a str),
    /// Nanoseconds of the Unix epoch, of a column that states its unit.
    Instant(i128),
    Truth(bool),
    /// A list, a table.
    Other,
}

/// How the times of a log are read. The first usable one decides for all: a log does not change its clock half-way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Of any epoch: numbers up to 1e11, the year 5138 of the Unix epoch.
    Seconds,
    /// Above 1e11.
    Milliseconds,
    /// Above 1e14.
    Microseconds,
    /// Above 1e17.
    Nanoseconds,
    /// Text.
    Rfc3339,
    /// A Parquet column that states its unit.
    Timestamps,
}

impl Reading {
    pub fn title(self) -> &'static str {
        match self {
            Reading::Seconds => "seconds",
            Reading::Milliseconds => "milliseconds of the Unix epoch (numbers above 1e11)",
            Reading::Microseconds => "microseconds of the Unix epoch (numbers above 1e14)",
            Reading::Nanoseconds => "nanoseconds of the Unix epoch (numbers above 1e17)",
            Reading::Rfc3339 => "RFC 3339",
            Reading::Timestamps => "timestamps",
        }
    }

    fn of_number(number: f64) -> Reading {
        match number.abs() {
            n if n > 1e17 => Reading::Nanoseconds,
            n if n > 1e14 => Reading::Microseconds,
            n if n > 1e11 => Reading::Milliseconds,
            _ => Reading::Seconds,
        }
    }

    /// Nanoseconds in one unit; none where times are no numbers.
    fn unit(self) -> Option<i128> {
        match self {
            Reading::Seconds => Some(1_000_000_000),
            Reading::Milliseconds => Some(1_000_000),
            Reading::Microseconds => Some(1_000),
            Reading::Nanoseconds => Some(1),
            Reading::Rfc3339 | Reading::Timestamps => None,
        }
    }
}

/// Why a time is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// No time at all, or not one of the log's kind.
    Bad,
    /// More than a year from the first.
    Far,
}

/// No log that anybody replays is longer.
const FARTHEST: i128 = 366 * 86_400 * 1_000_000_000;

/// Turns times into nanoseconds, of their epoch or from the log's first one.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    start: Option<(Reading, i128)>,
}

impl Clock {
    pub fn reading(&self) -> Option<Reading> {
        self.start.map(|(reading, _)| reading)
    }

    /// Nanoseconds since the first time that was asked for; negative where this one is earlier.
    pub fn since_first(&mut self, time: Scalar) -> Result<i64, Wrong> {
        let (reading, instant) = self.read(time).ok_or(Wrong::Bad)?;
        let (_, first) = *self.start.get_or_insert((reading, instant));
        let since = instant - first;
        if since.abs() > FARTHEST { Err(Wrong::Far) } else { i64::try_from(since).map_err(|_| Wrong::Far) }
    }

    /// Nanoseconds of the epoch that the times are of.
    pub fn instant(&mut self, time: Scalar) -> Result<i64, Wrong> {
        self.since_first(time)?;
        let (_, instant) = self.read(time).ok_or(Wrong::Bad)?;
        i64::try_from(instant).map_err(|_| Wrong::Far)
    }

    fn read(&self, time: Scalar) -> Option<(Reading, i128)> {
        let reading = self.reading();
        match time {
            Scalar::Text(text) => match number(text) {
                Some(number) => self.read(Scalar::Number(number)),
                None => Some((Reading::Rfc3339, rfc3339(text)?)).filter(|_| reading.is_none_or(|r| r == Reading::Rfc3339)),
            },
            Scalar::Number(number) if number.is_finite() => {
                let reading = reading.unwrap_or_else(|| Reading::of_number(number));
                let unit = reading.unit()?;
                // Apart, they lose nothing. `as` saturates: what is absurd ends far from the first.
                let (whole, rest) = (number.trunc() as i64, number.fract() * unit as f64);
                Some((reading, i128::from(whole) * unit + rest.round() as i128))
            }
            Scalar::Instant(nanoseconds) => Some((Reading::Timestamps, nanoseconds)),
            _ => None,
        }
    }
}

/// A number as text, and nothing that only Rust takes for one.
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
    text.parse().ok().filter(|_| text.bytes().all(plain))
}

/// `2026-03-01T08:00:00.250+09:00` in nanoseconds of the Unix epoch. A space may stand for the `T`, and without an offset it is UTC:
/// many logs write so.
pub fn rfc3339(text: &str) -> Option<i128> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let days = days(date)?;
    let (time, rest) = rest.split_at_checked(8)?;
    let [hour, minute, second] = parts(time, b':', [2, 2, 2])?;
    // A leap second is the first of the next minute.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, rest) = fraction(rest)?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - utc_offset(rest)?;
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(fraction))
}

/// `.25` and what follows, in nanoseconds; what is finer is dropped.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(digits) = text.strip_prefix(['.', ',']) else { return Some((0, text)) };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if digits.is_empty() {
        return None;
    }
    let digit = |place: usize| digits.as_bytes().get(place).map_or(0, |digit| i64::from(*digit - b'0'));
    Some(((0..9).fold(0, |value, place| 10 * value + digit(place)), rest))
}

/// `Z`, `+09:00`, `-0330` or nothing, in seconds.
pub fn utc_offset(text: &str) -> Option<i64> {
    if matches!(text, "" | "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let [hours, minutes] = match rest.len() {
        4 => parts(&format!("{}:{}", rest.get(..2)?, rest.get(2..)?), b':', [2, 2])?,
        _ => parts(rest, b':', [2, 2])?,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Days of the Unix epoch of a date in the Gregorian calendar.
fn days(date: &str) -> Option<i64> {
    let [year, month, day] = parts(date, b'-', [4, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    // Years begin in March here: the leap day is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    Some(era * 146_097 + year * 365 + year / 4 - year / 100 + of_year - 719_468)
}

/// Seconds of the Unix epoch as `2026-03-01 08:00:00 UTC`: what [`rfc3339`] reads, for people.
pub fn utc(seconds: i64) -> String {
    // As in `days`, years begin in March.
    let days = seconds.div_euclid(86_400) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    let of_day = seconds.rem_euclid(86_400);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// Numbers of exactly so many digits.
fn parts<const N: usize>(text: &str, separator: u8, digits: [usize; N]) -> Option<[i64; N]> {
    let (mut bytes, mut values) = (text.bytes(), [0; N]);
    for (number, (value, digits)) in values.iter_mut().zip(digits).enumerate() {
        if number > 0 && bytes.next() != Some(separator) {
            return None;
        }
        for _ in 0..digits {
            let digit = bytes.next().filter(u8::is_ascii_digit)?;
            *value = 10 * *value + i64::from(digit - b'0');
        }
    }
    bytes.next().is_none().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_of_rfc_3339() {
        let check = |text: &str, seconds: i128, nanoseconds: i128| {
            assert_eq!(rfc3339(text), Some(seconds * 1_000_000_000 + nanoseconds), "{text}");
        };
        check("1970-01-01T00:00:00Z", 0, 0);
        check("1969-12-31T23:59:59.5z", -1, 500_000_000);
        check("2000-02-29T12:00:00+09:00", 951_793_200, 0);
        check("2024-03-01 00:00:00", 1_709_251_200, 0);
        check("2026-11-24T16:50:36.123456789123-0330", 1_795_551_636, 123_456_789);
        check("2016-12-31T23:59:60Z", 1_483_228_800, 0);
        check("0000-03-01T00:00:00Z", -62_162_035_200, 0);
        for wrong in ["", "2026", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00.Z"] {
            assert_eq!(rfc3339(wrong), None, "{wrong}");
        }
        for wrong in ["2026-01-01T00:00:00+9", "2026-01-01T00:00:00+99:00", "+026-01-01T00:00:00Z", "2026-01-01Q00:00:00Z", "오전 여덟시"]
        {
            assert_eq!(rfc3339(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for seconds in (-62_162_035_200..253_402_300_800_i64).step_by(99_999_989).chain([951_782_399, 951_782_400, 951_868_800]) {
            let text = utc(seconds);
            assert_eq!(rfc3339(text.trim_end_matches(" UTC")), Some(i128::from(seconds) * 1_000_000_000), "{text}");
        }
        assert_eq!(utc(1_795_551_636), "2026-11-24 20:20:36 UTC");
    }

    #[test]
    fn the_first_time_decides_how_all_are_read() {
        let since = |times: &[Scalar]| {
            let mut clock = Clock::default();
            let since: Vec<_> = times.iter().map(|t| clock.since_first(*t)).collect();
            (clock.reading(), since)
        };
        let check = |times: [f64; 2], reading, nanoseconds| {
            assert_eq!(since(&times.map(Scalar::Number)), (Some(reading), vec![Ok(0), Ok(nanoseconds)]), "{times:?}");
        };
        check([5.0, 6.5], Reading::Seconds, 1_500_000_000);
        check([-5.0, -6.0], Reading::Seconds, -1_000_000_000);
        check([1.7e9, 1.7e9 + 60.0], Reading::Seconds, 60_000_000_000);
        check([1.7e12, 1.7e12 + 1.0], Reading::Milliseconds, 1_000_000);
        check([1.7e15, 1.7e15 + 1.0], Reading::Microseconds, 1_000);
        check([1.7e18, 1.7e18 + 1024.0], Reading::Nanoseconds, 1_024);
        let mixed =
            [Scalar::Text("1e3"), Scalar::Text("2026-01-01T00:00:00Z"), Scalar::Number(f64::NAN), Scalar::Other, Scalar::Number(1e300)];
        assert_eq!(since(&mixed).1, [Ok(0), Err(Wrong::Bad), Err(Wrong::Bad), Err(Wrong::Bad), Err(Wrong::Far)]);
        let texts = [Scalar::Text("2026-01-01T00:00:00Z"), Scalar::Text("2026-01-01T01:00:00.001+01:00"), Scalar::Number(3.0)];
        assert_eq!(since(&texts), (Some(Reading::Rfc3339), vec![Ok(0), Ok(1_000_000), Err(Wrong::Bad)]));
        for wrong in ["inf", "NaN", "infinity", "0x10", "1_000", "", "--1"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }
}
