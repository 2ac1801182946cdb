//! Chance that comes out the same each time: a draw depends on nothing but its seed and what is drawn for.

use sha2::{Digest as _, Sha256};

/// A number of at least 0 and less than 1, for the `number`th draw of `what`.
pub(crate) fn draw(seed: u64, what: &str, number: u64) -> f64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(number.to_le_bytes());
    hash.update(what);
    // As many bits as the number has places for.
    let bits = hash.finalize().iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_spread_evenly_and_come_out_the_same() {
        let drawn: Vec<f64> = (0..1000).map(|number| draw(7, "x", number)).collect();
        let low = drawn.iter().filter(|it| **it < 0.25).count();
        assert!((200..300).contains(&low), "{low} of 1000 in the first quarter");
        assert!(drawn.iter().all(|it| (0.0..1.0).contains(it)));
        assert_eq!(draw(7, "x", 5), drawn[5]);
        assert!(draw(8, "x", 5) != drawn[5] && draw(7, "y", 5) != drawn[5]);
    }
}
