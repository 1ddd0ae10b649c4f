//! The receiver of all: counts each message, and writes its number down before it is acknowledged, so that killing it
//! loses nothing that it had taken.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;

use crate::frames::Framing;
use crate::{Failure, marked, say};

#[derive(Args)]
pub struct Sink {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    framing: Framing,
    /// Where the numbers of what arrived are kept, four octets each
    #[arg(long)]
    memory: PathBuf,
    /// Say `done` when this many different messages have arrived
    #[arg(long)]
    expect: u32,
}

#[derive(Args)]
pub struct Tally {
    #[arg(long)]
    memory: PathBuf,
    #[arg(long)]
    expect: u32,
}

struct Arrived {
    memory: File,
    seen: Vec<bool>,
    different: u32,
}

impl Sink {
    pub fn run(self) -> Result<(), Failure> {
        let (seen, different, _) = recall(&self.memory, self.expect)?;
        let memory = OpenOptions::new().create(true).append(true).open(&self.memory)?;
        let arrived = Arc::new(Mutex::new(Arrived {
            memory,
            seen,
            different,
        }));
        let listener = TcpListener::bind(self.listen)?;
        say("listens")?;
        for stream in listener.incoming() {
            let (stream, arrived) = (stream?, Arc::clone(&arrived));
            let (framing, expect) = (self.framing, self.expect);
            std::thread::spawn(move || {
                if let Err(error) = take(stream, framing, &arrived, expect) {
                    eprintln!("sink: {error}");
                }
            });
        }
        Ok(())
    }
}

fn take(mut stream: TcpStream, framing: Framing, arrived: &Mutex<Arrived>, expect: u32) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 1 << 20];
    let mut filled = 0;
    let (mut numbers, mut answers) = (Vec::new(), Vec::new());
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let mut at = 0;
        numbers.clear();
        answers.clear();
        while let Some(frame) = framing.next(&buffer[at..filled])? {
            numbers.extend(frame.message.and_then(marked::number));
            answers.extend(frame.answer.unwrap_or_default().into_bytes());
            at += frame.length;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
        remember(
            &mut arrived.lock().unwrap_or_else(PoisonError::into_inner),
            &numbers,
            expect,
        )?;
        stream.write_all(&answers)?;
    }
}

fn remember(arrived: &mut Arrived, numbers: &[u32], expect: u32) -> Result<(), Failure> {
    if numbers.is_empty() {
        return Ok(());
    }
    let octets: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    arrived.memory.write_all(&octets)?;
    if arrived.different == 0 {
        say("first")?;
    }
    for number in numbers {
        if let Some(seen) = arrived.seen.get_mut(*number as usize)
            && !std::mem::replace(seen, true)
        {
            arrived.different += 1;
            if arrived.different == expect {
                say("done")?;
            }
        }
    }
    Ok(())
}

impl Tally {
    pub fn run(self) -> Result<(), Failure> {
        let (_, different, all) = recall(&self.memory, self.expect)?;
        println!("{} {}", self.expect - different, all - u64::from(different));
        Ok(())
    }
}

/// Which numbers have arrived, how many of them, and how many messages that took.
fn recall(memory: &PathBuf, expect: u32) -> Result<(Vec<bool>, u32, u64), Failure> {
    let mut seen = vec![false; expect as usize];
    let octets = std::fs::read(memory).unwrap_or_default();
    let (mut different, mut all) = (0, 0);
    for number in octets.as_chunks::<4>().0 {
        all += 1;
        if let Some(seen) = seen.get_mut(u32::from_le_bytes(*number) as usize)
            && !std::mem::replace(seen, true)
        {
            different += 1;
        }
    }
    Ok((seen, different, all))
}
