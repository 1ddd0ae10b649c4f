//! Interactive logon: from an authorization request over every factor to a code, and from the code to a session or token.
//!
//! OAuth 2.0 authorization code with PKCE (RFC 6749, RFC 7636, RFC 9700), decided without any input or output:
//!
//! | step | here |
//! |---|---|
//! | what the client asks for | [`AuthorizationRequest::parse`] |
//! | name and password, then a second factor, then a new password where one is due | [`Flow::answer`] |
//! | all right | [`Granted`], which alone makes an [`AuthorizationCode`] |
//! | the code comes back | [`RecordedCode::redeem`], which alone makes a [`Redeemed`] |
//! | how long the session lives | [`Session::standing`] |
//! | how a client's tokens go on, and when they end | [`Chain`] |
//! | what an access token says | [`AccessClaims`], [`read_access_token`] |
//! | who has to wait | [`throttle`] |

mod access;
mod chain;
mod client;
mod code;
mod denial;
mod device;
mod dpop;
mod flow;
mod pkce;
mod redirect;
mod request;
mod session;
pub mod throttle;

#[cfg(test)]
mod simulation;

pub(crate) use access::read_signed;
pub use access::{AccessClaims, BadKey, BadToken, Confirmation, NewKey, PublicKey, Signer, read_access_token};
pub use chain::{
    CHAIN_SECONDS, Chain, ChainEnd, Lives, RETRY_SECONDS, RefreshKey, RefreshRefusal, Shown, Turn, UNUSED_SECONDS,
};
pub use client::{
    Authentication, BadClient, BadClientId, CLI_REDIRECT_PATH, Client, ClientId, ClientRefusal, ClientSpec, Grant,
    Resource, WEB_UI_CALLBACK,
};
pub use code::{AuthorizationCode, CODE_SECONDS, CodeRefusal, Presented, RecordedCode, Redeemed};
pub use denial::Denial;
pub use device::{
    BadUserCode, Confirmed, DEVICE_FRESH_SECONDS, DEVICE_INTERVAL_SECONDS, DEVICE_SECONDS, DeviceLogon, DeviceRefusal,
    DeviceState, UserCode,
};
pub use dpop::{BadProof, BadThumbprint, PROOF_ALGORITHMS, PROOF_SECONDS, Proof, Thumbprint};
pub use flow::{Answer, Denied, FLOW_SECONDS, Flow, Granted, Passed, PasswordStanding, Standing, Step};
pub use pkce::{BadPkce, Challenge, Verifier};
pub use redirect::{BadRedirect, RedirectUri, RegisteredRedirect};
pub use request::{AuthorizationRequest, BackToClient, RequestRefusal};
pub use session::{ACCESS_TOKEN_SECONDS, Session, SessionEnd};
