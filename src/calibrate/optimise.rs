//! Roots and maxima of functions of one or two variables, without derivatives. All end after a fixed number of steps at most.

/// A root of a function that rises from `low` to `high`; the nearer end where it has none. Bisection with the false position of
/// Illinois (Dowell & Jarratt 1971) in between: never slower than twice bisection alone.
pub fn root(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let (mut at_low, mut at_high) = (f(low), f(high));
    if at_low >= 0.0 {
        return low;
    }
    if at_high <= 0.0 {
        return high;
    }
    for step in 0..200 {
        let middle = low + (high - low) / 2.0;
        let secant = high - at_high * (high - low) / (at_high - at_low);
        let x = if step % 2 == 0 && secant > low && secant < high { secant } else { middle };
        let y = f(x);
        // A value that is no number counts as too large: it ends a bracket all the same.
        if y < 0.0 {
            (low, at_low) = (x, y);
            at_high /= 2.0;
        } else {
            (high, at_high) = (x, y);
            at_low /= 2.0;
        }
        if y == 0.0 || high - low <= 1e-14 * (1.0 + low.abs().max(high.abs())) {
            return x;
        }
    }
    low + (high - low) / 2.0
}

/// Where a maximum was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Peak {
    Inside(f64),
    /// At an end of the range: it may go on rising beyond.
    Low,
    High,
}

/// The highest of `points` places, equally far apart, then golden section (Kiefer 1953) between its neighbours.
pub fn peak(f: impl Fn(f64) -> f64, low: f64, high: f64, points: usize) -> Peak {
    let gap = (high - low) / (points - 1) as f64;
    let (mut best, mut at_best) = (0, f64::NEG_INFINITY);
    for i in 0..points {
        let y = f(low + gap * i as f64);
        if y > at_best {
            (best, at_best) = (i, y);
        }
    }
    let (mut a, mut b) = (low + gap * best.saturating_sub(1) as f64, low + gap * (best + 1).min(points - 1) as f64);
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut c, mut d) = (b - ratio * (b - a), a + ratio * (b - a));
    let (mut at_c, mut at_d) = (f(c), f(d));
    for _ in 0..60 {
        if b - a <= 1e-7 {
            break;
        }
        if at_c >= at_d {
            (b, d, at_d) = (d, c, at_c);
            c = b - ratio * (b - a);
            at_c = f(c);
        } else {
            (a, c, at_c) = (c, d, at_d);
            d = a + ratio * (b - a);
            at_d = f(d);
        }
    }
    match a + (b - a) / 2.0 {
        x if best == 0 && x - low < 1e-6 * (1.0 + gap) => Peak::Low,
        x if best == points - 1 && high - x < 1e-6 * (1.0 + gap) => Peak::High,
        x => Peak::Inside(x),
    }
}

/// The highest point near `start`, by the simplex of Nelder & Mead (1965).
pub fn summit(f: impl Fn([f64; 2]) -> f64, start: [f64; 2], size: f64) -> [f64; 2] {
    // Downhill, as in the paper; what is no number is never chosen.
    let height = |p: [f64; 2]| Some(-f(p)).filter(|y| !y.is_nan()).unwrap_or(f64::INFINITY);
    let corner = |p: [f64; 2]| (p, height(p));
    let mut simplex = [corner(start), corner([start[0] + size, start[1]]), corner([start[0], start[1] + size])];
    for _ in 0..400 {
        simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
        let [best, middle, worst] = simplex;
        let width = (0..2).map(|i| (worst.0[i] - best.0[i]).abs().max((middle.0[i] - best.0[i]).abs())).fold(0.0, f64::max);
        if width < 1e-9 {
            break;
        }
        let centre = [0, 1].map(|i| (best.0[i] + middle.0[i]) / 2.0);
        let towards = |factor: f64| corner([0, 1].map(|i| centre[i] + factor * (centre[i] - worst.0[i])));
        let reflected = towards(1.0);
        let replaced = if reflected.1 < best.1 {
            let expanded = towards(2.0);
            Some(if expanded.1 < reflected.1 { expanded } else { reflected })
        } else if reflected.1 < middle.1 {
            Some(reflected)
        } else {
            let contracted = if reflected.1 < worst.1 { towards(0.5) } else { towards(-0.5) };
            (contracted.1 < worst.1.min(reflected.1)).then_some(contracted)
        };
        match replaced {
            Some(corner) => simplex[2] = corner,
            None => {
                for far in &mut simplex[1..] {
                    *far = corner([0, 1].map(|j| (far.0[j] + best.0[j]) / 2.0));
                }
            }
        }
    }
    simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
    simplex[0].0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_summits_are_found() {
        assert!((root(|x| x.exp() - 2.0, -30.0, 30.0) - 2f64.ln()).abs() < 1e-12);
        assert_eq!(root(|x| x, 1.0, 2.0), 1.0);
        assert_eq!(root(|x| x - 3.0, 1.0, 2.0), 2.0);
        let Peak::Inside(x) = peak(|x| -(x - 0.3f64).powi(2), -1.0, 1.0, 9) else { panic!("inside") };
        assert!((x - 0.3).abs() < 1e-6);
        assert_eq!(peak(|x| x, 0.0, 1.0, 9), Peak::High);
        assert_eq!(peak(|x| -x, 0.0, 1.0, 9), Peak::Low);
        let [x, y] = summit(|[x, y]| -(x - 1.0).powi(2) - 100.0 * (y - x * x).powi(2), [-1.0, 1.0], 0.5);
        assert!((x - 1.0).abs() < 1e-4 && (y - 1.0).abs() < 1e-4, "Rosenbrock's valley: {x} {y}");
    }

    #[test]
    fn nothing_hangs_on_what_is_no_number() {
        let _ = root(|_| f64::NAN, 0.0, 1.0);
        let _ = root(|x| if x < 0.5 { -1.0 } else { f64::NAN }, 0.0, 1.0);
        let _ = peak(|_| f64::NAN, 0.0, 1.0, 9);
        let _ = summit(|_| f64::NAN, [0.0, 0.0], 1.0);
    }
}
