//! What a conversion has read and skipped, told on standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::adapters::Stopwatch;

/// So many skipped parts are told one by one; after that they are only counted.
const TOLD: u64 = 20;

/// Seconds between two looks at the progress.
const EVERY: f64 = 0.2;

/// Counts what goes by, and tells of it.
pub(super) struct Tally {
    pub(super) done: u64,
    pub(super) ambiguous: u64,
    pub(super) skipped: u64,
    octets: u64,
    told: Box<dyn Write>,
    progress: Option<Progress>,
}

/// One line on a terminal, written again and again.
struct Progress {
    since: Stopwatch,
    /// Seconds after which it is written again.
    next: f64,
    shown: bool,
}

impl Tally {
    /// Progress is shown to a person who looks at nothing else: standard error is a terminal, standard output none.
    pub(super) fn on_standard_error() -> Self {
        let progress = io::stderr().is_terminal() && !io::stdout().is_terminal();
        Self::new(Box::new(io::stderr()), progress)
    }

    pub(super) fn new(told: Box<dyn Write>, progress: bool) -> Self {
        Self {
            done: 0,
            ambiguous: 0,
            skipped: 0,
            octets: 0,
            told,
            progress: progress.then(|| Progress {
                since: Stopwatch::start(),
                next: EVERY,
                shown: false,
            }),
        }
    }

    /// A message was read and written.
    pub(super) fn message(&mut self, ambiguous: bool) {
        self.done += 1;
        self.ambiguous += u64::from(ambiguous);
    }

    /// A part of the input was not.
    pub(super) fn skip(&mut self, what: impl Display) {
        self.skipped += 1;
        if self.skipped <= TOLD {
            self.say(format_args!("countersign: {what}"));
        } else if self.skipped == TOLD + 1 {
            self.say("countersign: from here on, what is skipped is only counted");
        }
    }

    /// So many octets of the input have gone by.
    pub(super) fn read(&mut self, octets: usize) {
        self.octets += octets as u64;
        let Some(progress) = &mut self.progress else { return };
        let seconds = progress.since.seconds();
        if seconds >= progress.next {
            progress.next = seconds + EVERY;
            progress.shown = true;
            let line = line(self.done, self.octets, seconds);
            // Who cannot be told is not told.
            let _ = write!(self.told, "\r{line}\x1b[K").and_then(|()| self.told.flush());
        }
    }

    /// Takes the progress off the screen.
    pub(super) fn end_progress(&mut self) {
        if self.progress.take().is_some_and(|progress| progress.shown) {
            let _ = write!(self.told, "\r\x1b[K");
        }
    }

    /// The summary; how many parts were skipped.
    pub(super) fn tell(&mut self) -> u64 {
        let (done, ambiguous, skipped) = (self.done, self.ambiguous, self.skipped);
        self.say(format_args!(
            "messages: {done}, of them ambiguous: {ambiguous}; parts skipped: {skipped}"
        ));
        skipped
    }

    fn say(&mut self, what: impl Display) {
        let shown = self
            .progress
            .as_mut()
            .is_some_and(|progress| std::mem::take(&mut progress.shown));
        let clear = if shown { "\r\x1b[K" } else { "" };
        let _ = writeln!(self.told, "{clear}{what}");
    }
}

/// `2000000 messages, 980.5 MB, 140.1 MB/s`.
fn line(messages: u64, octets: u64, seconds: f64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit after the point")]
    let megabytes = octets as f64 / 1e6;
    format!(
        "{messages} messages, {megabytes:.1} MB, {:.1} MB/s",
        megabytes / seconds
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// What was told, to look at afterwards.
    #[derive(Clone, Default)]
    pub(in super::super) struct Told(Arc<Mutex<Vec<u8>>>);

    impl Told {
        pub(in super::super) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Told {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn progress_is_one_line_that_goes_before_anything_else_is_told() {
        let told = Told::default();
        let mut tally = Tally::new(Box::new(told.clone()), true);
        tally.progress.as_mut().unwrap().next = 0.0;
        tally.message(false);
        tally.read(1_500_000);
        tally.skip("a.log: garbage");
        tally.progress.as_mut().unwrap().next = 0.0;
        tally.read(1_000_000);
        tally.end_progress();
        tally.tell();
        let text = told.text();
        let parts: Vec<&str> = text.split('\r').collect();
        assert_eq!(parts.len(), 5, "{text:?}");
        assert!(
            parts[1].starts_with("1 messages, 1.5 MB, ") && parts[1].ends_with(" MB/s\x1b[K"),
            "{text:?}"
        );
        assert_eq!(parts[2], "\x1b[Kcountersign: a.log: garbage\n");
        assert!(parts[3].starts_with("1 messages, 2.5 MB, "), "{text:?}");
        assert_eq!(parts[4], "\x1b[Kmessages: 1, of them ambiguous: 0; parts skipped: 1\n");
    }

    #[test]
    fn nothing_moves_where_nobody_looks() {
        let told = Told::default();
        let mut tally = Tally::new(Box::new(told.clone()), false);
        tally.read(1_000_000);
        tally.end_progress();
        assert_eq!(told.text(), "");
    }

    #[test]
    fn only_the_first_skipped_parts_are_told() {
        let told = Told::default();
        let mut tally = Tally::new(Box::new(told.clone()), false);
        for part in 0..1_000 {
            tally.skip(part);
        }
        assert_eq!(tally.tell(), 1_000);
        let text = told.text();
        assert_eq!(text.lines().count(), 22, "{text}");
        assert!(
            text.contains("countersign: 19\n") && !text.contains("countersign: 20\n"),
            "{text}"
        );
    }

    #[test]
    fn the_rate_is_over_all_of_the_time() {
        assert_eq!(
            line(2_000_000, 980_500_000, 7.0),
            "2000000 messages, 980.5 MB, 140.1 MB/s"
        );
    }
}
