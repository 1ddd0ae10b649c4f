use crate::{COMMON, EVENT_SEQUENCE, entry};
use std::collections::HashSet;

/// What follows an event's own parameters, in order.
const AFTER_ITS_OWN: [&str; 5] = {
    let [host, version, format, description] = COMMON;
    [EVENT_SEQUENCE, host, version, format, description]
};

/// Watches that keys come in the catalogue's order and none twice.
pub(super) struct Order<'a> {
    own: &'static [&'static str],
    next: usize,
    foreign: Vec<&'a str>,
    /// Takes over from the list when there are many.
    many: HashSet<&'a str>,
}

impl<'a> Order<'a> {
    pub(super) fn new(id: u32) -> Self {
        let own = entry(id).map_or(&[][..], |entry| entry.parameters);
        Self {
            own,
            next: 0,
            foreign: Vec::new(),
            many: HashSet::new(),
        }
    }

    /// Whether the next key stands where it may.
    pub(super) fn follows(&mut self, key: &'a str) -> bool {
        let expected = self
            .own
            .get(self.next)
            .or_else(|| AFTER_ITS_OWN.get(self.next - self.own.len()));
        if expected.is_some_and(|name| *name == key) {
            self.next += 1;
            return true;
        }
        let known = || self.own.iter().chain(&AFTER_ITS_OWN);
        if let Some(ahead) = known().skip(self.next).position(|name| *name == key) {
            self.next += ahead + 1;
            return true;
        }
        if known().any(|name| *name == key) {
            return false;
        }
        if self.foreign.len() < 32 {
            let first = !self.foreign.contains(&key);
            self.foreign.push(key);
            return first;
        }
        !self.foreign.contains(&key) && self.many.insert(key)
    }
}
