//! Datagrams on their way to the send thread, bounded in bytes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

/// Memory the queue may take; beyond it `put` waits.
pub const QUEUE_BYTES: usize = 8 << 20;
/// Small pieces are joined up to this size, so that a burst has many datagrams though they came one by one.
const JOIN_BYTES: usize = 64 << 10;
/// Emptied pieces kept for reuse.
const SPARE_PIECES: usize = 16;

/// Called once, from any thread.
pub type Notice = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub struct SendQueue {
    state: Mutex<State>,
    /// Signalled when the state changes in any way.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    pieces: VecDeque<Piece>,
    spare: Vec<Piece>,
    /// Cost of all that was put in and is not dealt with, the piece being sent included.
    cost: usize,
    closed: bool,
    /// To be called when `cost` is at most the number.
    notices: Vec<(usize, Notice)>,
}

/// Datagrams one after another and the length of each.
#[derive(Default)]
pub struct Piece {
    pub bytes: Vec<u8>,
    pub lengths: Vec<u32>,
}

impl Piece {
    fn cost(&self) -> usize {
        cost_of(&self.bytes, &self.lengths)
    }
}

fn cost_of(bytes: &[u8], lengths: &[u32]) -> usize {
    bytes.len() + size_of_val(lengths)
}

impl SendQueue {
    /// Appends a copy. Waits while the queue is full. Says false when it is closed.
    pub fn put(&self, bytes: &[u8], lengths: &[u32]) -> bool {
        let cost = cost_of(bytes, lengths);
        let mut state = self.lock();
        // An empty queue takes anything, or a piece above the limit would never go.
        while state.cost > 0 && state.cost + cost > QUEUE_BYTES && !state.closed {
            state = self.changed.wait(state).unwrap();
        }
        if state.closed {
            return false;
        }
        if lengths.is_empty() {
            return true;
        }
        state.cost += cost;
        let mut piece = match state.pieces.pop_back() {
            Some(last) if last.bytes.len() + bytes.len() <= JOIN_BYTES => last,
            last => {
                state.pieces.extend(last);
                state.spare.pop().unwrap_or_default()
            }
        };
        piece.bytes.extend_from_slice(bytes);
        piece.lengths.extend_from_slice(lengths);
        state.pieces.push_back(piece);
        drop(state);
        self.changed.notify_all();
        true
    }

    /// Calls `notice` once no more than `cost` bytes are queued: at once if so already, or when the queue is closed.
    pub fn when_below(&self, cost: usize, notice: Notice) {
        let mut state = self.lock();
        if state.cost > cost && !state.closed {
            state.notices.push((cost, notice));
            return;
        }
        drop(state);
        notice();
    }

    /// Bytes put in and not yet dealt with.
    pub fn cost(&self) -> usize {
        self.lock().cost
    }

    /// Waits for a piece to send; `None` once closed. To be followed by `done`.
    pub fn take(&self) -> Option<Piece> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(piece) = state.pieces.pop_front() {
                return Some(piece);
            }
            state = self.changed.wait(state).unwrap();
        }
    }

    /// Settles the cost of a piece that was dealt with, and tells who waits for that.
    pub fn done(&self, mut piece: Piece) {
        let mut state = self.lock();
        state.cost -= piece.cost();
        if state.spare.len() < SPARE_PIECES {
            piece.bytes.clear();
            piece.lengths.clear();
            state.spare.push(piece);
        }
        let cost = state.cost;
        let due = state.notices.extract_if(.., |(below, _)| cost <= *below).collect();
        drop(state);
        self.tell(due);
    }

    /// Nothing will be taken any more: lets go of everybody who waits, and says how many datagrams were still queued.
    pub fn end(&self) -> usize {
        let mut state = self.lock();
        state.closed = true;
        state.cost = 0;
        let unsent = state.pieces.drain(..).map(|piece| piece.lengths.len()).sum();
        let due = std::mem::take(&mut state.notices);
        drop(state);
        self.tell(due);
        unsent
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    pub fn closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits until `until`; false when closed meanwhile.
    pub fn sleep_until(&self, until: Instant) -> bool {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.closed || now >= until {
                return !state.closed;
            }
            state = self.changed.wait_timeout(state, until - now).unwrap().0;
        }
    }

    fn tell(&self, due: Vec<(usize, Notice)>) {
        self.changed.notify_all();
        for (_, notice) in due {
            notice();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::sync::Arc;

    #[test]
    fn small_pieces_are_joined_and_settled_together() {
        let queue = SendQueue::default();
        assert!(queue.put(b"", &[]));
        assert!(queue.put(b"abc", &[3]) && queue.put(b"", &[0]) && queue.put(b"de", &[1, 1]));
        assert_eq!(queue.cost(), 5 + 4 * 4);
        let (sender, told) = channel();
        queue.when_below(0, Box::new(move || sender.send(()).unwrap()));
        let piece = queue.take().unwrap();
        assert_eq!(
            (piece.bytes.as_slice(), piece.lengths.as_slice()),
            (&b"abcde"[..], &[3, 0, 1, 1][..])
        );
        assert!(told.try_recv().is_err());
        queue.done(piece);
        assert!(told.try_recv().is_ok());
        assert_eq!(queue.cost(), 0);
    }

    #[test]
    fn put_waits_while_full_and_close_frees_it() {
        let queue = Arc::new(SendQueue::default());
        let large = vec![0u8; QUEUE_BYTES + 1];
        assert!(queue.put(&large, &[1]), "an empty queue takes anything");
        let putter = {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || (queue.put(b"a", &[1]), queue.put(&[0; QUEUE_BYTES], &[1])))
        };
        let piece = queue.take().unwrap();
        queue.done(piece);
        while queue.cost() == 0 {
            std::thread::yield_now();
        }
        queue.close();
        assert_eq!(putter.join().unwrap(), (true, false));
        assert_eq!(queue.end(), 1);
        assert!(queue.take().is_none());
        let (sender, told) = channel();
        queue.when_below(0, Box::new(move || sender.send(()).unwrap()));
        assert!(told.try_recv().is_ok(), "a closed queue keeps nobody waiting");
    }
}
