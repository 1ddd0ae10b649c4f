//! HTTP/1.1 over one kept-alive connection, as cheap as it gets: the clients share the cores with the server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::Failure;

/// One kept-alive connection.
pub struct Connection {
    host: String,
    stream: BufReader<TcpStream>,
}

pub struct Answer {
    pub status: u16,
    pub location: String,
    /// `name=value` of each cookie that was set.
    pub cookies: Vec<String>,
    pub body: String,
}

impl Connection {
    /// `host` is `HOST:PORT`.
    pub fn open(host: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            host: host.to_owned(),
            stream: BufReader::new(stream),
        })
    }

    pub fn get(&mut self, path: &str, cookie: &str) -> Result<Answer, Failure> {
        let head = self.head("GET", path, cookie);
        self.ask(&format!("{head}\r\n"))
    }

    /// A form: with a cookie as a page of the server sends it, without one as an application does.
    pub fn post(&mut self, path: &str, cookie: &str, form: &str) -> Result<Answer, Failure> {
        let (head, length) = (self.head("POST", path, cookie), form.len());
        let kind = "Content-Type: application/x-www-form-urlencoded";
        self.ask(&format!("{head}{kind}\r\nContent-Length: {length}\r\n\r\n{form}"))
    }

    fn head(&self, method: &str, path: &str, cookie: &str) -> String {
        let host = &self.host;
        let of_a_page = match cookie {
            "" => String::new(),
            cookie => format!("Cookie: {cookie}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n"),
        };
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{of_a_page}")
    }

    fn ask(&mut self, request: &str) -> Result<Answer, Failure> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).ok_or("no status")?.parse()?;
        let mut answer = Answer {
            status,
            location: String::new(),
            cookies: Vec::new(),
            body: String::new(),
        };
        let (mut length, mut chunked) = (0_u64, false);
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            let value = value.trim();
            match &*name.to_ascii_lowercase() {
                "content-length" => length = value.parse()?,
                "transfer-encoding" => chunked = value == "chunked",
                "location" => value.clone_into(&mut answer.location),
                "set-cookie" => answer.cookies.extend(value.split(';').next().map(str::to_owned)),
                _ => {}
            }
        }
        let mut body = Vec::new();
        if chunked {
            loop {
                let size = u64::from_str_radix(&self.line()?, 16)?;
                self.stream.by_ref().take(size).read_to_end(&mut body)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.stream.by_ref().take(length).read_to_end(&mut body)?;
        }
        answer.body = String::from_utf8(body)?;
        Ok(answer)
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err("the server ended the connection".into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// The text between two others.
pub fn between<'t>(text: &'t str, before: &str, after: &str) -> Result<&'t str, Failure> {
    let found = text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    found
        .map(|(found, _)| found)
        .ok_or_else(|| format!("no {before} in {text}").into())
}
