//! The form of a configuration backup's file: a head, then chunks that are each encrypted with their place.
//!
//! ```text
//! Countersign configuration backup, form 1⏎
//! memory in KiB, passes, lanes      32 bits each, big-endian: how Argon2id makes the key (RFC 9106)
//! salt                              16 octets
//! first part of every nonce         7 octets
//! check                             16 octets: the tag of nothing, so that a wrong passphrase is told from damage
//! chunks of 64 KiB and a tag of 16  AES-256-GCM; the nonce is the first part, the chunk's number, and whether it is the last
//! ```
//!
//! The head is authenticated with every chunk. So no chunk can be changed, left out, moved, or taken from another file, and a file that
//! was cut off lacks its last chunk (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).

use std::io::{self, Read, Write};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest;
use countersign_core::Sha256;
use countersign_core::clock::{Entropy, random};
use countersign_core::configuration_backup::Passphrase;
use zeroize::Zeroizing;

const TITLE: &str = "Countersign configuration backup, form ";
const FORM: u32 = 1;
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
const SALT: usize = 16;
const PREFIX: usize = 7;

/// No chunk has this number.
const CHECK_NUMBER: u32 = u32::MAX;

/// How much work making a key of a passphrase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Work {
    /// RFC 9106's second recommended option: 64 MiB, three passes.
    pub const USUAL: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 4,
    };

    /// So little that tests do not wait for it.
    #[cfg(test)]
    pub const LITTLE: Self = Self {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    /// More than this is not of ours, and would only keep us busy: 1 GiB, 16 passes, 16 lanes.
    const fn is_bearable(self) -> bool {
        self.memory_kib <= 1024 * 1024 && self.passes <= 16 && self.lanes <= 16
    }
}

/// Why a file is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// It begins otherwise.
    #[error("this is no configuration backup of Countersign")]
    NotOurs,
    /// It was made by a later version.
    #[error("it was made by a newer version of Countersign (form {0}): use that version")]
    TooNew(u32),
    /// Another passphrase, or the head was changed.
    #[error("the passphrase is not the one that it was made with, or its first octets are damaged")]
    Passphrase,
    /// A chunk is not what was written at its place.
    #[error("it is damaged or cut off at octet {0}: use another configuration backup")]
    Damaged(u64),
    /// It has more chunks than any file has.
    #[error("it is too large to be a configuration backup")]
    TooLarge,
    /// The file system.
    #[error("the file cannot be read or written: {0}")]
    Io(#[from] io::Error),
}

impl From<FileFault> for io::Error {
    fn from(fault: FileFault) -> Self {
        match fault {
            FileFault::Io(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}

impl FileFault {
    /// What a reader of lines was told, as what it is.
    pub fn of(error: io::Error) -> Self {
        if error.get_ref().is_some_and(|inner| inner.is::<Self>()) {
            match error.into_inner().map(|inner| inner.downcast::<Self>()) {
                Some(Ok(fault)) => *fault,
                _ => Self::NotOurs,
            }
        } else {
            Self::Io(error)
        }
    }
}

/// Key, head and nonces of one file.
struct Cipher {
    key: LessSafeKey,
    head: Vec<u8>,
    prefix: [u8; PREFIX],
}

impl Cipher {
    fn new(passphrase: &Passphrase, work: Work, salt: &[u8], prefix: [u8; PREFIX]) -> Result<Self, FileFault> {
        let unusable = || FileFault::NotOurs;
        let parameters = Params::new(work.memory_kib, work.passes, work.lanes, Some(32)).map_err(|_| unusable())?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into(passphrase.reveal().as_bytes(), salt, key.as_mut_slice())
            .map_err(|_| unusable())?;
        let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| unusable())?;
        let mut head = format!("{TITLE}{FORM}\n").into_bytes();
        for number in [work.memory_kib, work.passes, work.lanes] {
            head.extend(number.to_be_bytes());
        }
        head.extend(salt);
        head.extend(prefix);
        Ok(Self {
            key: LessSafeKey::new(key),
            head,
            prefix,
        })
    }

    fn nonce(&self, number: u32, last: bool) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        let (prefix, rest) = nonce.split_at_mut(PREFIX);
        prefix.copy_from_slice(&self.prefix);
        rest[..4].copy_from_slice(&number.to_be_bytes());
        rest[4] = u8::from(last);
        // The key is of this file alone, and each number comes once.
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&self, number: u32, last: bool, chunk: &mut Vec<u8>) -> Result<(), FileFault> {
        let nonce = self.nonce(number, last);
        let sealed = self.key.seal_in_place_append_tag(nonce, Aad::from(&self.head), chunk);
        sealed.map_err(|_| FileFault::TooLarge)
    }

    /// Opens a chunk in its place; how many octets it holds.
    fn open(&self, number: u32, last: bool, chunk: &mut [u8]) -> Option<usize> {
        let nonce = self.nonce(number, last);
        let opened = self.key.open_in_place(nonce, Aad::from(&self.head), chunk);
        opened.ok().map(|opened| opened.len())
    }
}

/// Writes a file. Nothing that is given to it reaches the disk in the clear.
pub struct Sealer<W> {
    out: W,
    cipher: Cipher,
    number: u32,
    chunk: Zeroizing<Vec<u8>>,
    hash: digest::Context,
    size: u64,
}

impl<W: Write> Sealer<W> {
    /// Begins a file: makes its key and writes its head.
    pub fn begin(out: W, passphrase: &Passphrase, work: Work, entropy: &dyn Entropy) -> Result<Self, FileFault> {
        let salt = random::<SALT>(entropy);
        let cipher = Cipher::new(passphrase, work, &salt, random::<PREFIX>(entropy))?;
        let mut sealer = Self {
            out,
            cipher,
            number: 0,
            chunk: Zeroizing::new(Vec::with_capacity(CHUNK + TAG)),
            hash: digest::Context::new(&digest::SHA256),
            size: 0,
        };
        let mut check = Vec::new();
        sealer.cipher.seal(CHECK_NUMBER, false, &mut check)?;
        let head = sealer.cipher.head.clone();
        sealer.put(&head)?;
        sealer.put(&check)?;
        Ok(sealer)
    }

    /// Writes on.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), FileFault> {
        while !bytes.is_empty() {
            // A full chunk waits until more comes: only then it is not the last.
            if self.chunk.len() == CHUNK {
                self.end_chunk(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Writes the last chunk: the file, its size in bytes, and its SHA-256.
    pub fn finish(mut self) -> Result<(W, u64, Sha256), FileFault> {
        self.end_chunk(true)?;
        self.out.flush()?;
        let mut hash = [0; 32];
        hash.copy_from_slice(self.hash.finish().as_ref());
        Ok((self.out, self.size, Sha256(hash)))
    }

    fn end_chunk(&mut self, last: bool) -> Result<(), FileFault> {
        if self.number == CHECK_NUMBER {
            return Err(FileFault::TooLarge);
        }
        let mut chunk = std::mem::replace(&mut *self.chunk, Vec::with_capacity(CHUNK + TAG));
        self.cipher.seal(self.number, last, &mut chunk)?;
        self.number += 1;
        self.put(&chunk)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), FileFault> {
        self.out.write_all(bytes)?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }
}

/// Reads a file. It gives nothing that is not authentic, and ends well only at the file's true end.
pub struct Opener<R> {
    file: R,
    cipher: Cipher,
    number: u32,
    /// The next chunk, still encrypted; read ahead, since only whether more follows tells the last.
    ahead: Vec<u8>,
    chunk: Zeroizing<Vec<u8>>,
    given: usize,
    at: u64,
    over: bool,
}

impl<R: Read> Opener<R> {
    /// Reads the head and makes the key.
    pub fn begin(mut file: R, passphrase: &Passphrase) -> Result<Self, FileFault> {
        let form = form(&mut file)?;
        if form != FORM {
            return Err(FileFault::TooNew(form));
        }
        let mut rest = [0; 12 + SALT + PREFIX + TAG];
        exactly(&mut file, &mut rest)?;
        let (numbers, rest) = rest.split_at(12);
        let (salt, rest) = rest.split_at(SALT);
        let (first, check) = rest.split_at(PREFIX);
        let number = |at: usize| {
            let mut octets = [0; 4];
            octets.copy_from_slice(&numbers[at..at + 4]);
            u32::from_be_bytes(octets)
        };
        let work = Work {
            memory_kib: number(0),
            passes: number(4),
            lanes: number(8),
        };
        if !work.is_bearable() {
            return Err(FileFault::NotOurs);
        }
        let mut prefix = [0; PREFIX];
        prefix.copy_from_slice(first);
        let cipher = Cipher::new(passphrase, work, salt, prefix)?;
        let mut check = check.to_vec();
        cipher
            .open(CHECK_NUMBER, false, &mut check)
            .ok_or(FileFault::Passphrase)?;
        let at = (cipher.head.len() + TAG) as u64;
        let mut opener = Self {
            file,
            cipher,
            number: 0,
            ahead: Vec::new(),
            chunk: Zeroizing::new(Vec::new()),
            given: 0,
            at,
            over: false,
        };
        opener.ahead = opener.next_sealed()?;
        Ok(opener)
    }

    fn next_sealed(&mut self) -> Result<Vec<u8>, FileFault> {
        let mut sealed = Vec::with_capacity(CHUNK + TAG);
        self.file.by_ref().take((CHUNK + TAG) as u64).read_to_end(&mut sealed)?;
        Ok(sealed)
    }

    fn next_chunk(&mut self) -> Result<(), FileFault> {
        let next = if self.ahead.len() == CHUNK + TAG {
            self.next_sealed()?
        } else {
            Vec::new()
        };
        let last = next.is_empty();
        let mut chunk = Zeroizing::new(std::mem::replace(&mut self.ahead, next));
        let damaged = FileFault::Damaged(self.at);
        self.at += chunk.len() as u64;
        let held = self.cipher.open(self.number, last, &mut chunk).ok_or(damaged)?;
        chunk.truncate(held);
        self.number = self.number.checked_add(1).ok_or(FileFault::TooLarge)?;
        (self.chunk, self.given, self.over) = (chunk, 0, last);
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.chunk.len() && !self.over {
            self.next_chunk()?;
        }
        let left = &self.chunk[self.given..];
        let count = left.len().min(into.len());
        into[..count].copy_from_slice(&left[..count]);
        self.given += count;
        Ok(count)
    }
}

/// Reads the first line.
fn form(file: &mut impl Read) -> Result<u32, FileFault> {
    let mut title = [0; TITLE.len()];
    exactly(file, &mut title)?;
    if title != TITLE.as_bytes() {
        return Err(FileFault::NotOurs);
    }
    let (mut number, mut octet) = (String::new(), [0]);
    while number.len() <= 9 {
        exactly(file, &mut octet)?;
        if octet == *b"\n" {
            return number.parse().map_err(|_| FileFault::NotOurs);
        }
        number.push(char::from(octet[0]));
    }
    Err(FileFault::NotOurs)
}

fn exactly(file: &mut impl Read, into: &mut [u8]) -> Result<(), FileFault> {
    file.read_exact(into).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => FileFault::NotOurs,
        _ => FileFault::Io(error),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Counting;

    const HEAD: usize = TITLE.len() + 2 + 12 + SALT + PREFIX + TAG;

    fn passphrase() -> Passphrase {
        "five words that nobody guesses".parse().unwrap()
    }

    fn sealed(content: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::begin(Vec::new(), &passphrase(), Work::LITTLE, &Counting::default()).unwrap();
        for part in content.chunks(1000) {
            sealer.write(part).unwrap();
        }
        let (file, size, hash) = sealer.finish().unwrap();
        assert_eq!((size, hash), (file.len() as u64, Sha256::of(&file)));
        file
    }

    fn opened(file: &[u8]) -> Result<Vec<u8>, FileFault> {
        let mut content = Vec::new();
        let mut opener = Opener::begin(file, &passphrase())?;
        opener.read_to_end(&mut content).map_err(FileFault::of)?;
        Ok(content)
    }

    fn content(size: usize) -> Vec<u8> {
        (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    #[test]
    fn what_was_written_comes_back_and_stands_nowhere_in_the_clear() {
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
            let file = sealed(&content(size));
            assert_eq!(opened(&file).unwrap(), content(size), "{size}");
            assert_eq!(file.len(), HEAD + size + TAG * size.div_ceil(CHUNK).max(1));
            let piece = content(64);
            assert!(!file.windows(64).any(|window| window == piece));
        }
    }

    #[test]
    fn another_passphrase_is_told_from_damage() {
        let file = sealed(b"content");
        let other: Passphrase = "five words that somebody guesses".parse().unwrap();
        assert!(matches!(Opener::begin(&*file, &other), Err(FileFault::Passphrase)));
    }

    #[test]
    fn a_newer_form_and_a_strange_file_are_named() {
        let newer = String::from_utf8_lossy(&sealed(b"")).replacen("form 1", "form 2", 1);
        assert!(matches!(opened(newer.as_bytes()), Err(FileFault::TooNew(2))));
        for strange in ["", "PK\u{3}\u{4}", TITLE, "Countersign configuration backup, form x\n"] {
            assert!(
                matches!(opened(strange.as_bytes()), Err(FileFault::NotOurs)),
                "{strange:?}"
            );
        }
        let mut greedy = sealed(b"");
        greedy[TITLE.len() + 2] = 0xff;
        assert!(matches!(opened(&greedy), Err(FileFault::NotOurs)));
    }

    #[test]
    fn a_file_that_was_cut_off_anywhere_does_not_open() {
        let file = sealed(&content(2 * CHUNK + 5));
        let ends = (0..HEAD + 20).chain((1..file.len()).filter(|end| end % 977 == 0));
        // At the border of a chunk, too, where all that is there is authentic.
        let borders = [HEAD + CHUNK + TAG, HEAD + 2 * (CHUNK + TAG), file.len() - 1];
        for end in ends.chain(borders) {
            assert!(opened(&file[..end]).is_err(), "{end}");
        }
        let mut longer = file;
        longer.push(0);
        assert!(opened(&longer).is_err());
    }

    #[test]
    fn chunks_cannot_change_places_nor_files() {
        let file = sealed(&content(3 * CHUNK));
        let chunk = CHUNK + TAG;
        let mut swapped = file.clone();
        let (first, second) = (HEAD, HEAD + chunk);
        swapped.copy_within(second..second + chunk, first);
        swapped[second..second + chunk].copy_from_slice(&file[first..first + chunk]);
        assert!(matches!(opened(&swapped), Err(FileFault::Damaged(at)) if at == HEAD as u64));
        let mut shorter = file[..second].to_vec();
        shorter.extend(&file[second + chunk..]);
        assert!(matches!(opened(&shorter), Err(FileFault::Damaged(_))));
        let mut sealer =
            Sealer::begin(Vec::new(), &passphrase(), Work::LITTLE, &crate::adapters::SystemEntropy).unwrap();
        sealer.write(&content(3 * CHUNK)).unwrap();
        let (mut other, ..) = sealer.finish().unwrap();
        other[second..second + chunk].copy_from_slice(&file[second..second + chunk]);
        assert!(matches!(opened(&other), Err(FileFault::Damaged(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// No bit can be changed unseen.
        #[test]
        fn any_bit_that_differs_is_seen(at in 0_usize..HEAD + 300 + TAG, bit in 0_u8..8) {
            let mut file = sealed(&content(300));
            file[at] ^= 1 << bit;
            prop_assert!(opened(&file).is_err(), "{at}");
        }
    }
}
