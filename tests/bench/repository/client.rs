//! HTTP/1.1 over one kept-alive connection, as cheap as it gets: the client shares the cores with the server.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::str::FromStr;

use data_encoding::BASE64;

use crate::objects::Object;

/// Where a repository is: `http://[USER:PASSWORD@]HOST:PORT/PATH/`.
#[derive(Debug, Clone)]
pub struct Url {
    address: String,
    path: String,
    /// A whole header line, or nothing.
    authorization: String,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("http://").ok_or("only http:// is measured")?;
        let (authority, path) = rest.split_once('/').ok_or("the URL needs a path that ends with '/'")?;
        let (authorization, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (
                format!("Authorization: Basic {}\r\n", BASE64.encode(user.as_bytes())),
                address,
            ),
            None => (String::new(), authority),
        };
        let path = format!("/{}/", path.trim_end_matches('/'));
        Ok(Self {
            address: address.to_owned(),
            path: if path == "//" { "/".to_owned() } else { path },
            authorization,
        })
    }
}

/// What went wrong; the measurement ends.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    #[error("{method} answered {status}")]
    Status { method: &'static str, status: u16 },
    #[error("the answer is not HTTP as this client knows it")]
    Answer,
    #[error("the server gave other bytes than it got")]
    OtherBytes,
}

/// One kept-alive connection.
pub struct Connection {
    stream: TcpStream,
    url: Url,
    buffer: Vec<u8>,
    /// The unread part of the buffer.
    unread: std::ops::Range<usize>,
}

/// How the body of an answer ends.
enum Length {
    Known(u64),
    Chunked,
}

impl Connection {
    pub fn open(url: &Url) -> Result<Self, Trouble> {
        let stream = TcpStream::connect(&url.address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            url: url.clone(),
            buffer: vec![0; 256 * 1024],
            unread: 0..0,
        })
    }

    /// Makes the repository, if it is not there.
    pub fn create_repository(&mut self) -> Result<(), Trouble> {
        self.send("POST", "?create=true", b"")?;
        self.receive("POST", |_| Ok(())).or_else(|trouble| match trouble {
            Trouble::Status { .. } => Ok(()),
            other => Err(other),
        })
    }

    pub fn upload(&mut self, object: &Object) -> Result<(), Trouble> {
        self.send("POST", &format!("data/{}", object.name), &object.bytes)?;
        self.receive("POST", |_| Ok(()))
    }

    /// Reads the object and looks at nothing but its length.
    pub fn download(&mut self, object: &Object) -> Result<(), Trouble> {
        self.send("GET", &format!("data/{}", object.name), b"")?;
        let mut size = 0;
        self.receive("GET", |piece| {
            size += piece.len();
            Ok(())
        })?;
        if size == object.bytes.len() {
            Ok(())
        } else {
            Err(Trouble::OtherBytes)
        }
    }

    /// Reads the object and compares every byte.
    pub fn verify(&mut self, object: &Object) -> Result<(), Trouble> {
        self.send("GET", &format!("data/{}", object.name), b"")?;
        let mut rest = &object.bytes[..];
        self.receive("GET", |piece| {
            rest = rest.strip_prefix(piece).ok_or(Trouble::OtherBytes)?;
            Ok(())
        })?;
        if rest.is_empty() {
            Ok(())
        } else {
            Err(Trouble::OtherBytes)
        }
    }

    pub fn delete(&mut self, object: &Object) -> Result<(), Trouble> {
        self.send("DELETE", &format!("data/{}", object.name), b"")?;
        self.receive("DELETE", |_| Ok(()))
    }

    fn send(&mut self, method: &str, path: &str, body: &[u8]) -> Result<(), Trouble> {
        let length = if method == "POST" {
            format!("Content-Length: {}\r\n", body.len())
        } else {
            String::new()
        };
        let Url {
            address,
            path: root,
            authorization,
        } = &self.url;
        let head = format!("{method} {root}{path} HTTP/1.1\r\nHost: {address}\r\n{authorization}{length}\r\n");
        let sent = self
            .stream
            .write_vectored(&[IoSlice::new(head.as_bytes()), IoSlice::new(body)])?;
        self.stream.write_all(head.as_bytes().get(sent..).unwrap_or_default())?;
        self.stream
            .write_all(body.get(sent.saturating_sub(head.len())..).unwrap_or_default())?;
        Ok(())
    }

    fn receive(
        &mut self,
        method: &'static str,
        mut see: impl FnMut(&[u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let (status, length) = self.head()?;
        match length {
            Length::Known(length) => self.body(length, &mut see)?,
            Length::Chunked => loop {
                let size = self.line()?;
                let size = u64::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16);
                let size = size.map_err(|_| Trouble::Answer)?;
                self.body(size, &mut see)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            },
        }
        if (200..300).contains(&status) {
            Ok(())
        } else {
            Err(Trouble::Status { method, status })
        }
    }

    fn head(&mut self) -> Result<(u16, Length), Trouble> {
        let status = self.line()?;
        let status = status
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or(Trouble::Answer)?;
        let mut length = if status == 204 { Some(Length::Known(0)) } else { None };
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok((status, length.ok_or(Trouble::Answer)?));
            }
            let (name, value) = line.split_once(':').ok_or(Trouble::Answer)?;
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(Length::Known(value.trim().parse().map_err(|_| Trouble::Answer)?));
            } else if name.eq_ignore_ascii_case("transfer-encoding") && value.trim() == "chunked" {
                length = Some(Length::Chunked);
            }
        }
    }

    fn line(&mut self) -> Result<String, Trouble> {
        let mut line = Vec::new();
        loop {
            if self.unread.is_empty() {
                self.refill()?;
            }
            let unread = &self.buffer[self.unread.clone()];
            match unread.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    line.extend_from_slice(&unread[..end]);
                    self.unread.start += end + 1;
                    return String::from_utf8(line)
                        .map(|line| line.trim_end().to_owned())
                        .map_err(|_| Trouble::Answer);
                }
                None => {
                    line.extend_from_slice(unread);
                    self.unread = 0..0;
                }
            }
        }
    }

    fn body(&mut self, mut length: u64, see: &mut impl FnMut(&[u8]) -> Result<(), Trouble>) -> Result<(), Trouble> {
        while length > 0 {
            if self.unread.is_empty() {
                self.refill()?;
            }
            let take = self.unread.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            see(&self.buffer[self.unread.start..self.unread.start + take])?;
            self.unread.start += take;
            length -= take as u64;
        }
        Ok(())
    }

    fn refill(&mut self) -> Result<(), Trouble> {
        let read = self.stream.read(&mut self.buffer)?;
        if read == 0 {
            return Err(Trouble::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        self.unread = 0..read;
        Ok(())
    }
}
