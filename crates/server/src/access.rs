//! What an access token is worth that was shown to a resource (RFC 6750, RFC 9449).

use std::net::IpAddr;

use countersign_core::Account;
use countersign_core::logon::{AccessClaims, BadToken, ClientId, Proof, Resource, read_access_token};
use countersign_core::token::hash_of;
use countersign_events::{Event, Timestamp};
use countersign_store::{StoreError, Tx};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::App;
use crate::http::{Kind, Problem};
use crate::signing::NoSigningKey;

/// The header of proofs of possession.
pub const PROOF: HeaderName = HeaderName::from_static("dpop");

/// An access token that holds, whatever it is for.
#[derive(Debug, Clone)]
pub struct Access {
    /// Who logged on, as the account is now.
    pub account: Account,
    /// What the token says.
    pub claims: AccessClaims,
}

/// Whether a text may be an access token: no other token of ours has a dot in it.
pub fn looks_like_one(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// Reads a token and asks the store once whether its account and chain still stand; nothing when it does not hold. What it is
/// for is not asked here.
///
/// # Errors
/// The keys or the store cannot be read.
pub async fn examine(app: &App, token: &str, now: Timestamp) -> Result<Option<Access>, NoSigningKey> {
    let issuer = app.issuer();
    let mut keys = app.signing.keys(app).await?;
    let mut read = read_access_token(token, &keys.public, &issuer, now);
    if read == Err(BadToken::Signature) {
        // Another node may have made a key since.
        keys = app.signing.read(app).await?;
        read = read_access_token(token, &keys.public, &issuer, now);
    }
    let Ok(claims) = read else { return Ok(None) };
    let sid = claims.sid.clone();
    let found = app
        .store
        .ask(|view| Box::pin(async move { view.chain(&sid).await }))
        .await
        .map_err(|error: StoreError| error)?;
    Ok(found.and_then(|(chain, account)| {
        let stands = claims.standing(&chain, &account, now).is_ok();
        stands.then_some(Access { account, claims })
    }))
}

/// An access token as a request brings it.
pub struct Shown {
    token: String,
    bound: bool,
}

impl Shown {
    /// Of the one `Authorization` header, by the scheme Bearer or DPoP.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return None;
        };
        let (scheme, token) = line.to_str().ok()?.split_once(' ')?;
        let bound = scheme.eq_ignore_ascii_case("dpop");
        (bound || scheme.eq_ignore_ascii_case("bearer")).then(|| Self {
            token: token.trim().to_owned(),
            bound,
        })
    }

    /// The token itself.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whose logon it is from, if it holds, is for this resource, and is shown as it must be.
    ///
    /// # Errors
    /// 401 when it does not hold, 403 and an event (44006) when it is for another resource.
    pub async fn at(&self, app: &App, parts: &Parts, resource: Resource, from: IpAddr) -> Result<Access, Problem> {
        let now = app.clock.now();
        let access = examine(app, &self.token, now)
            .await
            .map_err(|error| Problem::internal(&error))?;
        let Some(access) = access else {
            return Err(self.unknown(app, resource, from, now).await?);
        };
        self.possessed(app, parts, &access, now).await?;
        match access.claims.resource() {
            Some(of) if of == resource => Ok(access),
            of => {
                let denied = Denied {
                    client: Some(access.claims.client_id),
                    account: access.account,
                    of,
                    at: resource,
                };
                Err(denied.reported(app, from, now).await?)
            }
        }
    }

    /// A repository token is known, and for the repositories alone.
    async fn unknown(&self, app: &App, at: Resource, from: IpAddr, now: Timestamp) -> Result<Problem, Problem> {
        let hash = hash_of(&self.token);
        let found = app
            .store
            .ask(|view| Box::pin(async move { view.token_by_hash(hash).await }))
            .await
            .map_err(|error: StoreError| Problem::internal(&error))?;
        match found {
            Some((token, account)) if at != Resource::Repositories && token.holds(now) && account.lives(now) => {
                let denied = Denied {
                    client: None,
                    account,
                    of: Some(Resource::Repositories),
                    at,
                };
                denied.reported(app, from, now).await
            }
            _ => Ok(invalid("The access token is not valid, or no longer: log on again.")),
        }
    }

    /// A token that is bound to a key is shown with a fresh proof of that key, another as a bearer's.
    async fn possessed(&self, app: &App, parts: &Parts, access: &Access, now: Timestamp) -> Result<(), Problem> {
        let Some(bound) = &access.claims.cnf else {
            let plain = !self.bound;
            return plain
                .then_some(())
                .ok_or_else(|| invalid("The token is bound to no key: send it as Bearer."));
        };
        if !self.bound {
            return Err(invalid("The token is bound to a key: send it as DPoP, with a proof."));
        }
        let address = app.config.public_url.join(parts.uri.path());
        let proof = shown_proof(&parts.headers)
            .map(|proof| Proof::read(proof, parts.method.as_str(), &address, Some(&self.token), now));
        let proof = match proof {
            Some(Ok(proof)) if proof.key == bound.jkt => proof,
            Some(Err(bad)) => return Err(bad_proof(&bad.to_string())),
            Some(Ok(_)) | None => return Err(bad_proof("the token is bound to another key, or its proof is missing")),
        };
        let taken = app
            .store
            .write(move |tx| Box::pin(async move { tx.take_proof(&proof, now).await }))
            .await
            .map_err(|error: StoreError| Problem::internal(&error))?;
        taken
            .then_some(())
            .ok_or_else(|| bad_proof("the proof was shown before"))
    }
}

/// The proof of a request that has exactly one.
pub fn shown_proof(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(PROOF).iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.to_str().ok(),
        _ => None,
    }
}

/// Nobody has shown a token.
pub fn missing() -> Problem {
    challenged(
        "",
        Kind::Unauthenticated,
        "Send an access token: Authorization: Bearer …",
    )
}

fn invalid(detail: &'static str) -> Problem {
    challenged("error=\"invalid_token\"", Kind::Unauthenticated, detail)
}

fn bad_proof(why: &str) -> Problem {
    let problem = Problem::new(
        Kind::Unauthenticated,
        format!("The proof of possession does not hold: {why}."),
    );
    problem.with_header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("DPoP error=\"invalid_dpop_proof\", algs=\"ES256 EdDSA\""),
    )
}

fn challenged(error: &'static str, kind: Kind, detail: &'static str) -> Problem {
    let with = |scheme: &str| {
        let comma = if error.is_empty() || scheme.ends_with(' ') {
            ""
        } else {
            ", "
        };
        // Our own words: they are letters that a header may have.
        HeaderValue::from_str(format!("{scheme}{comma}{error}").trim_end()).ok()
    };
    let mut problem = Problem::new(kind, detail);
    for value in [with("Bearer "), with("DPoP algs=\"ES256 EdDSA\"")]
        .into_iter()
        .flatten()
    {
        problem = problem.with_header(header::WWW_AUTHENTICATE, value);
    }
    problem
}

/// A token that holds was shown where it is not for.
pub struct Denied {
    /// Whom it was given to.
    pub client: Option<ClientId>,
    /// Whose it is.
    pub account: Account,
    /// What it is for.
    pub of: Option<Resource>,
    /// Where it was shown.
    pub at: Resource,
}

impl Denied {
    /// Reports it (44006), and the answer.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn reported(self, app: &App, from: IpAddr, now: Timestamp) -> Result<Problem, Problem> {
        let at = self.at;
        if app.denials.lets(from, now) {
            app.store
                .write(move |tx| Box::pin(async move { self.report(tx, from, now).await }))
                .await
                .map_err(|error: StoreError| Problem::internal(&error))?;
        }
        let challenge = match at {
            Resource::Web | Resource::Api => "Bearer error=\"insufficient_scope\", scope=\"api\"",
            Resource::Repositories => "Bearer error=\"insufficient_scope\", scope=\"repositories\"",
        };
        let problem = Problem::new(Kind::Forbidden, "This token is for another resource of this server.");
        Ok(problem.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge)))
    }

    async fn report(self, tx: &mut Tx, from: IpAddr, now: Timestamp) -> Result<(), StoreError> {
        let event = Event::ResourceAccessDenied {
            source_ip_address: Some(from),
            client_id: self.client.map(|client| client.to_string()),
            friendly_name: Some(self.account.name.as_str().to_owned()),
            subject: Some(self.account.id.subject()),
            resource_id: self.of.map(|resource| resource.id().to_owned()),
            expected_resource_ids: vec![self.at.id().to_owned()],
        };
        tx.report(&event, now, None, self.account.name.as_str()).await.map(drop)
    }
}
