//! A ring of fixed memory slots between one producer thread and the JavaScript thread.
//!
//! A slot is always in exactly one place: free, held by the producer (`Filling`), ready, or held by the consumer. So
//! nobody ever reads bytes that somebody else writes, and nothing is allocated while the ring runs.

use crate::memory::Region;
use crate::panics::{caught, defect};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What `next` found.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Next {
    Slot(usize),
    /// Nothing yet; `wake` will be called once as soon as that changes.
    None,
    End,
}

struct State {
    free: VecDeque<usize>,
    ready: VecDeque<usize>,
    /// For each slot whether the consumer has it.
    taken: Vec<bool>,
    counts: Vec<u32>,
    consumer_waits: bool,
    producer_waits: bool,
    ended: bool,
    stopped: bool,
    failure: Option<String>,
}

pub type Wake = Box<dyn Fn() + Send + Sync>;

pub struct SlotRing {
    slots: Vec<Arc<Region>>,
    slot_bytes: usize,
    state: Mutex<State>,
    freed: Condvar,
    wake: Mutex<Option<Wake>>,
}

/// A slot in the producer's hands; dropping it without `publish` makes it free again.
pub struct Filling<'a> {
    ring: &'a SlotRing,
    slot: usize,
    published: bool,
}

impl SlotRing {
    pub fn new(slot_count: usize, slot_bytes: usize, wake: Wake) -> io::Result<SlotRing> {
        let slots = (0..slot_count)
            .map(|_| Region::new(slot_bytes).map(Arc::new))
            .collect::<io::Result<Vec<_>>>()?;
        Ok(SlotRing {
            slots,
            slot_bytes,
            state: Mutex::new(State {
                free: (0..slot_count).collect(),
                ready: VecDeque::with_capacity(slot_count),
                taken: vec![false; slot_count],
                counts: vec![0; slot_count],
                consumer_waits: false,
                producer_waits: false,
                ended: false,
                stopped: false,
                failure: None,
            }),
            freed: Condvar::new(),
            wake: Mutex::new(Some(wake)),
        })
    }

    pub fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    /// Memory of the slots, for views that may outlive the ring.
    pub fn regions(&self) -> &[Arc<Region>] {
        &self.slots
    }

    /// Producer: the next free slot; waits for one. `None` once `stop` was called.
    pub fn acquire(&self) -> Option<Filling<'_>> {
        let mut state = self.state.lock().unwrap();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(slot) = state.free.pop_front() {
                return Some(Filling {
                    ring: self,
                    slot,
                    published: false,
                });
            }
            state.producer_waits = true;
            state = self.freed.wait(state).unwrap();
        }
    }

    /// Producer: the next free slot; waits for one at most `timeout`. `None` also once `stop` was called.
    pub fn acquire_within(&self, timeout: Duration) -> Option<Filling<'_>> {
        let mut state = self.state.lock().unwrap();
        state.producer_waits = true;
        let none_free = |state: &mut State| state.free.is_empty() && !state.stopped;
        drop(self.freed.wait_timeout_while(state, timeout, none_free).unwrap());
        self.try_acquire()
    }

    /// Producer: a free slot if there is one now.
    pub fn try_acquire(&self) -> Option<Filling<'_>> {
        let mut state = self.state.lock().unwrap();
        if state.stopped {
            return None;
        }
        state.free.pop_front().map(|slot| Filling {
            ring: self,
            slot,
            published: false,
        })
    }

    /// Producer: nothing more will come. `failure` says why if that is not the normal end.
    pub fn end(&self, failure: Option<String>) {
        {
            let mut state = self.state.lock().unwrap();
            state.ended = true;
            state.failure = failure;
        }
        // Taking the callback out lets go of the event loop, which it keeps alive.
        if let Some(wake) = self.wake.lock().unwrap().take() {
            wake();
        }
    }

    /// Producer: does the work of its thread, and ends the ring whatever becomes of it. The work gives its failure.
    pub fn end_after(&self, work: impl FnOnce() -> Option<String>) {
        self.end(caught(work).unwrap_or_else(|text| Some(defect(&text))));
    }

    pub fn stopped(&self) -> bool {
        self.state.lock().unwrap().stopped
    }

    /// Consumer: asks the producer to end.
    pub fn stop(&self) {
        self.state.lock().unwrap().stopped = true;
        self.freed.notify_all();
    }

    pub fn next(&self) -> Next {
        let mut state = self.state.lock().unwrap();
        if let Some(slot) = state.ready.pop_front() {
            state.taken[slot] = true;
            return Next::Slot(slot);
        }
        if state.ended {
            return Next::End;
        }
        state.consumer_waits = true;
        // A consumer that keeps slots may wait for the next while fewer than half are free, which `release` waits for.
        if state.producer_waits && !state.free.is_empty() {
            state.producer_waits = false;
            drop(state);
            self.freed.notify_all();
        }
        Next::None
    }

    pub fn count(&self, slot: usize) -> u32 {
        self.state.lock().unwrap().counts.get(slot).copied().unwrap_or(0)
    }

    pub fn release(&self, slot: usize) {
        let mut state = self.state.lock().unwrap();
        // A slot number from JavaScript is not to be trusted: a slot that is released twice, or while it is filled, would
        // have two owners.
        if state.taken.get_mut(slot).is_some_and(std::mem::take) {
            state.free.push_back(slot);
            // Waking the producer for every slot would cost two context switches each; once half of them are free it has
            // work for a while, or once the consumer has nothing left to do, see `next`.
            let wake = state.producer_waits && state.free.len() >= (self.slots.len() / 2).max(1);
            state.producer_waits &= !wake;
            drop(state);
            // Outside of the lock, which the producers take first thing; each wake is a system call. There may be a slot
            // for each of them.
            if wake {
                self.freed.notify_all();
            }
        }
    }

    pub fn failure(&self) -> Option<String> {
        self.state.lock().unwrap().failure.clone()
    }
}

impl Filling<'_> {
    pub fn bytes(&mut self) -> &mut [u8] {
        let region = &self.ring.slots[self.slot];
        // SAFETY: the region lives as long as the ring, and a slot that is being filled is in nobody else's hands.
        unsafe { std::slice::from_raw_parts_mut(region.as_ptr(), self.ring.slot_bytes) }
    }

    /// Hands the slot with `count` records to the consumer.
    pub fn publish(mut self, count: u32) {
        self.published = true;
        let wake = {
            let mut state = self.ring.state.lock().unwrap();
            state.counts[self.slot] = count;
            state.ready.push_back(self.slot);
            std::mem::take(&mut state.consumer_waits)
        };
        if wake {
            if let Some(wake) = self.ring.wake.lock().unwrap().as_ref() {
                wake();
            }
        }
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        if !self.published {
            self.ring.state.lock().unwrap().free.push_front(self.slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn ring(slots: usize) -> (Arc<SlotRing>, Arc<AtomicUsize>) {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = wakes.clone();
        let wake = Box::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        (Arc::new(SlotRing::new(slots, 64, wake).unwrap()), wakes)
    }

    #[test]
    fn slots_come_out_in_order_and_the_consumer_is_woken_once() {
        let (ring, wakes) = ring(2);
        assert_eq!(ring.next(), Next::None);
        for count in 1..=2 {
            let mut filling = ring.acquire().unwrap();
            filling.bytes()[0] = count as u8;
            filling.publish(count);
        }
        assert_eq!(wakes.load(Ordering::SeqCst), 1);
        assert!(ring.try_acquire().is_none());
        for count in 1..=2 {
            let Next::Slot(slot) = ring.next() else {
                panic!("a slot is ready")
            };
            assert_eq!(ring.count(slot), count);
            ring.release(slot);
            ring.release(slot);
        }
        ring.end(Some("cut".into()));
        assert_eq!(ring.next(), Next::End);
        assert_eq!(ring.failure().as_deref(), Some("cut"));
        assert_eq!(ring.state.lock().unwrap().free.len(), 2);
    }

    #[test]
    fn a_consumer_that_keeps_most_slots_gets_the_next_all_the_same() {
        let (ring, _) = ring(4);
        let producer = Arc::clone(&ring);
        let thread = std::thread::spawn(move || {
            for count in 0..6 {
                producer.acquire().unwrap().publish(count);
            }
        });
        let next = || loop {
            match ring.next() {
                Next::Slot(slot) => return slot,
                _ => std::thread::yield_now(),
            }
        };
        let slots = [(); 4].map(|()| next());
        // Only now does the producer wait.
        while !ring.state.lock().unwrap().producer_waits {
            std::thread::yield_now();
        }
        for &slot in &slots[..2] {
            ring.release(slot);
            assert_ne!(ring.count(next()), 0);
        }
        thread.join().unwrap();
    }

    #[test]
    fn a_panic_of_the_producer_is_its_failure() {
        let (ring, wakes) = ring(2);
        assert_eq!(ring.next(), Next::None);
        ring.end_after(|| {
            let _filling = ring.acquire();
            panic!("page {}", 3)
        });
        assert_eq!(wakes.load(Ordering::SeqCst), 1);
        assert_eq!(ring.next(), Next::End);
        assert_eq!(ring.failure().unwrap(), "internal error: page 3; please report this");
        assert_eq!(ring.state.lock().unwrap().free.len(), 2);
    }

    #[test]
    fn only_what_the_consumer_has_can_be_released() {
        let (ring, _) = ring(2);
        let filling = ring.acquire().unwrap();
        // Free, being filled, and none at all.
        (0..3).for_each(|slot| ring.release(slot));
        let other = ring.acquire().unwrap();
        assert_ne!(filling.slot, other.slot);
        assert!(ring.try_acquire().is_none());
        filling.publish(1);
        // Ready, but not taken.
        (0..2).for_each(|slot| ring.release(slot));
        assert!(ring.try_acquire().is_none());
        let Next::Slot(slot) = ring.next() else {
            panic!("a slot is ready")
        };
        ring.release(slot);
        let again = ring.acquire().unwrap();
        // Released once and filled again.
        ring.release(slot);
        assert_ne!(again.slot, other.slot);
        assert!(ring.try_acquire().is_none());
    }

    #[test]
    fn several_producers_that_wait_all_go_on() {
        let (ring, _) = ring(4);
        let fillings: Vec<_> = (0..4).map(|_| ring.acquire().unwrap()).collect();
        fillings.into_iter().for_each(|filling| filling.publish(1));
        std::thread::scope(|scope| {
            let producers: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| ring.acquire().unwrap().publish(2)))
                .collect();
            let some_wait = || ring.state.lock().unwrap().producer_waits;
            while !some_wait() {
                std::thread::yield_now();
            }
            // The other may be about to wait, too.
            std::thread::sleep(Duration::from_millis(50));
            for _ in 0..2 {
                let Next::Slot(slot) = ring.next() else {
                    panic!("a slot is ready")
                };
                ring.release(slot);
            }
            producers.into_iter().for_each(|producer| producer.join().unwrap());
        });
        assert_eq!(ring.state.lock().unwrap().ready.len(), 4);
    }

    #[test]
    fn stop_frees_a_waiting_producer() {
        let (ring, _) = ring(1);
        let producer = {
            let ring = ring.clone();
            std::thread::spawn(move || {
                ring.acquire().unwrap().publish(1);
                ring.acquire().is_none()
            })
        };
        while ring.next() == Next::None {
            std::thread::yield_now();
        }
        ring.stop();
        assert!(producer.join().unwrap());
    }
}
