//! Something between client and server that can fail as networks do.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// What becomes of the request that is hit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The server gets it and acts; its answer is lost with the connection.
    LoseAnswer,
    /// The server never gets it, nor anything else on that connection; the client waits.
    Hang,
}

/// Passes everything on, but for one request.
pub struct Proxy {
    address: SocketAddr,
    hits: Arc<AtomicUsize>,
}

impl Proxy {
    /// The `nth` request (from 1) whose first line begins like this fails.
    pub fn failing(upstream: SocketAddr, begins: &str, nth: usize, failure: Failure) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let hits = Arc::new(AtomicUsize::new(0));
        let (begins, counted) = (begins.to_owned(), Arc::clone(&hits));
        // It ends with the test's process: a thread that waits for nobody does no harm.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (begins, counted) = (begins.clone(), Arc::clone(&counted));
                thread::spawn(move || pass(client, upstream, &begins, nth, failure, &counted));
            }
        });
        Self { address, hits }
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many such requests came.
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

fn pass(mut client: TcpStream, upstream: SocketAddr, begins: &str, nth: usize, failure: Failure, hits: &AtomicUsize) {
    let Ok(mut server) = TcpStream::connect(upstream) else {
        return;
    };
    let lost = Arc::new(AtomicBool::new(false));
    let back = thread::spawn({
        let (answers, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let lost = Arc::clone(&lost);
        move || pass_back(answers, to_client, &lost)
    });
    let mut buffer = vec![0; 64 * 1024];
    // A client writes a request's head in one piece and waits for the answer before the next: so pieces begin with it.
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let piece = &buffer[..read];
        if piece.starts_with(begins.as_bytes()) && hits.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            match failure {
                Failure::Hang => loop {
                    thread::park();
                },
                Failure::LoseAnswer => lost.store(true, Ordering::SeqCst),
            }
        }
        if server.write_all(piece).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
    let _ = back.join();
}

fn pass_back(mut answers: TcpStream, mut client: TcpStream, lost: &AtomicBool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = answers.read(&mut buffer) {
        if lost.load(Ordering::SeqCst) || client.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}
