//! Runs a command: nothing but what it names, no shell, its output kept up to a bound, all of it ended when its time is over.

use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_core::command::{CommandSpec, PATH};
use data_encoding::BASE64;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde_json::{Value, json};

/// How long what a command wrote is waited for after its end, when something that left its process group still holds it open.
const LINGER: Duration = Duration::from_secs(5);

/// What became of a command.
#[derive(Debug, Default)]
pub struct Carried {
    exit_code: Option<i32>,
    signal: Option<i32>,
    failed: Option<String>,
    output: Kept,
    errors: Kept,
}

/// What was written, up to a bound.
#[derive(Debug, Default, Clone)]
struct Kept {
    bytes: Vec<u8>,
    cut: bool,
}

impl Carried {
    /// It was not run.
    pub fn not_run(why: String) -> Self {
        Self {
            failed: Some(why),
            ..Self::default()
        }
    }

    /// As the server is told.
    pub fn document(&self) -> Value {
        json!({
            "exit_code": self.exit_code, "signal": self.signal, "failed": self.failed,
            "output": BASE64.encode(&self.output.bytes), "output_cut": self.output.cut,
            "errors": BASE64.encode(&self.errors.bytes), "errors_cut": self.errors.cut,
        })
    }
}

/// Runs a command to its end, or to the end of its time.
pub fn carry_out(spec: &CommandSpec) -> Carried {
    let mut child = match begin(spec) {
        Ok(child) => child,
        Err(why) => return Carried::not_run(why),
    };
    let most = usize::try_from(spec.output_bytes).unwrap_or(usize::MAX);
    let output = child.stdout.take().map(|stream| kept(stream, most));
    let errors = child.stderr.take().map(|stream| kept(stream, most));
    let over = !ends_within(&child, Duration::from_secs(u64::from(spec.seconds)));
    // Not reaped yet, so the number is still its own: whatever it left behind in its group ends, too.
    end_group(&child);
    let status = child.wait();
    let mut carried = Carried {
        output: output.map(Reading::end).unwrap_or_default(),
        errors: errors.map(Reading::end).unwrap_or_default(),
        ..Carried::default()
    };
    match status {
        Ok(status) => {
            carried.exit_code = status.code();
            carried.signal = status.signal();
        }
        Err(error) => carried.failed = Some(format!("how it ended cannot be learned: {error}")),
    }
    if over {
        carried.failed = Some(format!("ended after its time limit of {} s", spec.seconds));
    }
    carried
}

fn begin(spec: &CommandSpec) -> Result<Child, String> {
    let (program, arguments) = spec.argv.split_first().ok_or("it has no words")?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", PATH);
    command.envs(&spec.environment).current_dir(&spec.folder);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let begun = command.process_group(0).spawn();
    begun.map_err(|error| format!("it cannot be begun: {error}"))
}

/// Whether a process ends within a time. It is not reaped.
fn ends_within(child: &Child, time: Duration) -> bool {
    let Some(pid) = pid(child) else { return false };
    let (ends, ended) = channel();
    std::thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while waitid(WaitId::Pid(pid), options).err() == Some(rustix::io::Errno::INTR) {}
        // Nobody listens when its time is over.
        let _ = ends.send(());
    });
    ended.recv_timeout(time) != Err(RecvTimeoutError::Timeout)
}

fn end_group(child: &Child) {
    if let Some(pid) = pid(child) {
        // There may be nobody left in it.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// A stream that is being read.
struct Reading {
    kept: Arc<Mutex<Kept>>,
    ended: std::sync::mpsc::Receiver<()>,
}

impl Reading {
    fn end(self) -> Kept {
        // What it wrote so far counts, whoever still holds the stream open.
        let _ = self.ended.recv_timeout(LINGER);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn kept(mut stream: impl Read + Send + 'static, most: usize) -> Reading {
    let kept = Arc::new(Mutex::new(Kept::default()));
    let (ends, ended) = channel();
    let into = Arc::clone(&kept);
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count) = stream.read(&mut buffer) {
            if count == 0 {
                break;
            }
            let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
            let room = most.saturating_sub(kept.bytes.len()).min(count);
            kept.bytes.extend_from_slice(&buffer[..room]);
            kept.cut |= room < count;
        }
        let _ = ends.send(());
    });
    Reading { kept, ended }
}

#[cfg(test)]
mod tests {
    use countersign_core::AccountId;
    use countersign_core::command::Mode;

    use super::*;

    fn run(argv: &[&str], change: impl FnOnce(&mut CommandSpec)) -> Carried {
        let mut spec = CommandSpec {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            environment: Default::default(),
            folder: "/".into(),
            mode: Mode::Runner {
                account: AccountId(1),
                name: "host1".into(),
            },
            name: "test".into(),
            output_bytes: 1000,
            seconds: 60,
            valid_minutes: 1,
        };
        change(&mut spec);
        carry_out(&spec)
    }

    fn text(kept: &Kept) -> &str {
        std::str::from_utf8(&kept.bytes).unwrap()
    }

    #[test]
    fn a_command_gets_its_words_folder_and_environment_and_nothing_else() {
        let carried = run(&["env"], |spec| drop(spec.environment.insert("A".into(), "b c".into())));
        assert_eq!(carried.exit_code, Some(0));
        let mut variables: Vec<_> = text(&carried.output).lines().collect();
        variables.sort_unstable();
        assert_eq!(variables, ["A=b c", &format!("PATH={PATH}")]);
        // No shell reads them.
        let carried = run(&["printf", "%s|", "a b", "$HOME", "*", ";exit 3"], |_| {});
        assert_eq!(text(&carried.output), "a b|$HOME|*|;exit 3|");
        let carried = run(&["pwd"], |spec| spec.folder = "/usr".into());
        assert_eq!(text(&carried.output), "/usr\n");
    }

    #[test]
    fn how_it_ended_is_told() {
        let carried = run(&["sh", "-c", "echo out; echo err >&2; exit 7"], |_| {});
        assert_eq!(
            (carried.exit_code, carried.signal, &carried.failed),
            (Some(7), None, &None)
        );
        assert_eq!((text(&carried.output), text(&carried.errors)), ("out\n", "err\n"));
        let carried = run(&["sh", "-c", "kill -TERM $$"], |_| {});
        assert_eq!((carried.exit_code, carried.signal), (None, Some(15)));
        for argv in [&["/no/such/program"][..], &["/etc/passwd"]] {
            let carried = run(argv, |_| {});
            assert!(carried.failed.unwrap().starts_with("it cannot be begun: "));
        }
        let carried = run(&["true"], |spec| spec.folder = "/no/such/folder".into());
        assert!(carried.failed.is_some());
    }

    #[test]
    fn more_output_than_is_kept_is_read_and_cut() {
        let carried = run(
            &["sh", "-c", "head -c 300000 /dev/zero; head -c 1000 /dev/zero >&2"],
            |_| {},
        );
        assert_eq!((carried.output.bytes.len(), carried.output.cut), (1000, true));
        assert_eq!((carried.errors.bytes.len(), carried.errors.cut), (1000, false));
        assert_eq!(carried.exit_code, Some(0));
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_began() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // Both wait for a writer that never comes.
        let script = format!("cat {0} & cat {0}", pipe.display());
        let carried = run(&["sh", "-c", &script], |spec| spec.seconds = 1);
        assert_eq!(carried.failed.as_deref(), Some("ended after its time limit of 1 s"));
        assert_eq!(carried.signal, Some(9));
        let mut left = std::fs::read_dir("/proc").unwrap().flatten();
        let ours = pipe.display().to_string();
        assert!(
            !left.any(
                |process| std::fs::read(process.path().join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(
                    &line
                )
                .replace('\0', " ")
                .starts_with(&format!("cat {ours}")))
            ),
            "something of it still runs"
        );
    }
}
