//! What is sent: made and hashed before any clock starts.

use aws_lc_rs::digest;

/// Equal-sized objects that compress and deduplicate badly.
pub struct Objects {
    all: Vec<Object>,
    size: usize,
    round: u64,
}

/// One object.
pub struct Object {
    /// Its SHA-256 as lower-case hexadecimal digits: its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Objects {
    pub fn new(count: usize, size: usize) -> Self {
        let all = (0..count as u64)
            .map(|seed| Object {
                name: String::new(),
                bytes: noise(seed, size),
            })
            .collect();
        Self { all, size, round: 0 }
    }

    /// Makes every object a new one, so that no server has it yet.
    pub fn renew(&mut self) {
        self.round += 1;
        let mark = (u64::from(std::process::id()) << 32 | self.round).to_le_bytes();
        for object in &mut self.all {
            let marked = mark.len().min(object.bytes.len());
            object.bytes[..marked].copy_from_slice(&mark[..marked]);
            object.name = data_encoding::HEXLOWER.encode(digest::digest(&digest::SHA256, &object.bytes).as_ref());
        }
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn at(&self, index: usize) -> &Object {
        &self.all[index]
    }

    /// All bytes of all objects.
    pub fn total_bytes(&self) -> usize {
        self.all.len() * self.size
    }

    /// What is measured with them, in words.
    pub fn label(&self, connections: usize) -> String {
        let size = if self.size >= 1 << 20 {
            format!("{} MiB", self.size >> 20)
        } else {
            format!("{} KiB", self.size >> 10)
        };
        format!("{} x {size}, {connections} conn", self.all.len())
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): quick and patternless enough.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    let mut bytes = Vec::with_capacity(size + 8);
    // The seed lies behind the mark of the round, so that two objects never share their first bytes for long.
    while bytes.len() < size {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}
