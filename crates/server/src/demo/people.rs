//! Who is there, with what they log on with.

use std::fmt::Write as _;

use countersign_core::Entropy;
use countersign_core::clock::random;
use countersign_core::factor::{STEP_SECONDS, TotpSecret};
use countersign_events::Timestamp;

/// Somebody who can approve.
pub struct Person {
    /// How they are called.
    pub name: &'static str,
    /// Their password.
    pub password: String,
    /// What their authenticator knows.
    pub totp: TotpSecret,
}

impl Person {
    pub(super) fn make(name: &'static str, entropy: &dyn Entropy) -> Self {
        let letters = data_encoding::BASE32_NOPAD
            .encode(&random::<10>(entropy))
            .to_ascii_lowercase();
        let (one, rest) = letters.split_at(4);
        let (two, rest) = rest.split_at(4);
        let (three, four) = rest.split_at(4);
        Self {
            name,
            password: format!("{one}-{two}-{three}-{four}"),
            totp: TotpSecret::new(entropy),
        }
    }

    /// The code of now and the next one. The server takes both, each once: to log on, and to decide right after.
    pub fn codes(&self, now: Timestamp) -> Option<[String; 2]> {
        Some([
            self.totp.code_at(now)?,
            self.totp.code_at(now.plus_seconds(STEP_SECONDS))?,
        ])
    }
}

/// The people and the clients, as the set-up without a screen reads it.
pub(super) fn description(people: &[Person], clients: &[&str]) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    for Person { name, password, totp } in people {
        let secret = totp.to_base32();
        let _ = writeln!(
            text,
            "[[account]]\nname = \"{name}\"\npassword = \"{password}\"\ntotp_secret = \"{secret}\""
        );
    }
    for client in clients {
        let _ = writeln!(text, "[[service]]\nname = \"{client}\"");
    }
    text + "[settings]\nfour_eyes = true\n"
}
