//! rsyslog, the receiver that most sites have: TCP and UDP on one port of the loopback, every message to a file as it came.

use std::{fs, net::Ipv4Addr, path::PathBuf, process::Command};

use tempfile::TempDir;

use super::{
    clock::eventually,
    counterparts,
    process::{Running, free_port},
};

pub struct Rsyslog {
    folder: TempDir,
    port: u16,
    running: Running,
}

impl Rsyslog {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let running = Self::run(&folder, port);
        Self { folder, port, running }
    }

    fn run(folder: &TempDir, port: u16) -> Running {
        let path = |name: &str| folder.path().join(name).display().to_string();
        let configuration = format!(
            r#"global(workDirectory="{work}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")
module(load="imtcp")
module(load="imudp")
template(name="raw" type="string" string="%rawmsg%\n")
ruleset(name="keep") {{ action(type="omfile" file="{messages}" template="raw") }}
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="keep")
input(type="imudp" address="127.0.0.1" port="{port}" ruleset="keep")
"#,
            work = folder.path().display(),
            messages = path("messages"),
        );
        fs::write(path("rsyslog.conf"), configuration).unwrap();
        let mut command = Command::new(counterparts::program("rsyslogd"));
        command.args(["-n", "-f", &path("rsyslog.conf"), "-i", &path("pid")]);
        let mut running = Running::start("rsyslogd", &mut command, &folder.path().join("log"));
        running.wait_for("listen", |_| {
            std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        running
    }

    /// Where to send to, over TCP or UDP.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Every message that arrived, one a line, with its PRI.
    pub fn messages(&self) -> Vec<String> {
        let file: PathBuf = self.folder.path().join("messages");
        fs::read_to_string(file)
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Waits until `count` messages are there.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<String> {
        eventually(&format!("{count} messages at rsyslog"), || {
            Some(self.messages()).filter(|all| all.len() >= count)
        })
    }

    /// Stops it in order; what arrived stays.
    pub fn stop(&mut self) {
        self.running.stop();
    }

    /// Starts it again on the same port, adding to what arrived before.
    pub fn restart(&mut self) {
        self.running = Self::run(&self.folder, self.port);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        net::{TcpStream, UdpSocket},
    };

    use super::*;

    const MESSAGE: &str = r#"<14>1 2025-11-24T05:26:37.421424-07:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=42402 Operation="Disable four-eyes authorization"]"#;

    #[test]
    fn messages_arrive_as_they_were_sent() {
        let mut rsyslog = Rsyslog::start();
        let mut by_line = TcpStream::connect(rsyslog.address()).unwrap();
        writeln!(by_line, "{MESSAGE}").unwrap();
        rsyslog.wait_for(1);
        let mut by_count = TcpStream::connect(rsyslog.address()).unwrap();
        write!(by_count, "{} {MESSAGE}", MESSAGE.len()).unwrap();
        rsyslog.wait_for(2);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.send_to(MESSAGE.as_bytes(), rsyslog.address()).unwrap();
        rsyslog.wait_for(3);
        rsyslog.stop();
        assert!(TcpStream::connect(rsyslog.address()).is_err());
        rsyslog.restart();
        let mut again = TcpStream::connect(rsyslog.address()).unwrap();
        writeln!(again, "{MESSAGE}").unwrap();
        assert_eq!(rsyslog.wait_for(4), [MESSAGE; 4]);
    }
}
