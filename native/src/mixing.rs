//! Spreading bits in a few instructions: for hash tables and choices by chance. No cryptography.

/// 2^64 over the golden ratio: its multiples spread numbers in a row evenly.
pub const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The generator SplitMix64: the same numbers for the same seed.
#[derive(Debug, Clone)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    pub fn new(seed: u64) -> SplitMix64 {
        SplitMix64(seed)
    }

    #[inline]
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// 64 by 64 to 128 bits, folded: one multiplication spreads every bit over the whole word. 0 when either is 0.
#[inline(always)]
pub fn folded_product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        let mut random = SplitMix64::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.draw()).collect();
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn both_halves_of_a_product_count() {
        assert_eq!(folded_product(1 << 63, 2), 1);
        assert_eq!(folded_product(u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(folded_product(3, 5), 15);
    }
}
