//! Threads that wait for the disk.
//!
//! A file is durable after some milliseconds on a busy disk, in which its thread does nothing, and what many threads ask
//! for at a time the file system writes together. Node.js has four threads for everything, so hundreds of files, one for
//! each exporter at the end of a slot, would stand in a queue there, and all encoding and reading behind them.

use crate::panics::locked;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub type Job = Box<dyn FnOnce() + Send>;

/// What a file system joins in one commit of its journal; more threads gain little.
const MOST_THREADS: usize = 32;
const IDLE: Duration = Duration::from_secs(10);

struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    waiting: usize,
}

pub struct DiskThreads {
    state: Mutex<State>,
    came: Condvar,
}

static THREADS: DiskThreads = DiskThreads::new();

/// Has the work done by one of the process's threads for the disk. It must not panic.
pub fn submit(job: Job) {
    THREADS.submit(job);
}

impl DiskThreads {
    const fn new() -> DiskThreads {
        DiskThreads {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                threads: 0,
                waiting: 0,
            }),
            came: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    fn submit(&'static self, job: Job) {
        let mut state = self.state();
        state.jobs.push_back(job);
        if state.waiting >= state.jobs.len() || state.threads == MOST_THREADS {
            self.came.notify_one();
            return;
        }
        let thread = std::thread::Builder::new().name("weir-disk".to_string());
        if thread.spawn(move || self.work()).is_ok() {
            state.threads += 1;
        } else if state.threads == 0 {
            // The system has no thread for us: whoever asks waits himself.
            let job = state.jobs.pop_front();
            drop(state);
            if let Some(job) = job {
                job();
            }
        }
    }

    fn work(&self) {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job();
                state = self.state();
                continue;
            }
            state.waiting += 1;
            let (woken, waited) = self
                .came
                .wait_timeout(state, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.waiting -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn jobs_that_wait_do_not_wait_for_one_another() {
        let (done, results) = mpsc::channel();
        let (open, gate) = mpsc::channel::<()>();
        let done_first = done.clone();
        submit(Box::new(move || {
            gate.recv().unwrap();
            done_first.send("first").unwrap();
        }));
        submit(Box::new(move || {
            done.send("second").unwrap();
            open.send(()).unwrap();
        }));
        let order: Vec<&str> = results.iter().collect();
        assert_eq!(order, ["second", "first"]);
    }

    #[test]
    fn every_job_is_done_by_a_bounded_number_of_threads() {
        static POOL: DiskThreads = DiskThreads::new();
        let (done, results) = mpsc::channel();
        for number in 0..1000 {
            let done = done.clone();
            POOL.submit(Box::new(move || done.send(number).unwrap()));
            assert!(POOL.state().threads <= MOST_THREADS);
        }
        drop(done);
        let mut numbers: Vec<usize> = results.iter().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    }
}
