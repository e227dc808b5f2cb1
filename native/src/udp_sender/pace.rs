//! When the next datagrams may leave.

use super::socket::MAX_BURST;
use std::time::{Duration, Instant};

/// A paced sender that was held up makes good for at most this much.
const CATCH_UP: Duration = Duration::from_millis(10);

/// Spreads datagrams evenly over time.
pub struct Pace {
    /// `None`: as fast as the socket takes them.
    each: Option<Duration>,
    /// Datagrams that leave together: as many as are due in a millisecond, shorter sleeps are not to be had.
    pub together: usize,
    next: Instant,
}

impl Pace {
    pub fn new(datagrams_per_second: f64) -> Pace {
        let paced = datagrams_per_second > 0.0;
        Pace {
            each: paced.then(|| Duration::from_secs_f64(1.0 / datagrams_per_second.clamp(0.001, 1e9))),
            together: if paced {
                ((datagrams_per_second / 1000.0) as usize).clamp(1, MAX_BURST)
            } else {
                MAX_BURST
            },
            next: Instant::now(),
        }
    }

    /// When the next may leave; `None`: at once.
    pub fn due(&self) -> Option<Instant> {
        self.each.map(|_| self.next)
    }

    /// `count` datagrams have left.
    pub fn sent(&mut self, count: usize, now: Instant) {
        if let Some(each) = self.each {
            let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
            self.next = self.next.max(earliest) + each * count as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paced_sender_keeps_its_average_though_it_wakes_late() {
        let mut pace = Pace::new(10_000.0);
        assert_eq!(pace.together, 10);
        let start = pace.next;
        let late = start + Duration::from_millis(2);
        pace.sent(10, late);
        assert_eq!(pace.next, start + Duration::from_millis(1));
        let very_late = start + Duration::from_secs(5);
        pace.sent(10, very_late);
        assert_eq!(pace.next, very_late - CATCH_UP + Duration::from_millis(1));
    }
}
