//! A program that runs beside the test: its output is kept, shown when the test fails, and it never outlives the test.

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use super::clock::eventually;

pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts it; what it prints on either stream is added to `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log).unwrap();
        let err = out.try_clone().unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        }
    }

    /// Everything it printed so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits for something it is going to print or do; fails at once when it ends instead.
    pub fn wait_for<T>(&mut self, what: &str, mut ask: impl FnMut(&str) -> Option<T>) -> T {
        eventually(&format!("{} to {what}", self.name), || {
            let log = self.log();
            ask(&log).or_else(|| match self.child.try_wait() {
                Ok(Some(status)) => panic!("{} ended ({status}) instead of going to {what}", self.name),
                _ => None,
            })
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9.
    pub fn kill(&mut self) {
        let _: io::Result<()> = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as systemd does, and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let kill = Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &pid])
            .status()
            .unwrap();
        assert!(kill.success(), "{} could not be told to stop", self.name);
        eventually(&format!("{} to stop", self.name), || self.child.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _: io::Result<()> = self.child.kill();
        let _: io::Result<ExitStatus> = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("── the last lines of {} ──", self.name);
            for line in &lines[lines.len().saturating_sub(80)..] {
                eprintln!("{line}");
            }
        }
    }
}

/// A port of the loopback that nobody listens on, for TCP and UDP. It lies below those that the system gives to connections,
/// so that a program that is stopped finds it free when it is started again.
pub fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let end = range
        .split_whitespace()
        .next()
        .and_then(|first| first.parse().ok())
        .unwrap_or(FIRST);
    let room = end.saturating_sub(FIRST);
    if room < 1000 {
        return TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
    }
    // Test processes that run side by side look in different places.
    let start = std::process::id().wrapping_mul(61);
    (0..room)
        .map(|_| start.wrapping_add(TAKEN.fetch_add(1, Ordering::SeqCst)) % room + FIRST)
        .map(|port| u16::try_from(port).expect("ports end at 65535"))
        .find(|port| is_free(*port))
        .expect("some port is free")
}

/// Whether nobody has it, for TCP nor for UDP.
pub fn is_free(port: u16) -> bool {
    let at = (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok()
}

/// What a program that ran to its end left.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Runs it to its end.
    pub fn of(command: &mut Command) -> Self {
        let output = command
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Fails the test with all that was printed, unless it succeeded.
    #[track_caller]
    pub fn expect(self, what: &str) -> Self {
        assert!(
            self.succeeded(),
            "{what}: exit {:?}\n{}\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }
}
