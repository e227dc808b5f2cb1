//! The order in which flows leave the flow cache: by a time, and of one time by first appearance.

/// Writes `rows` to `ordered`, by their times, of one time by their numbers, else as they are. Times and numbers are whole and from
/// 0 to 2^53. Err if the lists are not of one length.
pub fn order(times: &[f64], numbers: &[f64], rows: &[i32], ordered: &mut [i32]) -> Result<(), &'static str> {
    let count = rows.len();
    if times.len() != count || numbers.len() != count || ordered.len() != count {
        return Err("a time, a number and a place for each row are needed");
    }
    let (first_time, span) = range(times);
    let (first_number, numbered) = range(numbers);
    let (number_bits, index_bits) = (bits(numbered), bits(count as u64));
    if bits(span) + number_bits + index_bits <= u64::BITS {
        // Nearly always: flows of one second, of which one word says all.
        let key = |at: usize| {
            let (time, number) = (times[at] as u64 - first_time, numbers[at] as u64 - first_number);
            (time << number_bits | number) << index_bits | at as u64
        };
        let mut keys: Vec<u64> = (0..count).map(key).collect();
        sort(&mut keys, bits(span), number_bits + index_bits);
        let index = (1 << index_bits) - 1;
        for (place, key) in ordered.iter_mut().zip(keys) {
            *place = rows[(key & index) as usize];
        }
    } else {
        let mut keys: Vec<_> = (0..count)
            .map(|at| (times[at] as u64, numbers[at] as u64, at))
            .collect();
        keys.sort_unstable();
        for (place, (_, _, at)) in ordered.iter_mut().zip(keys) {
            *place = rows[at];
        }
    }
    Ok(())
}

/// Keys below which comparing takes less time than the counters of a radix sort.
const FEW: usize = 256;
/// Bits of keys that one pass puts in order: the counters stay in the fastest cache.
const PASS_BITS: u32 = 11;

/// Sorts keys that differ in `time_bits` bits, which begin at bit `shift`, and in those below. Times are spread over the
/// second, so that a radix sort by them alone leaves few keys to be compared.
fn sort(keys: &mut Vec<u64>, time_bits: u32, shift: u32) {
    if time_bits == 0 || keys.len() < FEW {
        return keys.sort_unstable();
    }
    let passes = time_bits.div_ceil(PASS_BITS);
    let width = time_bits.div_ceil(passes);
    let mut sorted = vec![0; keys.len()];
    for pass in 0..passes {
        let digit = |key: u64| (key >> (shift + pass * width)) as usize & ((1 << width) - 1);
        let mut places = [0; 1 << PASS_BITS];
        keys.iter().for_each(|&key| places[digit(key)] += 1);
        let mut sum = 0;
        for place in &mut places {
            (*place, sum) = (sum, sum + *place);
        }
        for &key in keys.iter() {
            let place = &mut places[digit(key)];
            sorted[*place] = key;
            *place += 1;
        }
        std::mem::swap(keys, &mut sorted);
    }
    let of_one_time = keys.chunk_by_mut(|one, next| one >> shift == next >> shift);
    of_one_time
        .filter(|keys| keys.len() > 1)
        .for_each(<[u64]>::sort_unstable);
}

/// Values compared side by side, of which none waits for the one before.
const LANES: usize = 8;

/// The least of these and how much more the most is.
fn range(values: &[f64]) -> (u64, u64) {
    let (mut least, mut most) = ([f64::INFINITY; LANES], [0.0; LANES]);
    for values in values.chunks(LANES) {
        for ((least, most), &value) in least.iter_mut().zip(&mut most).zip(values) {
            *least = if value < *least { value } else { *least };
            *most = if value > *most { value } else { *most };
        }
    }
    let least = least.into_iter().fold(f64::INFINITY, f64::min) as u64;
    let most = most.into_iter().fold(0.0, f64::max) as u64;
    (least, most.saturating_sub(least))
}

fn bits(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixing::SplitMix64;

    fn ordered(pairs: &[(u64, u64)]) -> Vec<i32> {
        let times: Vec<_> = pairs.iter().map(|&(time, _)| time as f64).collect();
        let numbers: Vec<_> = pairs.iter().map(|&(_, number)| number as f64).collect();
        let rows: Vec<_> = (1..=pairs.len() as i32).collect();
        let mut out = vec![0; rows.len()];
        order(&times, &numbers, &rows, &mut out).unwrap();
        out
    }

    #[test]
    fn times_go_first_then_numbers_then_places() {
        assert_eq!(ordered(&[]), []);
        assert_eq!(ordered(&[(7, 7)]), [1]);
        assert_eq!(ordered(&[(5, 9), (4, 10), (5, 8), (4, 10), (5, 9)]), [2, 4, 3, 1, 5]);
    }

    #[test]
    fn the_widest_keys_are_as_good() {
        const MOST: u64 = 1 << 53;
        assert_eq!(
            ordered(&[(MOST, 0), (0, MOST), (MOST, MOST), (0, 0), (MOST, 0)]),
            [4, 2, 1, 5, 3]
        );
        // Keys of 64 bits exactly, and of one more: three places take two bits.
        for span in [(1 << 10) - 1, 1 << 10] {
            assert_eq!(ordered(&[(span, 1), (span, (1 << 52) - 1), (0, 0)]), [3, 1, 2]);
        }
    }

    #[test]
    fn the_order_is_that_of_comparing() {
        let mut random = SplitMix64::new(11);
        for count in [FEW - 1, FEW, 5000] {
            // From all of one time to times of more than one pass; numbers that come twice, and rows in their places then.
            for times in [1, 3, 1 << PASS_BITS, 1_000_000, 1 << 40] {
                let start = random.draw() >> 12;
                let pairs: Vec<(u64, u64)> = (0..count)
                    .map(|_| (start + random.draw() % times, random.draw() % 1000))
                    .collect();
                let mut wanted: Vec<(u64, u64, i32)> = pairs
                    .iter()
                    .zip(1..)
                    .map(|(&(time, number), row)| (time, number, row))
                    .collect();
                wanted.sort_unstable();
                let rows: Vec<i32> = wanted.into_iter().map(|(_, _, row)| row).collect();
                assert_eq!(ordered(&pairs), rows, "{count} of {times}");
            }
        }
    }

    #[test]
    fn lists_of_different_lengths_are_refused() {
        assert!(order(&[1.0], &[1.0, 2.0], &[1], &mut [0]).is_err());
        assert!(order(&[1.0], &[1.0], &[1], &mut []).is_err());
    }
}
