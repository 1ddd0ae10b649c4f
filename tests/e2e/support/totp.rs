//! The codes that a person's phone would show.

use totp_rs::{Builder, Secret, Totp};

use super::clock::{eventually, unix_seconds};

const STEP_SECONDS: u64 = 30;

/// A second factor: RFC 6238 with SHA-1, six digits, thirty seconds, as every authenticator has it.
pub struct SecondFactor {
    secret: String,
    totp: Totp,
    last_step: u64,
}

impl SecondFactor {
    /// From the secret as a person sees it, in Base32.
    pub fn new(secret: &str) -> Self {
        let parsed = Secret::try_from_base32(secret).expect("the secret is Base32");
        Self {
            secret: secret.to_owned(),
            totp: Builder::new().with_secret(parsed).build_noncompliant(),
            last_step: 0,
        }
    }

    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The code of a moment.
    pub fn at(&self, unix_seconds: u64) -> String {
        self.totp.generate(unix_seconds).to_string()
    }

    /// A code not used before. A server takes each step once, and the neighbours of the present one; so the second
    /// code within a step is the next step's, and the third has to wait.
    pub fn fresh_code(&mut self) -> String {
        let step = eventually("a fresh one-time code", || {
            let present = unix_seconds() / STEP_SECONDS;
            let step = present.max(self.last_step + 1);
            (step <= present + 1).then_some(step)
        });
        self.last_step = step;
        self.at(step * STEP_SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::support::{counterparts::program, process::Outcome};

    #[test]
    fn codes_are_those_of_another_implementation() {
        let factor = SecondFactor::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for moment in [59, 1_111_111_109, 20_000_000_000] {
            let theirs = Outcome::of(Command::new(program("oathtool")).args([
                "--totp",
                "--base32",
                &format!("--now=@{moment}"),
                factor.secret(),
            ]))
            .expect("oathtool");
            assert_eq!(factor.at(moment), theirs.stdout.trim());
        }
    }

    #[test]
    fn no_code_comes_twice() {
        let mut factor = SecondFactor::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_ne!(factor.fresh_code(), factor.fresh_code());
    }
}
