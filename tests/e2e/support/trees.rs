//! File trees to back up: random in content and shape, the same for the same seed, compared byte for byte.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// `SplitMix64` (Steele, Lea, Flood 2014): a test that failed is run again from its seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `0..end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.word() % u64::try_from(end).unwrap()).unwrap()
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.word().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Every file of a folder with its bytes, by its path from there.
#[derive(Clone, PartialEq, Eq)]
pub struct Tree(BTreeMap<PathBuf, Vec<u8>>);

impl Tree {
    /// `files` files of up to `largest` bytes in a few folders.
    pub fn random(random: &mut Random, files: usize, largest: usize) -> Self {
        let mut tree = Self(BTreeMap::new());
        for _ in 0..files {
            tree.add(random, largest);
        }
        tree
    }

    /// What a day's work does to a folder: something goes, something changes, something comes.
    pub fn change(&mut self, random: &mut Random, largest: usize) {
        let paths: Vec<_> = self.0.keys().cloned().collect();
        for _ in 0..paths.len().div_ceil(4) {
            let path = random.pick(&paths);
            if random.below(3) == 0 {
                self.0.remove(path);
            } else if let Some(bytes) = self.0.get_mut(path) {
                let tail = random.bytes(1 + bytes.len() / 2);
                bytes.truncate(bytes.len() / 2);
                bytes.extend(tail);
            }
        }
        for _ in 0..=paths.len() / 4 {
            self.add(random, largest);
        }
    }

    fn add(&mut self, random: &mut Random, largest: usize) {
        let path = PathBuf::from(format!("folder-{}", random.below(4))).join(format!("file-{:016x}", random.word()));
        let length = random.below(largest + 1);
        self.0.insert(path, random.bytes(length));
    }

    /// Makes `folder` hold exactly this.
    pub fn write(&self, folder: &Path) {
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
        fs::create_dir_all(folder).unwrap();
        for (path, bytes) in &self.0 {
            let file = folder.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
        }
    }

    /// What `folder` holds.
    pub fn read(folder: &Path) -> Self {
        fn visit(folder: &Path, root: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    visit(&path, root, into);
                } else {
                    into.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
                }
            }
        }
        let mut files = BTreeMap::new();
        visit(folder, folder, &mut files);
        Self(files)
    }

    /// What differs from `other`, in words; empty when nothing does.
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let mut words = Vec::new();
        for (path, bytes) in &self.0 {
            match other.0.get(path) {
                None => words.push(format!("{} is missing", path.display())),
                Some(others) if others != bytes => words.push(format!("{} has other bytes", path.display())),
                Some(_) => {}
            }
        }
        words.extend(
            other
                .0
                .keys()
                .filter(|path| !self.0.contains_key(*path))
                .map(|path| format!("{} is extra", path.display())),
        );
        words
    }

    /// How many bytes all files have together.
    pub fn bytes(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// What a failing disk does to one of the files.
    pub fn flip_a_byte(&mut self) {
        let file = self
            .0
            .values_mut()
            .find(|bytes| !bytes.is_empty())
            .expect("some file has a byte");
        file[0] ^= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_tree() {
        let tree = |seed| Tree::random(&mut Random::new(seed), 10, 1000);
        assert!(tree(1) == tree(1));
        assert!(tree(1) != tree(2));
    }

    #[test]
    fn a_folder_holds_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut random = Random::new(3);
        let mut tree = Tree::random(&mut random, 20, 5000);
        tree.write(folder.path());
        assert_eq!(Tree::read(folder.path()).difference(&tree), Vec::<String>::new());
        let before = tree.clone();
        tree.change(&mut random, 5000);
        assert!(!before.difference(&tree).is_empty());
        tree.write(folder.path());
        assert_eq!(tree.difference(&Tree::read(folder.path())), Vec::<String>::new());
    }

    #[test]
    fn one_changed_byte_is_told() {
        let tree = Tree::random(&mut Random::new(4), 3, 100);
        let mut other = tree.clone();
        other.flip_a_byte();
        assert_eq!(tree.difference(&other).len(), 1);
    }
}
