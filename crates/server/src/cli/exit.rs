//! How a command ends: one table for all that speak to a server.

/// How a command that speaks to a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; or held as a request, where nothing said to wait for it.
    Done,
    /// Something went wrong.
    Failed,
    /// The arguments are wrong.
    Usage,
    /// The server, or the command itself, refused.
    Refused,
    /// Waited for, and somebody said no.
    Rejected,
    /// Waited for, and nobody decided in time.
    Expired,
    /// Waited for as long as was said.
    StillWaits,
    /// Waited for, and nothing came of it.
    Void,
}

impl Exit {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::Rejected,
        Self::Expired,
        Self::StillWaits,
        Self::Void,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Rejected => 4,
            Self::Expired => 5,
            Self::StillWaits => 6,
            Self::Void => 7,
        }
    }

    /// What it means, in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done; without --wait also: held as a request that a second person must approve",
            Self::Failed => "failed: the server cannot be reached, nobody is logged on, a test was not delivered …",
            Self::Usage => "the arguments are wrong, or there is no terminal to ask on",
            Self::Refused => {
                "refused: not allowed, already decided, in use, no such thing …; standard error says which"
            }
            Self::Rejected => "waited for: rejected, or vetoed",
            Self::Expired => "waited for: expired",
            Self::StillWaits => "waited for: the time ran out, and it still waits",
            Self::Void => "waited for: void, or failed; nothing was done",
        }
    }
}

/// For `--help`, the same for all.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done; without --wait also: held as a request that a second person must approve
  1  failed: the server cannot be reached, nobody is logged on, a test was not delivered …
  2  the arguments are wrong, or there is no terminal to ask on
  3  refused: not allowed, already decided, in use, no such thing …; standard error says which
  4  waited for: rejected, or vetoed
  5  waited for: expired
  6  waited for: the time ran out, and it still waits
  7  waited for: void, or failed; nothing was done";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_one_in_the_program_its_help_and_the_document() {
        let document = include_str!("../../../../docs/operations.md");
        for (at, exit) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), at);
            let (code, meaning) = (exit.code(), exit.meaning());
            assert!(EXIT_CODES.contains(&format!("\n  {code}  {meaning}")), "{exit:?}");
            assert!(document.contains(&format!("\n| {code} | {meaning} |")), "{exit:?}");
        }
        assert_eq!(EXIT_CODES.lines().count(), Exit::ALL.len() + 1);
    }
}
