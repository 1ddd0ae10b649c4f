//! The server as people run it: the real program with a data folder of its own, started, stopped, killed and started again,
//! on a clock that can be moved (by a library of ours, `clock_of.c`).

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicI64, Ordering},
};

use countersign_core::{BackupId, ObjectKey, ObjectKind};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    clock::unix_seconds,
    counterparts,
    person::{Page, Person},
    process::{Outcome, Running, free_port},
    totp::SecondFactor,
};

pub struct Server {
    folder: TempDir,
    port: u16,
    running: Option<Running>,
    /// The name in its public address: browsers make no passkeys for addresses.
    host: &'static str,
    /// How far its clock is ahead; none: it has the machine's.
    ahead: Option<Ahead>,
}

/// How far a server's clocks are ahead of the machine's, in seconds.
#[derive(Default)]
struct Ahead {
    wall: AtomicI64,
    since_boot: AtomicI64,
}

/// Of the service account that set-up makes.
pub const TOKEN: &str = "laptop-0123456789-0123456789-0123456789";

impl Server {
    /// An empty data folder; nothing runs.
    pub fn new() -> Self {
        let mut server = Self::on_the_machines_clock();
        server.ahead = Some(Ahead::default());
        server.pass_seconds(0);
        server
    }

    /// The same on a clock that cannot be moved, and costs nothing to look at.
    pub fn on_the_machines_clock() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            port: free_port(),
            host: "127.0.0.1",
            running: None,
            ahead: None,
        }
    }

    /// Set up without a screen: two people, a laptop, four-eyes authorization on.
    pub fn set_up(members: &[&Member]) -> Self {
        Self::set_up_with(members, true)
    }

    /// The same, where everyone deletes alone if four-eyes authorization is off.
    pub fn set_up_with(members: &[&Member], four_eyes: bool) -> Self {
        let mut server = Self::new();
        server.set_up_by(members, &format!("four_eyes = {four_eyes}"));
        server
    }

    /// A server that is reached as `localhost`, where browsers make passkeys; with these settings.
    pub fn set_up_at_localhost(members: &[&Member], settings: &str) -> Self {
        let mut server = Self::new();
        server.host = "localhost";
        server.set_up_by(members, settings);
        server
    }

    /// The same, where what is approved can be vetoed for so long.
    pub fn set_up_with_undo(members: &[&Member], undo_hours: u32) -> Self {
        let mut server = Self::new();
        server.set_up_by(members, &format!("four_eyes = true\nundo_hours = {undo_hours}"));
        server
    }

    fn set_up_by(&mut self, members: &[&Member], settings: &str) {
        let server = self;
        let people: String = members
            .iter()
            .map(|member| {
                format!(
                    "[[account]]\nname = \"{}\"\npassword = \"{}\"\ntotp_secret = \"{}\"\n",
                    member.name,
                    member.password,
                    member.factor.secret()
                )
            })
            .collect();
        let description = server.folder.path().join("accounts.toml");
        // What is approved is done at once, where nothing else is said.
        let undo = if settings.contains("undo_hours") {
            ""
        } else {
            "undo_hours = 0\n"
        };
        let service = format!("[[service]]\nname = \"laptop\"\ntoken = \"{TOKEN}\"\n[settings]\n{undo}{settings}\n");
        fs::write(&description, people + &service).unwrap();
        let description = description.display().to_string();
        Outcome::of(&mut server.command(&["setup", "accounts", "--file", &description])).expect("setup accounts");
    }

    /// The program with this server's data folder, address and clock.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .args(arguments)
            .args(["--data", &self.data().display().to_string()])
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .stdin(Stdio::null());
        if self.host != "127.0.0.1" {
            command.args(["--public-url", &self.origin()]);
        }
        if self.ahead.is_some() {
            command
                .env("LD_PRELOAD", counterparts::clock_library())
                .env("CLOCK_AHEAD", self.clock());
        }
        command
    }

    pub fn start(&mut self) {
        let command = self.command(&["serve"]);
        self.run(command);
    }

    /// Starts it with its data folder on a disk of its own of this size, which is gone when it ends; where that disk is seen
    /// from here. None where the system lets nobody mount one, not even in a namespace of their own.
    pub fn start_on_small_disk(&mut self, mebibytes: u32) -> Option<PathBuf> {
        let own = ["unshare", "--user", "--map-root-user", "--mount"];
        let may = Command::new(own[0])
            .args(&own[1..])
            .args(["mount", "-t", "tmpfs", "none", "/mnt"])
            .status();
        if !may.is_ok_and(|status| status.success()) {
            return None;
        }
        let serve = self.command(&["serve"]);
        let script = format!(
            r#"cp -a "$0" "$0.kept" && mount -t tmpfs -o size={mebibytes}m,mode=0700 none "$0" && cp -a "$0.kept/." "$0" && exec "$@""#
        );
        let mut command = Command::new(own[0]);
        command
            .args(&own[1..])
            .args(["sh", "-c", &script])
            .arg(self.data())
            .arg(serve.get_program())
            .args(serve.get_args());
        for (name, value) in serve.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        self.run(command);
        let data = self.data();
        let inside = data.strip_prefix("/").expect("it is absolute");
        Some(Path::new(&format!("/proc/{}/root", self.pid())).join(inside))
    }

    fn run(&mut self, mut command: Command) {
        let mut running = Running::start("countersign", &mut command, &self.folder.path().join("log"));
        let port = self.port;
        running.wait_for("listen", |_| std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        self.running = Some(running);
    }

    /// As systemd stops it.
    pub fn stop(&mut self) {
        let status = self.running.take().expect("it runs").stop();
        assert!(status.success(), "{status}");
    }

    pub fn kill(&mut self) {
        self.running.take().expect("it runs").kill();
    }

    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("it runs").pid()
    }

    /// Every event it recorded, in order, as `events tail` prints them.
    pub fn events(&self) -> Vec<Value> {
        let tail = Outcome::of(&mut self.command(&["events", "tail", "--json", "--since", "0"])).expect("events tail");
        let lines = tail.stdout.lines();
        lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Everything it printed and logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn origin(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// Where restic finds a backup.
    pub fn url(&self, account: &str, token: &str, backup: &str) -> String {
        format!(
            "rest:http://{account}:{token}@127.0.0.1:{}/restic/main/{backup}/",
            self.port
        )
    }

    /// Lets time pass for it, at once.
    pub fn pass_seconds(&self, seconds: u64) {
        let seconds = seconds.try_into().expect("far less than for ever");
        self.move_clocks(seconds, seconds);
    }

    /// Sets its wall clock, forward or back, while no time passes.
    pub fn set_clock(&self, seconds: i64) {
        self.move_clocks(seconds, 0);
    }

    fn move_clocks(&self, wall: i64, since_boot: i64) {
        let ahead = self.ahead.as_ref().expect("its clock can be moved");
        let wall = ahead.wall.fetch_add(wall, Ordering::SeqCst) + wall;
        let since_boot = ahead.since_boot.fetch_add(since_boot, Ordering::SeqCst) + since_boot;
        let part = self.folder.path().join("clock.part");
        fs::write(&part, format!("{wall} {since_boot}\n")).unwrap();
        fs::rename(part, self.clock()).unwrap();
    }

    /// What its clock shows.
    pub fn unix_seconds(&self) -> u64 {
        let ahead = self.ahead.as_ref().map_or(0, |ahead| ahead.wall.load(Ordering::SeqCst));
        unix_seconds().checked_add_signed(ahead).expect("it is past 1970")
    }

    /// Bytes of all objects on the disk, hidden ones too.
    pub fn bytes_on_disk(&self) -> usize {
        super::trees::Tree::read(&self.data().join("storages")).bytes()
    }

    fn clock(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// Copies the database as a crash left it; the copy's folder.
    pub fn database_copy(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(self.data()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
            }
        }
        copy
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
    }
}

/// Someone with an account: what they know, the phone they have, and a browser without scripts.
pub struct Member {
    pub name: String,
    pub password: String,
    pub factor: SecondFactor,
    last_step: u64,
    person: Option<Person>,
}

impl Member {
    pub fn new(name: &str, password: &str, totp_secret: &str) -> Self {
        Self {
            name: name.to_owned(),
            password: password.to_owned(),
            factor: SecondFactor::new(totp_secret),
            last_step: 0,
            person: None,
        }
    }

    /// A code that was not used before, waiting for it by the server's clock.
    pub fn code(&mut self, server: &Server) -> String {
        let present = server.unix_seconds() / 30;
        let step = present.max(self.last_step + 1);
        if step > present + 1 {
            server.pass_seconds((step - present) * 30);
        }
        self.last_step = step;
        self.factor.at(step * 30)
    }

    /// Opens a page, signing in where that is asked for.
    #[track_caller]
    pub fn open(&mut self, server: &Server, path: &str) -> Page {
        let mut person = self.person.take().unwrap_or_else(|| Person::new(&server.origin()));
        let mut page = person.open(path);
        if page.address.starts_with("/logon") {
            page = self.give_factors(server, &mut person, &page);
            assert_eq!(page.address, path, "{}", page.text());
        }
        self.person = Some(person);
        page
    }

    /// Presses a button of a page that they opened.
    #[track_caller]
    pub fn press(&mut self, page: &Page, label: &str, fill: &[(&str, &str)]) -> Page {
        self.person.as_mut().expect("signed in").press(page, label, fill)
    }

    /// Lets a program in that shows its code at this address.
    #[track_caller]
    pub fn confirm_device(&mut self, server: &Server, address: &str) {
        let path = address
            .strip_prefix(&server.origin())
            .expect("an address of the server");
        let typed = self.open(server, path);
        let person = self.person.as_mut().expect("signed in");
        // The code is in the address; that it is meant is said here.
        let asked = person.press(&typed, "Go on", &[]);
        person
            .press(&asked, "Log it on", &[])
            .expect_text("The device is logged on.");
    }

    /// Logs on for an application, which sent them to `address` with a browser that knows nothing yet; the address it leads back to.
    #[track_caller]
    pub fn log_on_for(&mut self, server: &Server, address: &str) -> String {
        let mut person = Person::sent_here(&server.origin());
        let path = address
            .strip_prefix(&server.origin())
            .expect("an address of the server");
        let page = person.open(path);
        let page = if page.address.starts_with("/logon") {
            self.give_factors(server, &mut person, &page)
        } else {
            page
        };
        assert!(
            page.address.contains("://"),
            "{} leads nowhere:\n{}",
            page.address,
            page.text()
        );
        page.address
    }

    #[track_caller]
    fn give_factors(&mut self, server: &Server, person: &mut Person, page: &Page) -> Page {
        let asked = person.press(
            page,
            "Continue",
            &[("name", &self.name.clone()), ("password", &self.password.clone())],
        );
        let code = self.code(server);
        person.press(&asked, "Sign in", &[("code", &code)])
    }

    /// Decides on the page of a request; what is said then, if the server is still there to say it.
    #[track_caller]
    pub fn decide(&mut self, server: &Server, page: &Page, decision: &str) -> Option<Page> {
        let code = self.code(server);
        let person = self.person.as_mut().expect("signed in");
        person
            .try_press(page, "Record my decision", &[("decision", decision), ("code", &code)])
            .ok()
    }
}

impl Member {
    /// Vetoes on the page of a request; what is said then, if the server is still there to say it.
    #[track_caller]
    pub fn veto(&mut self, server: &Server, page: &Page) -> Option<Page> {
        let code = self.code(server);
        let person = self.person.as_mut().expect("signed in");
        person.try_press(page, "Veto it", &[("code", &code)]).ok()
    }
}

/// Where an object of the first storage lies.
pub fn object_file(data: &Path, backup: BackupId, key: ObjectKey) -> PathBuf {
    let objects = data.join(format!("storages/1/objects/{backup}"));
    let name = key.name.to_string();
    match key.kind {
        ObjectKind::Config => objects.join(name),
        ObjectKind::Data => objects.join("data").join(&name[..2]).join(name),
        kind => objects.join(kind.as_str()).join(name),
    }
}
