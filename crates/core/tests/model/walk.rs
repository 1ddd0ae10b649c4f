//! Breadth first over states that were not seen before.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash, Hasher};

use crate::books::{Broken, Step, World};
use crate::rules::Rules;

/// What a walk came to.
pub struct Found {
    /// How many different states.
    pub states: usize,
    /// How many steps between them.
    pub steps: usize,
    /// How many steps the last state is away from the first.
    pub depth: usize,
    /// Whether there is no state left that was not seen.
    pub whole: bool,
    /// How many steps there were of each kind.
    pub reached: BTreeMap<&'static str, usize>,
    /// What rule was broken, and the steps that led there.
    pub broken: Option<(Broken, Vec<Step>)>,
}

/// Walks until so many states were seen, or all.
///
/// A state that was seen is known by 64 bits of its hash alone, which is 10 octets of memory for each. With `n` states, two are taken for one, and
/// what comes after one of them is missed, with a chance of about n²/2⁶⁵: 1 in 370,000 for ten million, 1 in 15,000 for fifty.
pub fn walk(begin: World, most: usize, rules: Rules) -> Found {
    let found = look(begin, most, rules, &mut Seen::default());
    if found.broken.is_none() {
        return found;
    }
    // Once more, with the way to each state: there is enough room for it when something broke early.
    look(begin, most, rules, &mut Ways::default())
}

fn look(begin: World, most: usize, rules: Rules, memory: &mut dyn Memory) -> Found {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut waiting = VecDeque::from([(begin, 0)]);
    let first = hasher.hash_one(begin);
    memory.is_new(first, first, Step::Begin);
    let mut found = Found {
        states: 1,
        steps: 0,
        depth: 0,
        whole: true,
        reached: BTreeMap::new(),
        broken: None,
    };
    while let Some((world, depth)) = waiting.pop_front() {
        if found.states >= most {
            found.whole = false;
            break;
        }
        let here = hasher.hash_one(world);
        for (step, next) in world.steps(rules) {
            found.steps += 1;
            *found.reached.entry(step.kind()).or_default() += 1;
            let there = hasher.hash_one(next);
            if !memory.is_new(there, here, step) {
                continue;
            }
            found.states += 1;
            found.depth = depth + 1;
            if let Err(broken) = next.holds() {
                found.broken = Some((broken, memory.way(there)));
                return found;
            }
            waiting.push_back((next, depth + 1));
        }
    }
    found
}

trait Memory {
    /// Whether this state was not seen before; it was reached from there by this step.
    fn is_new(&mut self, state: u64, from: u64, step: Step) -> bool;

    /// The steps from the first state to this one.
    fn way(&self, state: u64) -> Vec<Step>;
}

/// Only what was seen.
#[derive(Default)]
struct Seen(HashSet<u64, BuildHasherDefault<Identity>>);

impl Memory for Seen {
    fn is_new(&mut self, state: u64, _: u64, _: Step) -> bool {
        self.0.insert(state)
    }

    fn way(&self, _: u64) -> Vec<Step> {
        Vec::new()
    }
}

/// How each state was reached, too.
#[derive(Default)]
struct Ways(HashMap<u64, (u64, Step), RandomState>);

impl Memory for Ways {
    fn is_new(&mut self, state: u64, from: u64, step: Step) -> bool {
        let is_new = !self.0.contains_key(&state);
        if is_new {
            self.0.insert(state, (from, step));
        }
        is_new
    }

    fn way(&self, state: u64) -> Vec<Step> {
        let (mut at, mut steps) = (state, Vec::new());
        while let Some((from, step)) = self.0.get(&at).filter(|(from, _)| *from != at) {
            steps.push(*step);
            at = *from;
        }
        steps.reverse();
        steps
    }
}

/// What is hashed already is not hashed again.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only whole numbers are keys");
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// One octet for each small thing is what hashing is quick with.
impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.packed());
    }
}
