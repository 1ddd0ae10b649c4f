//! The logon's endpoints with applications of other hands, and with attackers.

mod api_document;
mod authlib;
mod by_hand;
mod device;
mod hostile;
mod openid_client;

use crate::support::server::{Member, Server};

/// Where an application of these tests waits for its answer; nobody listens there, the tests carry the answer over.
const REDIRECT: &str = "http://127.0.0.1:50123/callback";

fn ann() -> Member {
    Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
}

fn bob() -> Member {
    Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU")
}

/// A running server with ann and bob.
fn server(ann: &Member) -> Server {
    let mut server = Server::set_up(&[ann, &bob()]);
    server.start();
    server
}
