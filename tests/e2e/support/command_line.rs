//! Someone's own command line, away from the server's folder.

use std::{path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    browser::Browser,
    process::{Outcome, Running},
    server::{Member, Server},
};

pub struct CommandLine {
    home: TempDir,
    origin: String,
}

impl CommandLine {
    /// Nobody is logged on.
    pub fn of(server: &Server) -> Self {
        Self {
            home: TempDir::new().unwrap(),
            origin: server.origin(),
        }
    }

    /// The program, which speaks to the server.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .args(arguments)
            .current_dir(&self.home)
            .env("HOME", self.home.path())
            .env("COUNTERSIGN_SERVER", &self.origin);
        for name in ["XDG_CONFIG_HOME", "COUNTERSIGN_TOKEN", "COUNTERSIGN_CACERT"] {
            command.env_remove(name);
        }
        command
    }

    /// What the program prints; it must succeed.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        Outcome::of(&mut self.command(arguments)).expect("countersign").stdout
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// `countersign login`, and what it asks for in a browser.
    pub fn log_on(&self, server: &Server, member: &mut Member) {
        let mut login = self.command(&["login", "--no-browser"]);
        let log = self.home.path().join("login");
        // Of an earlier logon.
        let _ = std::fs::remove_file(&log);
        let mut login = Running::start("login", &mut login, &log);
        let address = login.wait_for("print the address", |log| {
            let (whole, _) = log.rsplit_once('\n')?;
            let mut lines = whole.lines().map(str::trim);
            lines.find(|line| line.starts_with("http")).map(str::to_owned)
        });
        let browser = Browser::start();
        browser.open(&address);
        browser.fill("#name", &member.name);
        browser.fill("#password", &member.password);
        browser.press("Continue");
        browser.fill("#code", &member.code(server));
        browser.press("Sign in");
        browser.expect_text("You are logged on.");
        // Only then the token is kept.
        login.wait_for("log on", |log| log.contains("Logged on to").then_some(()));
    }

    /// The access token that the logon left.
    pub fn token(&self) -> String {
        let file = self.home.path().join(".config/countersign/credentials.json");
        let kept: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let mut tokens = kept["tokens"].as_object().expect("tokens").values();
        tokens
            .next()
            .and_then(|logon| logon["access"].as_str())
            .expect("a token")
            .to_owned()
    }
}
