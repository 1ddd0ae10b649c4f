//! `countersign events decode` and `encode` on streams that are far larger than their memory.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use super::support::clock::eventually;

const MESSAGE: &str = "<14>1 2026-03-01T09:00:00.000001+01:00 backup7 Veeam_MP - - [origin enterpriseId=\"31023\"] \
[categoryId=0 instanceId=44005 SourceIpAddress=\"192.0.2.7\" ChainId=\"c1\" VbrHostName=\"backup7.example\" \
VbrVersion=\"1.0.0\" Version=\"1\" Description=\"Token chain was revoked.\"]\n";

const JSON: &str = "{\"pri\":14,\"timestamp\":\"2026-03-01T09:00:00Z\",\"hostname\":\"h\",\"app_name\":\"a\",\"id\":44005,\
\"severity\":\"Info\",\"parameters\":{\"ChainId\":\"c1\"},\"ambiguous\":false}\n";

const MEGABYTE: usize = 1_000_000;

/// What memory the command needs at most, in kB: the longest JSON line (16 MiB), what it holds, and the program itself.
const BOUND: u64 = 128 * 1024;

#[test]
fn decode_reads_any_stream_in_constant_memory() {
    let mut decode = Conversion::start("decode");
    decode.write(MESSAGE, 20 * MEGABYTE);
    let before = decode.peak_kilobytes();
    decode.write("garbage that never ends ", 200 * MEGABYTE);
    decode.write("\n", 1);
    decode.write("garbage\n", 4 * MEGABYTE);
    decode.write(MESSAGE, 20 * MEGABYTE);
    let after = decode.peak_kilobytes();
    assert!(
        after < before + 8 * 1024 && after < BOUND,
        "{before} kB, then {after} kB"
    );

    let (out, err) = decode.finish();
    let messages = 2 * (20 * MEGABYTE).div_ceil(MESSAGE.len());
    assert_eq!(out, messages);
    let told: Vec<&str> = err.lines().collect();
    let garbage = (4 * MEGABYTE) / 8 + 1;
    assert_eq!(
        told.last(),
        Some(&format!("messages: {messages}, of them ambiguous: 0; parts skipped: {garbage}").as_str())
    );
    assert!(told.len() < 30 && !err.contains('\r'), "{err}");
    assert!(told.iter().any(|line| line.ends_with("the line is too long")), "{err}");
}

#[test]
fn encode_reads_any_stream_in_constant_memory() {
    let mut encode = Conversion::start("encode");
    encode.write(JSON, 10 * MEGABYTE);
    encode.write("x", 100 * MEGABYTE);
    encode.write("\n", 1);
    let before = encode.peak_kilobytes();
    encode.write("x", 100 * MEGABYTE);
    encode.write("\n", 1);
    encode.write(JSON, 10 * MEGABYTE);
    let after = encode.peak_kilobytes();
    assert!(
        after < before + 8 * 1024 && after < BOUND,
        "{before} kB, then {after} kB"
    );

    let (out, err) = encode.finish();
    let messages = 2 * (10 * MEGABYTE).div_ceil(JSON.len());
    assert_eq!(out, messages);
    let summary = format!("messages: {messages}, of them ambiguous: 0; parts skipped: 2\n");
    assert!(err.ends_with(&summary), "{err}");
}

#[test]
fn standard_input_can_be_named_twice() {
    let mut decode = Conversion::with("decode", &["-", "-"]);
    decode.write(MESSAGE, 1);
    drop(decode.input);
    let code = eventually("decode to end", || decode.child.try_wait().unwrap()).code();
    assert_eq!((code, decode.lines.join().unwrap()), (Some(0), 1));
}

/// A running `countersign events …`, whose output is counted in lines.
struct Conversion {
    child: Child,
    input: ChildStdin,
    lines: thread::JoinHandle<usize>,
    told: thread::JoinHandle<String>,
}

impl Conversion {
    fn start(what: &str) -> Self {
        Self::with(what, &[])
    }

    fn with(what: &str, files: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["events", what])
            .args(files)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let lines = thread::spawn(move || {
            let (mut piece, mut lines) = (vec![0; 1 << 16], 0);
            loop {
                match out.read(&mut piece).unwrap() {
                    0 => return lines,
                    count => lines += piece[..count].iter().filter(|octet| **octet == b'\n').count(),
                }
            }
        });
        let told = thread::spawn(move || {
            let mut text = String::new();
            err.read_to_string(&mut text).unwrap();
            text
        });
        let input = child.stdin.take().unwrap();
        Self {
            child,
            input,
            lines,
            told,
        }
    }

    /// Writes the text again and again, at least so many octets, and waits until they are read.
    fn write(&mut self, text: &str, octets: usize) {
        let times = octets.div_ceil(text.len());
        let at_once = (MEGABYTE / text.len()).clamp(1, times);
        let block = text.repeat(at_once);
        for _ in 0..times / at_once {
            self.input.write_all(block.as_bytes()).unwrap();
        }
        self.input.write_all(text.repeat(times % at_once).as_bytes()).unwrap();
    }

    /// The most memory that it ever had, as the system counts it.
    fn peak_kilobytes(&mut self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        eventually("the child's memory to be told", || {
            let status = std::fs::read_to_string(&path).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().trim_end_matches(" kB").parse().ok()
        })
    }

    /// Ends the input; how many lines came out, and what was told on standard error.
    fn finish(mut self) -> (usize, String) {
        drop(self.input);
        let code = self.child.wait().unwrap().code();
        let (lines, told) = (self.lines.join().unwrap(), self.told.join().unwrap());
        assert_eq!(code, Some(3), "{told}");
        (lines, told)
    }
}
