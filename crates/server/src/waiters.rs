//! Callers who wait for a request to be decided: so many at a time, so that they cost little, and nobody keeps the others out.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use countersign_core::AccountId;

/// How many wait at a time at most.
const MOST: usize = 512;

/// How many of them for one account.
const MOST_OF_ONE: usize = 64;

/// Those who wait.
#[derive(Debug, Default)]
pub struct Waiters {
    by_account: Mutex<BTreeMap<AccountId, usize>>,
}

/// A caller who waits, as long as this lives.
#[derive(Debug)]
pub struct Waiter<'w> {
    all: &'w Waiters,
    account: AccountId,
}

impl Waiters {
    /// Lets one more wait; none when there are too many.
    pub fn enter(&self, account: AccountId) -> Option<Waiter<'_>> {
        let mut waiting = self.by_account.lock().unwrap_or_else(PoisonError::into_inner);
        let own = waiting.get(&account).copied().unwrap_or(0);
        if own >= MOST_OF_ONE || waiting.values().sum::<usize>() >= MOST {
            return None;
        }
        waiting.insert(account, own + 1);
        Some(Waiter { all: self, account })
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiting = self.all.by_account.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.get_mut(&self.account) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(waiting.remove(&self.account)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_wait_at_a_time_and_nobody_keeps_the_others_out() {
        let all = Waiters::default();
        let mut greedy: Vec<_> = std::iter::from_fn(|| all.enter(AccountId(1))).collect();
        assert_eq!(greedy.len(), MOST_OF_ONE);
        let other = all.enter(AccountId(2));
        assert!(other.is_some());
        greedy.pop();
        let again = all.enter(AccountId(1));
        assert!(again.is_some() && all.enter(AccountId(1)).is_none());
        let mut rest = Vec::new();
        for account in 3..100 {
            rest.extend(std::iter::from_fn(|| all.enter(AccountId(account))));
        }
        assert_eq!(greedy.len() + rest.len() + 2, MOST);
        drop((greedy, rest, other, again));
        assert!(all.by_account.lock().unwrap().is_empty());
    }
}
