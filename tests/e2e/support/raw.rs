//! The repository protocol by hand: what no honest client would ask.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
};

use countersign_core::Sha256;
use data_encoding::BASE64;
use ureq::{
    Agent,
    http::{HeaderMap, Request},
};

pub struct Raw {
    agent: Agent,
    base: String,
    authorization: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Raw {
    /// `base` is the address of a backup, with a slash at its end.
    pub fn new(base: &str, account: &str, token: &str) -> Self {
        // A server that refuses an upload need not read it, and ends the connection: so each request has its own, and an upload is
        // sent when it is asked for. Otherwise the answer may be lost in what is still being written.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(0)
            .build()
            .new_agent();
        Self {
            agent,
            base: base.to_owned(),
            authorization: format!("Basic {}", BASE64.encode(format!("{account}:{token}").as_bytes())),
        }
    }

    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_ask(method, path, headers, body)
            .unwrap_or_else(|e| panic!("no answer to {method} {path}: {e}"))
    }

    /// The same of a server that may be gone.
    pub fn try_ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", &self.authorization);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = if method == "POST" {
            let request = request.header("expect", "100-continue");
            self.agent.run(request.body(body).unwrap())
        } else {
            self.agent.run(request.body(()).unwrap())
        };
        let mut response = response?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().read_to_vec()?,
        })
    }

    pub fn create(&self) -> u16 {
        self.ask("POST", "?create=true", &[], b"").status
    }

    /// Sends bytes under their right name; the path they then have.
    #[track_caller]
    pub fn put(&self, kind: &str, bytes: &[u8]) -> String {
        let path = format!("{kind}/{}", Sha256::of(bytes).to_hex());
        assert_eq!(self.put_as(&path, bytes), 200, "{path}");
        path
    }

    pub fn put_as(&self, path: &str, bytes: &[u8]) -> u16 {
        self.ask("POST", path, &[], bytes).status
    }

    /// Begins to send bytes under their right name.
    pub fn begin_put(&self, kind: &str, bytes: &[u8]) -> SlowUpload {
        let rest = self.base.strip_prefix("http://").expect("plain HTTP");
        let (host, path) = rest.split_once('/').expect("a path");
        let head = format!(
            "POST /{path}{kind}/{} HTTP/1.1\r\nhost: {host}\r\nauthorization: {}\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            Sha256::of(bytes).to_hex(),
            self.authorization,
            bytes.len()
        );
        let mut stream = BufReader::new(TcpStream::connect(host).unwrap());
        stream.get_mut().write_all(head.as_bytes()).unwrap();
        SlowUpload {
            stream,
            rest: bytes.to_vec(),
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub fn delete(&self, path: &str) -> u16 {
        self.ask("DELETE", path, &[], b"").status
    }

    /// The paths of all objects of a kind that are listed.
    pub fn list(&self, kind: &str) -> Vec<String> {
        let names: Vec<String> = serde_json::from_slice(&self.get(&format!("{kind}/")).body).expect("a list of names");
        names.iter().map(|name| format!("{kind}/{name}")).collect()
    }
}

/// An upload that takes its time.
pub struct SlowUpload {
    stream: BufReader<TcpStream>,
    rest: Vec<u8>,
}

impl SlowUpload {
    /// Half of the bytes, once the server asks for them: so it has begun.
    pub fn send_half(&mut self) {
        let mut asked = String::new();
        while !asked.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut asked).unwrap(), 0, "{asked}");
        }
        assert!(asked.starts_with("HTTP/1.1 100 "), "{asked}");
        let rest = self.rest.split_off(self.rest.len() / 2);
        self.stream.get_mut().write_all(&self.rest).unwrap();
        self.rest = rest;
    }

    /// The other half; the status of the answer.
    pub fn finish(mut self) -> u16 {
        self.stream.get_mut().write_all(&self.rest).unwrap();
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).expect("a status line");
        status.parse().expect("a status")
    }
}
