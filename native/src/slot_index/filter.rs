//! Bloom filters in blocks of 64 octets, of which a question reads one for each number that it looks for: 480 bits, then
//! a checksum that also tells which filter the block is of and where in it.

use super::UNIT;
use crate::mixing::GOLDEN;
use twox_hash::XxHash64;

/// Octets of bits in a block.
const BITS_BYTES: usize = UNIT - 4;
const BITS: u64 = BITS_BYTES as u64 * 8;
/// Keys a block: with these and so many bits a key fewer than one answer in a hundred is a false "perhaps".
const KEYS: usize = 44;
const BITS_A_KEY: usize = 7;

/// Half of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Low,
    High,
}

pub fn key(half: Half, value: u64) -> u64 {
    XxHash64::oneshot(half as u64, &value.to_le_bytes())
}

pub fn blocks_for(keys: usize) -> usize {
    keys.div_ceil(KEYS)
}

/// Which of `blocks` has a key.
pub fn block_of(key: u64, blocks: u32) -> u32 {
    (((key >> 32) * u64::from(blocks)) >> 32) as u32
}

/// Places of a key's bits in its block.
fn places(key: u64) -> impl Iterator<Item = usize> {
    let bits = key.wrapping_mul(GOLDEN);
    (0..BITS_A_KEY).map(move |number| ((((bits >> (9 * number)) & 511) * BITS) >> 9) as usize)
}

fn checksum(bits: &[u8], seed: u64, number: u32) -> [u8; 4] {
    let hash = XxHash64::oneshot(seed.wrapping_add(u64::from(number)), bits);
    (hash as u32).to_le_bytes()
}

/// The blocks of a filter of distinct keys. `seed` is of the filter alone.
pub fn build(keys: &[u64], seed: u64) -> Vec<u8> {
    let blocks = blocks_for(keys.len());
    let mut filter = vec![0; blocks * UNIT];
    for &key in keys {
        let block = block_of(key, blocks as u32) as usize * UNIT;
        for place in places(key) {
            filter[block + place / 8] |= 1 << (place % 8);
        }
    }
    for (number, block) in filter.chunks_exact_mut(UNIT).enumerate() {
        let (bits, sum) = block.split_at_mut(BITS_BYTES);
        sum.copy_from_slice(&checksum(bits, seed, number as u32));
    }
    filter
}

/// Whether a block, the one of the key, says that the filter does not have it. A damaged block says nothing.
pub fn lacks(block: &[u8; UNIT], key: u64, seed: u64, number: u32) -> bool {
    let (bits, sum) = block.split_at(BITS_BYTES);
    places(key).any(|place| bits[place / 8] >> (place % 8) & 1 == 0) && checksum(bits, seed, number) == sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(filter: &[u8], key: u64, seed: u64) -> bool {
        let number = block_of(key, (filter.len() / UNIT) as u32);
        let block = filter.as_chunks::<UNIT>().0[number as usize];
        !lacks(&block, key, seed, number)
    }

    #[test]
    fn has_what_was_put_in_and_little_else() {
        for count in [1, 44, 45, 1000, 100_000] {
            // As IPv4 addresses in a row are stored.
            let keys: Vec<u64> = (0..count).map(|host| key(Half::Low, 0xffff_0a00_0000 + host)).collect();
            let filter = build(&keys, 5);
            assert!(keys.iter().all(|&key| has(&filter, key, 5)));
            let others = (0..100_000).map(|host| key(Half::Low, 0xffff_c000_0000 + host));
            let wrong = others.filter(|&key| has(&filter, key, 5)).count();
            assert!(wrong < 1000, "{count} keys: {wrong} of 100000 wrong");
            if count > 10_000 {
                assert!(wrong > 100, "a filter so good is larger than it need be");
            }
        }
    }

    #[test]
    fn halves_are_different_keys() {
        let filter = build(&[key(Half::Low, 7)], 0);
        assert!(!has(&filter, key(Half::High, 7), 0));
    }

    #[test]
    fn a_damaged_block_has_everything() {
        let present = key(Half::Low, 1);
        let absent = key(Half::Low, 2);
        let filter = build(&[present], 9);
        assert!(!has(&filter, absent, 9));
        for bit in 0..filter.len() * 8 {
            let mut damaged = filter.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(has(&damaged, present, 9) && has(&damaged, absent, 9), "bit {bit}");
        }
        // A block of another filter, or of another place.
        assert!(has(&filter, absent, 10));
        assert!(!lacks(filter.as_chunks::<UNIT>().0.first().unwrap(), absent, 9, 1));
        assert!(has(&[0; UNIT], absent, 9));
    }
}
