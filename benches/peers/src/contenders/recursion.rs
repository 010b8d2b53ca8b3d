//! No simulator at all: the recursion of Kiefer and Wolfowitz (of Lindley, where there is one slot) knows when each customer's
//! service starts without any event. What is left is the draws of luck, so nothing that draws as much can be faster.

use crate::queue::{Luck, Queue, Served};

use super::Prepared;

pub fn prepare(queue: Queue, customers: u64) -> Prepared {
    Box::new(move || run(&queue, customers))
}

fn run(queue: &Queue, customers: u64) -> Served {
    let mut luck = Luck::new(queue);
    let mut free_from = vec![0.0_f64; queue.slots as usize];
    let (mut served, mut now) = (Served::default(), 0.0);
    for _ in 0..customers {
        now += luck.gap();
        let slot = first_free(&free_from);
        let start = free_from[slot].max(now);
        served.note(start - now);
        free_from[slot] = start + luck.service();
    }
    served
}

fn first_free(free_from: &[f64]) -> usize {
    (1..free_from.len()).fold(0, |first, slot| if free_from[slot] < free_from[first] { slot } else { first })
}
