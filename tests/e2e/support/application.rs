//! An application of somebody else's, written with somebody else's OAuth library, that sends people here to log on.
//!
//! It prints one JSON object a line and waits for an answer on standard input: `{"visit": ADDRESS}` for where that led a person,
//! `{"confirm": ADDRESS}` for when a person has let it in there, `{"pass_seconds": N}` for when the server's clock has moved. Its last line is `{"done": …}`, what it got.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use super::{
    counterparts::{brought, folder, program},
    server::{Member, Server},
};

pub struct Application {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Application {
    /// One written for node; `script` lies in `tests/e2e/oauth`.
    pub fn node(script: &str, settings: &Value) -> Self {
        let mut command = Command::new(program("node"));
        command.arg(source(script));
        Self::start(command, settings)
    }

    /// One written in Python.
    pub fn python(script: &str, settings: &Value) -> Self {
        let mut command = Command::new(brought("clients/python/bin/python"));
        command.arg(source(script));
        Self::start(command, settings)
    }

    fn start(mut command: Command, settings: &Value) -> Self {
        let mut child = command
            .arg(settings.to_string())
            .env("CLIENTS", folder().canonicalize().unwrap().join("clients"))
            .env_remove("NODE_OPTIONS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
        Self {
            input: child.stdin.take().expect("piped"),
            output: BufReader::new(child.stdout.take().expect("piped")),
            child,
        }
    }

    /// Lets it run to its end, logging on as `member` wherever it sends people; what it got.
    #[track_caller]
    pub fn run(mut self, server: &Server, member: &mut Member) -> Value {
        let mut line = String::new();
        loop {
            line.clear();
            self.output.read_line(&mut line).unwrap();
            let said: Value = serde_json::from_str(&line)
                .unwrap_or_else(|e| panic!("the application said “{line}” ({e}) and no more"));
            if let Some(done) = said.get("done") {
                let status = self.child.wait().unwrap();
                assert!(status.success(), "{status}");
                return done.clone();
            }
            let answer = if let Some(address) = said["visit"].as_str() {
                member.log_on_for(server, address)
            } else if let Some(address) = said["confirm"].as_str() {
                member.confirm_device(server, address);
                String::new()
            } else if let Some(seconds) = said["pass_seconds"].as_u64() {
                server.pass_seconds(seconds);
                String::new()
            } else {
                panic!("the application asks for {said}")
            };
            writeln!(self.input, "{answer}").unwrap();
        }
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn source(script: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/e2e/oauth")
        .join(script)
}
