//! How well a likelihood determines its parameters: the observed information.

use super::law::{Chart, Law, Parameter, ln_likelihood};
use super::sample::Sample;

/// The normal's 97.5 % quantile.
const Z: f64 = 1.959_963_984_540_054;

pub type Interval = Option<(f64, f64)>;

/// 95 % intervals of the parameters, and of the mean.
///
/// The likelihood's second differences over the parameters' coordinates, inverted, are the coordinates' variances (Efron & Hinkley 1978,
/// Biometrika 65); intervals are symmetric there and turned back, the mean's by the delta method for its logarithm. None where the
/// likelihood has no peak to measure: a parameter on its bound, parts of a mixture that cannot be told apart.
pub fn intervals(law: &dyn Law, sample: &Sample) -> (Vec<Interval>, Interval) {
    let parameters = law.parameters();
    let free: Vec<(usize, f64)> = parameters.iter().enumerate().filter_map(|(i, p)| Some((i, p.step()?))).collect();
    let moved = |by: &[f64]| {
        let mut values: Vec<f64> = parameters.iter().map(|p| p.value).collect();
        for ((i, _), by) in free.iter().zip(by) {
            values[*i] = parameters[*i].at(parameters[*i].coordinate() + by);
        }
        law.with(&values)
    };
    let k = free.len();
    let at = |steps: &[(usize, f64)]| {
        let mut by = vec![0.0; k];
        steps.iter().for_each(|(i, times)| by[*i] += times * free[*i].1);
        moved(&by)
    };
    let height = |steps: &[(usize, f64)]| ln_likelihood(&*at(steps), sample);
    let top = height(&[]);
    let mut information = vec![vec![0.0; k]; k];
    for i in 0..k {
        information[i][i] = (2.0 * top - height(&[(i, 1.0)]) - height(&[(i, -1.0)])) / free[i].1.powi(2);
        for j in 0..i {
            let crossed = height(&[(i, 1.0), (j, 1.0)]) + height(&[(i, -1.0), (j, -1.0)])
                - height(&[(i, 1.0), (j, -1.0)])
                - height(&[(i, -1.0), (j, 1.0)]);
            information[i][j] = -crossed / (4.0 * free[i].1 * free[j].1);
            information[j][i] = information[i][j];
        }
    }
    let known = |p: &Parameter| match p.chart {
        Chart::Known { interval } => interval,
        _ => None,
    };
    let mut found: Vec<Interval> = parameters.iter().map(known).collect();
    let Some(covariance) = inverse(&information) else { return (found, None) };
    for (at, (i, _)) in free.iter().enumerate() {
        let parameter = &parameters[*i];
        let half = Z * covariance[at][at].sqrt();
        let (a, b) = (parameter.at(parameter.coordinate() - half), parameter.at(parameter.coordinate() + half));
        found[*i] = Some((a.min(b).max(0.0), a.max(b))).filter(|(a, b)| a.is_finite() && b.is_finite());
    }
    let gradient: Vec<f64> = (0..k).map(|i| (at(&[(i, 1.0)]).mean().ln() - at(&[(i, -1.0)]).mean().ln()) / (2.0 * free[i].1)).collect();
    let variance: f64 = (0..k).flat_map(|i| (0..k).map(move |j| (i, j))).map(|(i, j)| gradient[i] * covariance[i][j] * gradient[j]).sum();
    let half = Z * variance.sqrt();
    let mean = law.mean();
    (found, Some((mean * (-half).exp(), mean * half.exp())).filter(|(a, b)| a.is_finite() && b.is_finite()))
}

/// Of a symmetric matrix, by Cholesky's decomposition; none where it is not positive definite.
fn inverse(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let k = matrix.len();
    let mut lower = vec![vec![0.0; k]; k];
    for i in 0..k {
        for j in 0..=i {
            let rest = matrix[i][j] - (0..j).map(|l| lower[i][l] * lower[j][l]).sum::<f64>();
            lower[i][j] = if i == j { Some(rest).filter(|r| *r > 0.0 && r.is_finite())?.sqrt() } else { rest / lower[j][j] };
        }
    }
    let column = |unit: usize| {
        let mut x = vec![0.0; k];
        for i in 0..k {
            let right = if i == unit { 1.0 } else { 0.0 };
            x[i] = (right - (0..i).map(|l| lower[i][l] * x[l]).sum::<f64>()) / lower[i][i];
        }
        for i in (0..k).rev() {
            x[i] = (x[i] - (i + 1..k).map(|l| lower[l][i] * x[l]).sum::<f64>()) / lower[i][i];
        }
        x
    };
    Some((0..k).map(column).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_is_one() {
        let inverse = inverse(&[vec![4.0, 2.0], vec![2.0, 3.0]]).unwrap();
        for (found, known) in inverse.concat().iter().zip([0.375, -0.25, -0.25, 0.5]) {
            assert!((found - known).abs() < 1e-15);
        }
        assert_eq!(super::inverse(&[vec![1.0, 2.0], vec![2.0, 1.0]]), None, "not positive definite");
    }
}
