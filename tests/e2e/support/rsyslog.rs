//! rsyslog, the receiver that most sites have: any number of ways in on the loopback, each with a file of its own.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
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
    /// imptcp: LF or octet counting, whichever the sender begins a message with.
    Tcp,
    /// imudp.
    Udp,
    /// imtcp with OpenSSL: it shows its certificate.
    Tls,
    /// The same, and the sender must show a certificate for [`SENDER`].
    MutualTls,
    /// imrelp.
    Relp,
    /// imrelp with OpenSSL: it shows its certificate.
    RelpTls,
    /// The same, and the sender must show a certificate for [`SENDER`].
    RelpMutualTls,
}

/// The name in the certificate of whoever sends.
pub const SENDER: &str = "countersign.example";

/// What is written down of each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// The message as it came, a line.
    Raw,
    /// An [`Arrived`].
    Parsed,
}

pub struct Rsyslog {
    folder: TempDir,
    kept: Kept,
    ways: Vec<(&'static str, Way, u16)>,
    life: u32,
    running: Option<Running>,
}

impl Rsyslog {
    /// Listens in these ways, each by its name.
    pub fn start(ways: &[(&'static str, Way)]) -> Self {
        Self::start_with(ways, &Authority::new("nobody"))
    }

    /// The same, but it writes down each message as it came and nothing else: then [`Rsyslog::lines`] are the messages.
    pub fn start_raw(ways: &[(&'static str, Way)]) -> Self {
        Self::begin(ways, &Authority::new("nobody"), Kept::Raw)
    }

    /// Listens in these ways; the authority vouches for it and for those who send.
    pub fn start_with(ways: &[(&'static str, Way)], authority: &Authority) -> Self {
        Self::begin(ways, authority, Kept::Parsed)
    }

    fn begin(ways: &[(&'static str, Way)], authority: &Authority, kept: Kept) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.crt"), authority.certificate()).unwrap();
        authority.identity("localhost").write(folder.path(), "own");
        let mut rsyslog = Self {
            folder,
            kept,
            ways: ways.iter().map(|(name, way)| (*name, *way, free_port())).collect(),
            life: 0,
            running: None,
        };
        rsyslog.run();
        rsyslog
    }

    fn run(&mut self) {
        let folder = self.folder.path();
        let path = |name: &str| folder.join(name).display().to_string();
        fs::write(
            path("rsyslog.conf"),
            configuration(folder, &self.ways, self.life, self.kept),
        )
        .unwrap();
        let modules = counterparts::receiver_modules("usr/lib/x86_64-linux-gnu/rsyslog", "imrelp.so");
        let mut command = counterparts::receiver("rsyslogd");
        command.args(["-n", "-f", &path("rsyslog.conf"), "-i", &path("pid"), "-M"]);
        command.arg(modules);
        let mut running = Running::start("rsyslogd", &mut command, &folder.join("log"));
        for (name, way, port) in &self.ways {
            running.wait_for(&format!("listen for {name}"), |log| {
                for sign in ["could not load module", "Permission denied", "Address already in use"] {
                    assert!(!log.contains(sign), "rsyslogd cannot work here:\n{log}");
                }
                match way {
                    Way::Udp => (!is_free(*port)).then_some(()),
                    _ => TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).ok().map(drop),
                }
            });
        }
        self.running = Some(running);
    }

    /// Where to send to.
    pub fn address(&self, name: &str) -> String {
        let (_, way, port) = self.ways.iter().find(|(known, ..)| *known == name).expect("a way in");
        match way {
            Way::Tcp | Way::Udp | Way::Relp => format!("127.0.0.1:{port}"),
            // As its certificate says.
            Way::Tls | Way::MutualTls | Way::RelpTls | Way::RelpMutualTls => format!("localhost:{port}"),
        }
    }

    /// Every message that arrived, as rsyslog read it.
    pub fn arrived(&self, name: &str) -> Vec<Arrived> {
        arrivals::read(self.folder.path(), name, self.life)
    }

    /// Every message that arrived, as it came.
    pub fn messages(&self, name: &str) -> Vec<String> {
        self.arrived(name).into_iter().map(|arrived| arrived.raw).collect()
    }

    /// Every whole line as it is on the disk.
    pub fn lines(&self, name: &str) -> Vec<u8> {
        arrivals::lines(self.folder.path(), name, self.life)
    }

    /// How many octets have been written down in this life.
    pub fn progress(&self, name: &str) -> u64 {
        fs::metadata(self.file(name)).map_or(0, |file| file.len())
    }

    /// The last whole line that was written down in this life.
    pub fn last_line(&self, name: &str) -> Option<String> {
        let mut file = fs::File::open(self.file(name)).ok()?;
        let length = file.metadata().ok()?.len();
        // A message is at most 8 KiB.
        file.seek(SeekFrom::Start(length.saturating_sub(32 << 10))).ok()?;
        let mut end = Vec::new();
        file.read_to_end(&mut end).ok()?;
        let end = String::from_utf8_lossy(&end);
        let (whole, _) = end.rsplit_once('\n')?;
        whole.rsplit('\n').next().map(str::to_owned)
    }

    fn file(&self, name: &str) -> PathBuf {
        arrivals::file(self.folder.path(), name, self.life)
    }

    /// Waits until `count` messages are there.
    #[track_caller]
    pub fn wait_for(&self, name: &str, count: usize) -> Vec<Arrived> {
        eventually(&format!("{count} messages at rsyslog by {name}"), || {
            Some(self.arrived(name)).filter(|all| all.len() >= count)
        })
    }

    /// Stops it in order; what arrived stays.
    pub fn stop(&mut self) {
        self.running.take().expect("it runs").stop();
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.running.take().expect("it runs").kill();
    }

    /// Starts it again on the same ports.
    pub fn restart(&mut self) {
        self.life += 1;
        self.run();
    }
}

fn configuration(folder: &Path, ways: &[(&'static str, Way, u16)], life: u32, kept: Kept) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    let (ca, certificate, key) = (path("ca.crt"), path("own.crt"), path("own.key"));
    let mut text = format!(
        r#"global(workDirectory="{}" parser.escapeControlCharactersOnReceive="off"
    defaultNetstreamDriverCAFile="{ca}" defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")
module(load="imptcp")
module(load="imudp")
module(load="imtcp")
module(load="imrelp" tls.tlslib="openssl")
module(load="mmpstrucdata")
template(name="raw" type="string" string="%rawmsg%\n")
template(name="parsed" type="list" option.jsonf="on") {{
    property(outname="raw" name="rawmsg" format="jsonf")
    property(outname="pri" name="pri" format="jsonf")
    property(outname="timestamp" name="timestamp" dateFormat="rfc3339" format="jsonf")
    property(outname="hostname" name="hostname" format="jsonf")
    property(outname="app_name" name="app-name" format="jsonf")
    property(outname="msgid" name="msgid" format="jsonf")
    property(outname="structured_data" name="structured-data" format="jsonf")
    property(outname="elements" name="$!rfc5424-sd" format="jsonf")
    property(outname="message" name="msg" format="jsonf")
}}
"#,
        folder.display(),
    );
    let (parse, template) = match kept {
        Kept::Raw => ("", "raw"),
        Kept::Parsed => (r#"action(type="mmpstrucdata" sd_name.lowercase="off")"#, "parsed"),
    };
    for (name, way, port) in ways {
        // What is acknowledged must outlive rsyslogd: with a queue in memory it acknowledges what kill -9 then takes away, and
        // so does a file that is written later. What was given to the system's file cache is only lost with the machine.
        let file = arrivals::file(folder, name, life);
        let _ = writeln!(
            text,
            r#"ruleset(name="{name}" queue.type="Direct") {{
    {parse}
    action(type="omfile" file="{}" template="{template}" asyncWriting="off" flushOnTXEnd="on")
}}"#,
            file.display()
        );
        let tls = r#"streamDriver.name="ossl" streamDriver.mode="1""#;
        let relp_tls = format!(r#"tls="on" tls.caCert="{ca}" tls.myCert="{certificate}" tls.myPrivKey="{key}""#);
        let input = match way {
            Way::Tcp => r#"type="imptcp" maxFrameSize="65536""#.to_owned(),
            Way::Udp => r#"type="imudp""#.to_owned(),
            Way::Tls => format!(r#"type="imtcp" {tls} streamDriver.authMode="anon""#),
            Way::MutualTls => {
                format!(r#"type="imtcp" {tls} streamDriver.authMode="x509/name" permittedPeer=["{SENDER}"]"#)
            }
            Way::Relp => r#"type="imrelp""#.to_owned(),
            Way::RelpTls => format!(r#"type="imrelp" {relp_tls}"#),
            Way::RelpMutualTls => {
                format!(r#"type="imrelp" {relp_tls} tls.authMode="name" tls.permittedPeer=["{SENDER}"]"#)
            }
        };
        let _ = writeln!(
            text,
            r#"input({input} address="127.0.0.1" port="{port}" ruleset="{name}")"#
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::{io::Write, net::UdpSocket};

    use super::*;

    const MESSAGE: &str = r#"<14>1 2025-11-24T05:26:37.421424-07:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=42402 Operation="Disable four-eyes authorization"]"#;

    #[test]
    fn messages_arrive_as_they_were_sent() {
        let mut rsyslog = Rsyslog::start(&[("tcp", Way::Tcp), ("udp", Way::Udp)]);
        let mut by_line = TcpStream::connect(rsyslog.address("tcp")).unwrap();
        writeln!(by_line, "{MESSAGE}").unwrap();
        rsyslog.wait_for("tcp", 1);
        let mut by_count = TcpStream::connect(rsyslog.address("tcp")).unwrap();
        write!(by_count, "{} {MESSAGE}", MESSAGE.len()).unwrap();
        rsyslog.wait_for("tcp", 2);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.send_to(MESSAGE.as_bytes(), rsyslog.address("udp")).unwrap();
        rsyslog.wait_for("udp", 1);
        rsyslog.stop();
        assert!(TcpStream::connect(rsyslog.address("tcp")).is_err());
        rsyslog.restart();
        let mut again = TcpStream::connect(rsyslog.address("tcp")).unwrap();
        writeln!(again, "{MESSAGE}").unwrap();
        rsyslog.wait_for("tcp", 3);
        assert_eq!(rsyslog.messages("tcp"), [MESSAGE; 3]);
        assert_eq!(rsyslog.messages("udp"), [MESSAGE]);
    }
}
