//! Generators keyed by what they decide. A draw depends on (seed, replication, purpose, name, call, attempt) and on nothing
//! else, so every strategy meets the same calls, luck and outages, and adding a server reshuffles nothing.

use std::convert::Infallible;

use rand::RngExt;
use rand::rand_core::{TryRng, utils};
use rand_distr::Exp1;

/// SplitMix64 (Steele, Lea & Flood 2014): a counter and a mixing function. Named, portable, and there is nothing to set up, so every key
/// has one of its own.
#[derive(Debug, Clone)]
pub struct Generator(u64);

/// The counter's step: 2^64 / golden ratio, odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Generator {
    /// Another part of the same sequence, 2^20 draws further for each `part`: what is drawn there does not depend on how much is drawn
    /// here.
    #[inline(always)]
    pub fn part(&self, part: u64) -> Generator {
        Generator(self.0.wrapping_add(STEP.wrapping_mul(part << 20)))
    }

    #[inline(always)]
    fn next(&mut self) -> u64 {
        let value = mix(self.0);
        self.0 = self.0.wrapping_add(STEP);
        value
    }

    /// Exponential with mean 1. One function for all, and the generator handed over as the number it is: so it stays in a register.
    #[inline(never)]
    pub fn exponential(mut self) -> f64 {
        self.sample(Exp1)
    }

    /// Uniform in [0, 1): the upper 53 bits, as in rand's StandardUniform.
    #[inline(always)]
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }
}

impl TryRng for Generator {
    type Error = Infallible;

    #[inline(always)]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next() >> 32) as u32)
    }

    #[inline(always)]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u64())
    }
}

/// What a generator is keyed by; built by mixing in one part after the other. Order matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u64);

impl Key {
    pub const fn new(seed: u64) -> Key {
        Key(mix(seed ^ 0x6d63_706c_6162_0001))
    }

    /// This key and a number: a replication, a call, an attempt.
    #[must_use]
    pub const fn with(self, part: u64) -> Key {
        Key(mix(self.0.rotate_left(17) ^ mix(part)))
    }

    /// This key and a name: of an agent, a server, a purpose.
    #[must_use]
    pub fn named(self, name: &str) -> Key {
        self.with(name_hash(name))
    }

    /// The same as [`Key::with`], cheaper, for numbers that count up from a key: the keys of an agent's tasks, of a task's calls.
    #[inline(always)]
    #[must_use]
    pub const fn at(self, number: u64) -> Key {
        Key(mix(self.0.wrapping_add(STEP.wrapping_mul(number))))
    }

    /// This key for one of several purposes. A salt is a key itself, made once: of a purpose, or of a purpose and a server. Both are well
    /// mixed, and what is drawn is mixed again.
    #[inline(always)]
    #[must_use]
    pub const fn salted(self, salt: Key) -> Key {
        Key(self.0 ^ salt.0)
    }

    #[inline(always)]
    pub fn generator(self) -> Generator {
        Generator(self.0)
    }

    /// One uniform draw from [0, 1), for a single decision.
    #[inline(always)]
    pub fn uniform(self) -> f64 {
        self.generator().uniform()
    }

    /// For telling one call from another.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// FNV-1a of the name: stable over versions and machines, unlike std's hashers.
pub fn name_hash(name: &str) -> u64 {
    bytes_hash(name.as_bytes())
}

/// The same of any bytes.
pub fn bytes_hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// SplitMix64's finaliser (Steele, Lea & Flood 2014).
#[inline(always)]
const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_every_part_and_its_place() {
        let key = Key::new(1);
        let keys = [key.with(1).with(2), key.with(2).with(1), key.with(1), key.named("a"), key.named("b"), Key::new(2).with(1)];
        for (i, a) in keys.iter().enumerate() {
            for b in &keys[i + 1..] {
                assert_ne!(a, b);
            }
        }
        assert_eq!(key.named("serena").with(3), Key::new(1).named("serena").with(3));
    }

    #[test]
    fn uniform_draws_are_uniform() {
        let count = 100_000;
        let mean = (0..count).map(|i| Key::new(7).with(i).uniform()).sum::<f64>() / count as f64;
        // Standard deviation of the mean: sqrt(1/12/100000) = 0.0009.
        assert!((mean - 0.5).abs() < 0.004, "{mean}");
    }
}
