//! For the tests of commands: an office that listens on a socket, and the command lines of its people.

use std::marker::PhantomData;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};

use super::remote::failure::Failure;
use super::remote::{Remote, ServerFlags, agent};
use crate::testing::office::Office;

/// What a test parses, and does over the API.
pub(super) trait Commands: Parser + Send + 'static {
    /// What standard output gets.
    fn carry_out(self, remote: &Remote) -> Result<String, Failure>;
}

/// Words of a command line, the program's name left out.
pub(super) trait Line {
    fn words(self) -> Vec<String>;
}

impl Line for &str {
    fn words(self) -> Vec<String> {
        self.split(' ').map(str::to_owned).collect()
    }
}

impl Line for &String {
    fn words(self) -> Vec<String> {
        self.as_str().words()
    }
}

impl Line for &[&str] {
    fn words(self) -> Vec<String> {
        self.iter().map(|word| (*word).to_owned()).collect()
    }
}

impl Line for &Vec<&str> {
    fn words(self) -> Vec<String> {
        self.as_slice().words()
    }
}

impl<const N: usize> Line for &[&str; N] {
    fn words(self) -> Vec<String> {
        self.as_slice().words()
    }
}

pub(super) struct Desk<C> {
    pub office: Office,
    pub url: String,
    pub ann: String,
    /// None before [`Desk::of_two`].
    pub bob: String,
    serving: JoinHandle<std::io::Result<()>>,
    commands: PhantomData<fn() -> C>,
}

impl<C: Commands> Desk<C> {
    pub async fn open() -> Self {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let office = Office::reached_as(&url).await;
        let router = crate::http::router(office.server.app.clone());
        let serving = tokio::spawn(async move { axum::serve(socket, router).await });
        let ann = office.token(&office.ann).await;
        Self {
            office,
            url,
            ann,
            bob: String::new(),
            serving,
            commands: PhantomData,
        }
    }

    /// With bob logged on, too.
    pub async fn of_two() -> Self {
        let mut desk = Self::open().await;
        desk.bob = desk.office.token(&desk.office.bob).await;
        desk
    }

    /// As ann.
    pub async fn run(&self, line: impl Line) -> Result<String, Failure> {
        self.run_as(&self.ann, line).await
    }

    /// With this token.
    pub async fn run_as(&self, token: &str, line: impl Line) -> Result<String, Failure> {
        let remote = Remote {
            url: self.url.parse().unwrap(),
            agent: agent(&ServerFlags::default()).unwrap(),
            held: Default::default(),
            token: Some(token.to_owned().into()),
        };
        let words = std::iter::once("countersign".to_owned()).chain(line.words());
        let commands = C::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
        spawn_blocking(move || commands.carry_out(&remote)).await.unwrap()
    }

    /// The exit code and what standard error says.
    pub async fn refused(&self, line: impl Line) -> (u8, String) {
        self.refused_as(&self.ann, line).await
    }

    pub async fn refused_as(&self, token: &str, line: impl Line) -> (u8, String) {
        let failure = self.run_as(token, line).await.unwrap_err();
        (failure.code(), failure.to_string())
    }

    /// The one-time code of now of this person.
    pub fn code(&self, name: &str) -> String {
        self.office.server.code(name)
    }
}

impl<C> Drop for Desk<C> {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
