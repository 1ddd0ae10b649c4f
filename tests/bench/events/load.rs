//! What the peers are fed with: the same messages, as fast as they take them.

use std::io::{BufWriter, Write as _};
use std::net::{SocketAddr, TcpStream};

use clap::Args;

use crate::{Failure, marked, say};

#[derive(Args)]
pub struct Load {
    #[arg(long)]
    to: SocketAddr,
    #[arg(long)]
    count: u32,
}

impl Load {
    pub fn run(self) -> Result<(), Failure> {
        let mut framed = Vec::new();
        let mut message = Vec::new();
        for number in 0..self.count {
            message.clear();
            marked::message(number, &mut message);
            write!(framed, "{} ", message.len())?;
            framed.extend_from_slice(&message);
        }
        say("begins")?;
        let mut stream = BufWriter::new(TcpStream::connect(self.to)?);
        stream.write_all(&framed)?;
        stream.flush()?;
        // Its end comes when everything was read.
        let stream = stream.into_inner()?;
        stream.shutdown(std::net::Shutdown::Write)?;
        std::io::copy(&mut &stream, &mut std::io::sink())?;
        say("ends")
    }
}
