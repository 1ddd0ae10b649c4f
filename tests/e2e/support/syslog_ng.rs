//! syslog-ng, the other receiver that sites have: any number of ways in on the loopback, each with a file of its own.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, TcpStream},
    path::Path,
};

use tempfile::TempDir;

use super::{
    arrivals::{self, Arrived},
    certificates::Authority,
    clock::eventually,
    counterparts,
    process::{Running, free_port, is_free},
};

/// How messages come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `network()`: a line is a message.
    Lines,
    /// `syslog()` over TCP: octet counting.
    Octets,
    /// `syslog()` over UDP.
    Udp,
    /// `syslog()` over TLS: it shows its certificate.
    Tls,
    /// The same, and the sender must show one of the same authority.
    MutualTls,
}

pub struct SyslogNg {
    folder: TempDir,
    ways: Vec<(&'static str, Way, u16)>,
    _running: Running,
}

impl SyslogNg {
    /// Listens in these ways, each by its name; the authority vouches for it and for those who send.
    pub fn start_with(ways: &[(&'static str, Way)], authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.crt"), authority.certificate()).unwrap();
        authority.identity("localhost").write(folder.path(), "own");
        let ways: Vec<_> = ways.iter().map(|(name, way)| (*name, *way, free_port())).collect();
        let running = run(folder.path(), &ways);
        Self {
            folder,
            ways,
            _running: running,
        }
    }

    /// Where to send to.
    pub fn address(&self, name: &str) -> String {
        let (_, way, port) = self.ways.iter().find(|(known, ..)| *known == name).expect("a way in");
        match way {
            Way::Lines | Way::Octets | Way::Udp => format!("127.0.0.1:{port}"),
            // As its certificate says.
            Way::Tls | Way::MutualTls => format!("localhost:{port}"),
        }
    }

    /// Every message that arrived, as syslog-ng read it.
    pub fn arrived(&self, name: &str) -> Vec<Arrived> {
        arrivals::read(self.folder.path(), name, 0)
    }

    /// Waits until `count` messages are there.
    #[track_caller]
    pub fn wait_for(&self, name: &str, count: usize) -> Vec<Arrived> {
        eventually(&format!("{count} messages at syslog-ng by {name}"), || {
            Some(self.arrived(name)).filter(|all| all.len() >= count)
        })
    }
}

fn run(folder: &Path, ways: &[(&'static str, Way, u16)]) -> Running {
    let path = |name: &str| folder.join(name).display().to_string();
    fs::write(path("syslog-ng.conf"), configuration(folder, ways)).unwrap();
    let modules = counterparts::receiver_modules("usr/lib/syslog-ng/3.38", "libafsocket.so");
    let mut command = counterparts::receiver("syslog-ng");
    command.args(["--foreground", "--no-caps", "--stderr"]);
    command.args(["--cfgfile", &path("syslog-ng.conf"), "--persist-file", &path("persist")]);
    command.args(["--control", &path("control"), "--pidfile", &path("pid")]);
    command.arg("--module-path").arg(modules);
    let mut running = Running::start("syslog-ng", &mut command, &folder.join("log"));
    for (name, way, port) in ways {
        running.wait_for(&format!("listen for {name}"), |_| match way {
            Way::Udp => (!is_free(*port)).then_some(()),
            _ => TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).ok().map(drop),
        });
    }
    running
}

fn configuration(folder: &Path, ways: &[(&'static str, Way, u16)]) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    let keys = format!(
        r#"key-file("{}") cert-file("{}") ca-file("{}")"#,
        path("own.key"),
        path("own.crt"),
        path("ca.crt")
    );
    let mut text = r#"@version: 3.38
options { keep-hostname(yes); keep-timestamp(yes); use-dns(no); dns-cache(no); log-msg-size(65536); frac-digits(6); stats-freq(0); };
template kept { template("$(format-json raw=${RAWMSG} pri=${PRI} timestamp=${ISODATE} hostname=${HOST} app_name=${PROGRAM} msgid=${MSGID} structured_data=${SDATA} elements=$(format-json --key .SDATA.* --rekey .SDATA.* --shift-levels 2) message=${MESSAGE})\n"); };
"#
    .to_owned();
    for (name, way, port) in ways {
        let (source, more) = match way {
            Way::Lines => (
                "network",
                r#"transport("tcp") flags(syslog-protocol, store-raw-message)"#.to_owned(),
            ),
            Way::Octets => ("syslog", r#"transport("tcp") flags(store-raw-message)"#.to_owned()),
            Way::Udp => ("syslog", r#"transport("udp") flags(store-raw-message)"#.to_owned()),
            Way::Tls => (
                "syslog",
                format!(r#"transport("tls") flags(store-raw-message) tls({keys} peer-verify(optional-untrusted))"#),
            ),
            Way::MutualTls => (
                "syslog",
                format!(r#"transport("tls") flags(store-raw-message) tls({keys} peer-verify(required-trusted))"#),
            ),
        };
        let _ = writeln!(
            text,
            r#"log {{ source {{ {source}(ip("127.0.0.1") port({port}) {more}); }}; destination {{ file("{}" template(kept)); }}; }};"#,
            arrivals::file(folder, name, 0).display()
        );
    }
    text
}
