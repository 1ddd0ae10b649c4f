//! Passwords: which are taken, how they are kept, how they are compared.
//!
//! The rules are those of NIST SP 800-63B-4, section 3.1.1.2: a least length, no composition rules, a blocklist, nothing cut
//! off. Kept as Argon2id (RFC 9106) in a PHC string, so that the parameters can grow later.

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

use crate::clock::{Entropy, random};
use crate::{AccountId, AccountName};

/// The least number of characters when nothing else is asked for.
pub const LEAST_ALONE: usize = 15;
/// The least number of characters beside a second factor.
pub const LEAST_WITH_SECOND_FACTOR: usize = 8;
/// The largest number of characters. Nothing is ever cut off: a longer one is refused.
pub const MOST: usize = 256;

/// What else a logon with this password asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// A second factor, always.
    SecondFactor,
}

impl Beside {
    /// The least number of characters of a password.
    pub const fn least(self) -> usize {
        match self {
            Self::Nothing => LEAST_ALONE,
            Self::SecondFactor => LEAST_WITH_SECOND_FACTOR,
        }
    }
}

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Too few characters.
    #[error("the password is too short: it needs at least {least} characters")]
    TooShort {
        /// How many it needs.
        least: usize,
    },
    /// Too many characters.
    #[error("the password is too long: use at most {MOST} characters")]
    TooLong,
    /// Little more than words and sequences that are tried first.
    #[error("that password is among the first that attackers try: choose another")]
    Common,
    /// Little more than the account's or the product's name.
    #[error("the password must not be built from the account's name or the name of this product: choose another")]
    Context,
}

/// Checks a password that someone wants to have.
pub fn check(password: &str, account: &AccountName, beside: Beside) -> Result<(), Unfit> {
    let length = password.chars().count();
    if length < beside.least() {
        return Err(Unfit::TooShort { least: beside.least() });
    }
    if length > MOST {
        return Err(Unfit::TooLong);
    }
    guessable(password, &account.key())
}

/// Proof that a password may be taken, and what stands beside it. Only [`choose`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    beside: Beside,
}

impl Fit {
    /// What it was measured for.
    pub const fn beside(self) -> Beside {
        self.beside
    }
}

/// Checks a password that someone chose, for a logon that asks for this besides.
pub fn choose(password: &str, account: &AccountName, beside: Beside) -> Result<Fit, Unfit> {
    check(password, account, beside).map(|()| Fit { beside })
}

/// A password as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// The machine could not hash: it has no memory for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password could not be checked: the server is short of memory")]
pub struct HashingFailed;

/// The text is no password hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no Argon2id hash in a PHC string")]
pub struct BadHash;

impl PasswordHash {
    /// Hashes a password with the present parameters and a fresh salt. Slow on purpose: tens of milliseconds and 19 MiB.
    pub fn new(password: &str, entropy: &dyn Entropy) -> Result<Self, HashingFailed> {
        hash(password, &random::<16>(entropy)).map(|hash| Self(hash.to_string()))
    }

    /// One that was kept.
    pub fn parse(text: &str) -> Result<Self, BadHash> {
        let hash = phc::PasswordHash::new(text).map_err(|_| BadHash)?;
        let whole = hash.algorithm == argon2::ARGON2ID_IDENT && hash.salt.is_some() && hash.hash.is_some();
        if whole && Params::try_from(&hash).is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadHash)
        }
    }

    /// As it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn outdated(hash: &phc::PasswordHash) -> bool {
        let current = parameters();
        Params::try_from(hash).is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost())
                != (current.m_cost(), current.t_cost(), current.p_cost())
        })
    }
}

/// Proof that somebody has just shown the password of this account. Only [`verify`] makes one.
#[derive(Debug)]
pub struct KnownPassword {
    account: AccountId,
    outdated: bool,
    long: bool,
}

impl KnownPassword {
    /// Whose password.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// Whether it was hashed with other than the present parameters, so that it should be hashed again.
    pub const fn outdated(&self) -> bool {
        self.outdated
    }

    /// Whether it has the length that a password alone must have. Told from what was typed: nothing about it is kept.
    pub const fn long(&self) -> bool {
        self.long
    }
}

/// Compares what was typed with what is kept. With nothing kept (an unknown name, a service) the same work is done, so
/// that the time tells nothing (OWASP ASVS 5.0, 6.3.8).
pub fn verify(kept: Option<(AccountId, &PasswordHash)>, typed: &str) -> Result<Option<KnownPassword>, HashingFailed> {
    let Some((account, kept)) = kept else {
        hash(typed, b"nobody has this!")?;
        return Ok(None);
    };
    let kept = phc::PasswordHash::new(&kept.0).map_err(|_| HashingFailed)?;
    match argon2().verify_password(typed.as_bytes(), &kept) {
        Ok(()) => Ok(Some(KnownPassword {
            account,
            outdated: PasswordHash::outdated(&kept),
            long: typed.chars().count() >= LEAST_ALONE,
        })),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(None),
        Err(_) => Err(HashingFailed),
    }
}

/// 19 MiB, two passes, one lane: the OWASP Password Storage Cheat Sheet's first choice for Argon2id.
const fn parameters() -> Params {
    Params::DEFAULT
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters())
}

fn hash(password: &str, salt: &[u8]) -> Result<phc::PasswordHash, HashingFailed> {
    argon2()
        .hash_password_with_salt(password.as_bytes(), salt)
        .map_err(|_| HashingFailed)
}

/// What a guesser has to guess is counted: a word of the lists stands for two characters, a run such as `1234` or `aaaa`
/// for one. What is then shorter than eight is guessed early, whatever its length.
fn guessable(password: &str, account: &str) -> Result<(), Unfit> {
    let letters: Vec<char> = password.to_lowercase().chars().collect();
    let plain: Vec<char> = letters.iter().map(|letter| undisguised(*letter)).collect();
    let mut context: Vec<&str> = PRODUCT_WORDS.to_vec();
    context.extend(
        account
            .split(['\\', '@', '.', '_', '-', '+'])
            .filter(|part| part.chars().count() >= 3),
    );
    context.push(account);

    let (mut at, mut weight, mut from_context) = (0, 0, false);
    while at < letters.len() {
        let word_in = |list: &[&str]| {
            list.iter()
                .filter(|word| starts_with(&letters[at..], word) || starts_with(&plain[at..], word))
                .map(|word| word.chars().count())
                .max()
                .unwrap_or(0)
        };
        let (near, common, run) = (word_in(&context), word_in(COMMON_WORDS), run(&letters[at..]));
        if near.max(common) >= 3.max(if run >= RUN { run } else { 0 }) {
            from_context |= near >= common;
            weight += 2;
            at += near.max(common);
        } else if run >= RUN {
            weight += 1;
            at += run;
        } else {
            weight += 1;
            at += 1;
        }
    }
    match (weight < LEAST_WITH_SECOND_FACTOR, from_context) {
        (false, _) => Ok(()),
        (true, true) => Err(Unfit::Context),
        (true, false) => Err(Unfit::Common),
    }
}

/// How long a run must be to count as one character.
const RUN: usize = 4;

fn starts_with(letters: &[char], word: &str) -> bool {
    let mut rest = letters.iter();
    word.chars().all(|letter| rest.next() == Some(&letter))
}

/// How many characters from the start on go up, down or stay by the same step.
fn run(letters: &[char]) -> usize {
    let step = |pair: &[char]| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0]));
    let mut steps = letters.windows(2).map(step);
    match steps.next() {
        Some(first) if first.abs() <= 1 => 2 + steps.take_while(|step| *step == first).count(),
        _ => 1,
    }
}

/// The letter that a usual disguise stands for.
const fn undisguised(letter: char) -> char {
    match letter {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// What this product and its work are called.
const PRODUCT_WORDS: &[&str] = &[
    "countersign",
    "four-eyes",
    "foureyes",
    "restic",
    "rustic",
    "backup",
    "snapshot",
    "repository",
    "security",
    "authorization",
    "approve",
    "reject",
];

/// Words that lists of leaked passwords are made of. The usual endings (years, `123`, `!`) need not be here.
#[rustfmt::skip]
const COMMON_WORDS: &[&str] = &[
    "password", "passwort", "passwd", "passw", "pass", "kennwort", "motdepasse", "contrasena", "senha", "wachtwoord",
    "qwertyuiop", "qwerty", "qwertz", "azerty", "asdfghjkl", "asdfgh", "asdf", "zxcvbnm", "zxcvbn", "zxcv", "yxcvbnm",
    "1q2w3e4r5t", "1q2w3e4r", "1q2w3e", "1qaz2wsx", "1qaz", "2wsx", "3edc", "qazwsx", "qaz", "wsx", "edc", "q1w2e3r4",
    "q1w2e3", "zaq1", "zaq", "letmein", "welcome", "willkommen", "bienvenue", "hello", "hallo", "bonjour", "hola",
    "admin", "administrator", "root", "toor", "user", "guest", "test", "testing", "demo", "default", "login", "logon",
    "master", "manager", "service", "server", "system", "oracle", "cisco", "changeme", "change", "secret", "geheim",
    "private", "public", "access", "trustno", "iloveyou", "loveyou", "iloveu", "lovely", "love", "liebe", "amor",
    "princess", "princesse", "prinzessin", "sunshine", "sonnenschein", "rainbow", "flower", "butterfly", "chocolate",
    "schatz", "angel", "engel", "baby", "babygirl", "sweet", "honey", "cookie", "summer", "sommer", "winter", "spring",
    "autumn", "herbst", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january",
    "february", "march", "april", "june", "july", "august", "september", "october", "november", "december", "dragon",
    "monkey", "shadow", "tiger", "panther", "eagle", "falcon", "phoenix", "wolf", "bear", "kitty", "puppy", "ginger",
    "pepper", "banana", "orange", "apple", "cherry", "peanut", "cheese", "coffee", "football", "fussball", "soccer",
    "baseball", "basketball", "hockey", "golf", "tennis", "yankees", "cowboys", "steelers", "lakers", "arsenal",
    "liverpool", "chelsea", "barcelona", "juventus", "bayern", "schalke", "superman", "batman", "spiderman", "ironman",
    "pokemon", "naruto", "starwars", "startrek", "matrix", "mustang", "ferrari", "porsche", "mercedes", "corvette",
    "harley", "yamaha", "honda", "computer", "internet", "google", "facebook", "microsoft", "windows", "linux",
    "ubuntu", "android", "samsung", "iphone", "minecraft", "fortnite", "killer", "hunter", "ranger", "soldier",
    "warrior", "knight", "wizard", "merlin", "gandalf", "freedom", "liberty", "forever", "whatever", "nothing",
    "blink", "metallica", "nirvana", "eminem", "michael", "jennifer", "jessica", "ashley", "daniel", "thomas",
    "jordan", "joshua", "matthew", "andrew", "robert", "anthony", "william", "charlie", "michelle", "nicole",
    "amanda", "samantha", "alexander", "maggie", "buster", "george", "london", "berlin", "paris", "madrid", "america",
    "canada", "australia", "france", "germany", "deutschland", "family", "familie", "mother", "father", "friend",
    "friends", "jesus", "christ", "heaven", "blessed", "money", "dollar", "diamond", "golden", "silver", "purple",
    "yellow", "black", "white", "green", "blue", "abc", "xyz", "hunter2", "fuckyou", "fuck", "asshole", "bitch",
    "sexy", "pussy", "porn", "lol", "haha",
];

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, value) in bytes.iter_mut().zip(7..) {
                *byte = value;
            }
        }
    }

    fn checked(password: &str) -> Result<(), Unfit> {
        check(password, &"TECH\\miriam".parse().unwrap(), Beside::SecondFactor)
    }

    #[test]
    fn req_24_fifteen_alone_eight_beside_a_second_factor_and_long_ones_are_taken() {
        let ann = "ann".parse().unwrap();
        let alone = |password: &str| check(password, &ann, Beside::Nothing);
        assert_eq!(alone("gr7#kLm0vQxZ9p"), Err(Unfit::TooShort { least: 15 }));
        assert_eq!(alone("gr7#kLm0vQxZ9pW"), Ok(()));
        assert_eq!(checked("gr7#kLm"), Err(Unfit::TooShort { least: 8 }));
        assert_eq!(checked("gr7#kLm0"), Ok(()));
        assert_eq!(checked(&"kxv9".repeat(64)), Ok(()));
        assert_eq!(checked(&"kxv9".repeat(65)), Err(Unfit::TooLong));
    }

    #[test]
    fn req_24_characters_are_counted_not_bytes() {
        assert_eq!(checked("æøåßñçü"), Err(Unfit::TooShort { least: 8 }));
        assert_eq!(checked("æøåßñçüé"), Ok(()));
    }

    #[test]
    fn req_25_no_kinds_of_characters_are_asked_for() {
        for good in [
            "correct horse battery staple",
            "vjkwtmzbgh",
            "8305927416",
            "    x  y z k   q w",
        ] {
            assert_eq!(checked(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn req_26_common_words_and_runs_are_refused_however_disguised() {
        for bad in [
            "password",
            "Password123!",
            "P@$$w0rd2026",
            "12345678",
            "87654321",
            "aaaaaaaaaaaaaaaa",
            "qwertyuiop1",
            "iloveyou!",
            "Summer2026!",
            "letmein123",
            "1q2w3e4r5t",
            "adminadmin",
            "welcome-welcome",
            "abcdefgh123",
        ] {
            assert_eq!(checked(bad), Err(Unfit::Common), "{bad}");
        }
    }

    #[test]
    fn req_26_the_names_of_the_account_and_the_product_are_refused() {
        for bad in [
            "miriam2026!",
            "M1r1am!!1234",
            "TECH\\miriam",
            "countersign1",
            "Countersign2026",
            "foureyes99",
        ] {
            assert_eq!(checked(bad), Err(Unfit::Context), "{bad}");
        }
        assert_eq!(checked("miriam collects old maps"), Ok(()));
    }

    #[test]
    fn req_27_28_the_whole_password_counts_and_its_parameters_are_kept() {
        let long = "kxv9".repeat(64);
        let hash = PasswordHash::new(&long, &Counting).unwrap();
        assert!(
            hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            hash.as_str()
        );
        let kept = PasswordHash::parse(hash.as_str()).unwrap();
        let known = verify(Some((AccountId(7), &kept)), &long).unwrap().unwrap();
        assert_eq!((known.account(), known.outdated()), (AccountId(7), false));
        assert!(verify(Some((AccountId(7), &kept)), &long[..255]).unwrap().is_none());
        assert!(verify(None, &long).unwrap().is_none());
    }

    #[test]
    fn req_28_other_parameters_are_told() {
        let weak = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(64, 1, 1, None).unwrap(),
        );
        let text = weak
            .hash_password_with_salt(b"gr7#kLm0", b"0123456789abcdef")
            .unwrap()
            .to_string();
        let kept = PasswordHash::parse(&text).unwrap();
        assert!(
            verify(Some((AccountId(1), &kept)), "gr7#kLm0")
                .unwrap()
                .unwrap()
                .outdated()
        );
    }

    #[test]
    fn what_is_no_hash_is_not_kept() {
        for bad in [
            "",
            "plain",
            "$argon2i$v=19$m=64,t=1,p=1$MDEyMzQ1Njc$AAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=64,t=1,p=1",
        ] {
            assert!(PasswordHash::parse(bad).is_err(), "{bad}");
        }
    }
}
