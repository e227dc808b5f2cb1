//! Packet sampling (RFC 5475 sections 5.1 and 5.2): which packets are metered at all.

use crate::mixing::SplitMix64;

/// Takes one packet out of each `rate`: always the first (systematic), or one that chance picks (n-out-of-N).
#[derive(Debug, Clone)]
pub struct Sampler {
    rate: u32,
    /// `None` for systematic sampling.
    random: Option<SplitMix64>,
    position: u32,
    pick: u32,
}

impl Sampler {
    /// `None` for a rate of 0 or 1, which take every packet. The same seed picks the same packets.
    pub fn new(rate: u32, random: bool, seed: u32) -> Option<Sampler> {
        if rate <= 1 {
            return None;
        }
        let mut sampler = Sampler {
            rate,
            random: random.then(|| SplitMix64::new(u64::from(seed))),
            position: 0,
            pick: 0,
        };
        sampler.choose();
        Some(sampler)
    }

    /// Whether the next packet is taken.
    #[inline]
    pub fn takes(&mut self) -> bool {
        let taken = self.position == self.pick;
        self.position += 1;
        if self.position == self.rate {
            self.position = 0;
            self.choose();
        }
        taken
    }

    /// Picks a packet of the next `rate`.
    #[inline]
    fn choose(&mut self) {
        let Some(random) = &mut self.random else { return };
        // The upper half scaled down: even to within 2^-32.
        self.pick = (((random.draw() >> 32) * u64::from(self.rate)) >> 32) as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(mut sampler: Sampler, packets: usize) -> Vec<usize> {
        (0..packets).filter(|_| sampler.takes()).collect()
    }

    #[test]
    fn systematic_takes_the_first_of_each() {
        assert!(Sampler::new(0, false, 0).is_none() && Sampler::new(1, true, 0).is_none());
        assert_eq!(taken(Sampler::new(4, false, 9).unwrap(), 10), [0, 4, 8]);
    }

    #[test]
    fn random_takes_one_of_each_evenly_and_again_the_same() {
        let sampler = Sampler::new(10, true, 7).unwrap();
        let once = taken(sampler.clone(), 100_000);
        assert_eq!(once, taken(sampler, 100_000));
        assert_ne!(once, taken(Sampler::new(10, true, 8).unwrap(), 100_000));
        let mut places = [0; 10];
        for (block, place) in once.iter().enumerate() {
            assert_eq!(place / 10, block);
            places[place % 10] += 1;
        }
        // 1000 each; five standard deviations are 150.
        assert!(places.iter().all(|count| (850..1150).contains(count)), "{places:?}");
    }

    #[test]
    fn the_largest_rate_stays_in_range() {
        let mut sampler = Sampler::new(u32::MAX, true, 1).unwrap();
        for _ in 0..1000 {
            sampler.choose();
            assert!(sampler.pick < u32::MAX);
        }
    }
}
