//! What a client asks `/oauth2/authorize` for (RFC 6749, section 4.1.1; RFC 7636, section 4.3).

use countersign_events::Reason;

use super::{Challenge, Client, ClientId, Grant, RedirectUri, Resource};

/// A request that may go on to the logon: client, redirect URI and challenge are all good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: ClientId,
    /// What the logon is for.
    pub resource: Resource,
    /// Where the answer goes.
    pub redirect: RedirectUri,
    /// What the client will have to answer to redeem the code.
    pub challenge: Challenge,
    /// Given back unchanged.
    pub state: Option<String>,
}

/// Why a request does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestRefusal {
    /// Client or redirect URI is not known for sure: an error page here, never a redirect (RFC 9700, section 4.11).
    Here {
        /// For the event.
        reason: Reason,
        /// The client, where it is known.
        client: Option<ClientId>,
        /// What is wrong, for the page.
        detail: &'static str,
    },
    /// The client can be told (RFC 6749, section 4.1.2.1).
    Back(BackToClient),
}

/// An error that the client is told at its redirect URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackToClient {
    /// Who asked.
    pub client: ClientId,
    /// Why, for the event.
    pub reason: Reason,
    /// Where it is told.
    pub redirect: RedirectUri,
    /// Given back unchanged.
    pub state: Option<String>,
    /// The error code of RFC 6749, section 4.1.2.1.
    pub error: &'static str,
    /// What is wrong.
    pub description: &'static str,
}

impl RequestRefusal {
    /// The reason for the event.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Here { reason, .. } => *reason,
            Self::Back(back) => back.reason,
        }
    }
}

const STATE_MOST: usize = 1024;

impl AuthorizationRequest {
    /// Which client asks. Whoever knows the clients looks it up for [`Self::parse`].
    ///
    /// # Errors
    /// It is not said once.
    pub fn client_id(parameters: &[(String, String)]) -> Result<&str, RequestRefusal> {
        match one(parameters, "client_id") {
            Ok(Some(id)) => Ok(id),
            Ok(None) | Err(Repeated) => Err(here(Reason::MalformedRequest, None, "client_id must be given once.")),
        }
    }

    /// Reads the parameters that this client sent; none is a client that is not registered. `origin` is the address people
    /// reach this server by. A parameter that is empty counts as absent, one that is repeated makes the request malformed, one
    /// that is not known is ignored (RFC 6749, section 3.1).
    ///
    /// # Errors
    /// Why it does not go on, and who can be told.
    pub fn parse(
        parameters: &[(String, String)],
        client: Option<&Client>,
        origin: Option<&str>,
    ) -> Result<Self, RequestRefusal> {
        let Some(client) = client else {
            let unknown = "No such client is registered here.";
            return Err(here(Reason::UnauthorizedClient, None, unknown));
        };
        let redirect = addressee(parameters, client, origin)?;
        let state = one(parameters, "state");
        let good_state = matches!(state, Ok(state) if state.is_none_or(|state| {
            state.len() <= STATE_MOST && state.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
        }));
        // What cannot be a state is not given back either.
        let state = state.ok().flatten().filter(|_| good_state).map(str::to_owned);
        let back = |reason, error, description| {
            RequestRefusal::Back(BackToClient {
                client: client.spec.id.clone(),
                reason,
                redirect: redirect.clone(),
                state: state.clone(),
                error,
                description,
            })
        };
        let malformed = |description| back(Reason::MalformedRequest, "invalid_request", description);
        let unauthorized = |error, description| back(Reason::UnauthorizedClient, error, description);

        if !good_state {
            return Err(malformed(
                "state must be given once, in at most 1024 printable ASCII characters",
            ));
        }
        match one(parameters, "response_type") {
            Ok(Some("code")) => (),
            Ok(Some(_)) => {
                let description = "response_type must be code";
                return Err(back(Reason::MalformedRequest, "unsupported_response_type", description));
            }
            Ok(None) | Err(Repeated) => return Err(malformed("response_type must be given once")),
        }
        match one(parameters, "code_challenge_method") {
            Ok(Some("S256")) => (),
            _ => return Err(malformed("code_challenge_method must be S256")),
        }
        let challenge = match one(parameters, "code_challenge") {
            Ok(Some(challenge)) => Challenge::parse(challenge),
            Ok(None) | Err(Repeated) => return Err(malformed("code_challenge must be given once")),
        };
        let Ok(challenge) = challenge else {
            return Err(malformed(
                "code_challenge must be a SHA-256 in base64url without padding",
            ));
        };
        if one(parameters, "scope").is_err() {
            return Err(malformed("scope must be given at most once"));
        }
        let Ok(asked) = one(parameters, "resource") else {
            return Err(malformed("resource must be given at most once"));
        };
        if client.allows(Grant::AuthorizationCode).is_err() {
            let description = "this client may not ask for a code";
            return Err(unauthorized("unauthorized_client", description));
        }
        let resource = match asked.map(Resource::with_id) {
            Some(None) => None,
            known => client.spec.resource(known.flatten()),
        };
        let Some(resource) = resource else {
            return Err(unauthorized(
                "invalid_target",
                "this client may not ask for that resource",
            ));
        };
        Ok(Self {
            client: client.spec.id.clone(),
            resource,
            redirect,
            challenge,
            state,
        })
    }
}

fn addressee(
    parameters: &[(String, String)],
    client: &Client,
    origin: Option<&str>,
) -> Result<RedirectUri, RequestRefusal> {
    let id = || Some(client.spec.id.clone());
    // Also its redirect URIs are of no account any more.
    if client.enabled().is_err() {
        return Err(here(Reason::UnauthorizedClient, id(), "This client is disabled."));
    }
    match one(parameters, "redirect_uri") {
        Ok(Some(given)) => client.spec.redirect(given, origin).ok_or_else(|| {
            let detail = "This redirect_uri is not registered for the client.";
            here(Reason::UnauthorizedClient, id(), detail)
        }),
        Ok(None) | Err(Repeated) => {
            let detail = "redirect_uri must be given once.";
            Err(here(Reason::MalformedRequest, id(), detail))
        }
    }
}

const fn here(reason: Reason, client: Option<ClientId>, detail: &'static str) -> RequestRefusal {
    RequestRefusal::Here { reason, client, detail }
}

struct Repeated;

fn one<'p>(parameters: &'p [(String, String)], name: &str) -> Result<Option<&'p str>, Repeated> {
    let mut values = parameters.iter().filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Repeated),
        (Some((_, value)), None) if !value.is_empty() => Ok(Some(value)),
        (_, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 6] = [
        ("client_id", "cli"),
        ("redirect_uri", "http://127.0.0.1:5000/callback"),
        ("response_type", "code"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
        ("state", "xyz"),
    ];

    fn parsed(pairs: &[(&str, &str)]) -> Result<AuthorizationRequest, RequestRefusal> {
        let owned: Vec<_> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let known = AuthorizationRequest::client_id(&owned)?.parse().ok();
        let client = known.and_then(|id| Client::built_in(&id));
        AuthorizationRequest::parse(&owned, client.as_ref(), None)
    }

    fn with(name: &str, value: &str) -> Result<AuthorizationRequest, RequestRefusal> {
        let mut pairs = GOOD.to_vec();
        pairs
            .iter_mut()
            .filter(|(key, _)| *key == name)
            .for_each(|pair| pair.1 = value);
        parsed(&pairs)
    }

    #[test]
    fn a_good_request_goes_on() {
        let request = parsed(&GOOD).unwrap();
        assert_eq!(
            (request.client, request.state.as_deref()),
            (ClientId::cli(), Some("xyz"))
        );
        assert_eq!(request.resource, Resource::Api);
        assert_eq!(request.redirect.as_str(), "http://127.0.0.1:5000/callback");
    }

    #[test]
    fn req_3_an_unknown_client_or_redirect_uri_is_never_redirected() {
        for (name, value) in [("client_id", "evil"), ("redirect_uri", "https://evil.example/callback")] {
            match with(name, value) {
                Err(RequestRefusal::Here { reason, .. }) => assert_eq!(reason, Reason::UnauthorizedClient),
                other => panic!("{name}: {other:?}"),
            }
        }
        for name in ["client_id", "redirect_uri"] {
            let mut twice = GOOD.to_vec();
            twice.push((name, GOOD.iter().find(|(key, _)| *key == name).unwrap().1));
            for refused in [with(name, ""), parsed(&twice)] {
                match refused {
                    Err(RequestRefusal::Here { reason, .. }) => assert_eq!(reason, Reason::MalformedRequest),
                    other => panic!("{name}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn req_4_9_without_code_and_s256_the_client_is_told() {
        for (name, value, error) in [
            ("response_type", "token", "unsupported_response_type"),
            ("response_type", "", "invalid_request"),
            ("code_challenge", "", "invalid_request"),
            ("code_challenge", "short", "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("code_challenge_method", "", "invalid_request"),
        ] {
            match with(name, value) {
                Err(RequestRefusal::Back(back)) => {
                    assert_eq!(
                        (back.error, back.state.as_deref()),
                        (error, Some("xyz")),
                        "{name}={value}"
                    );
                }
                other => panic!("{name}={value}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_disabled_client_is_not_even_led_back_and_no_client_gets_what_it_may_not_have() {
        let owned: Vec<_> = GOOD.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut client = Client::cli();
        let asking = |client: &Client, more: &[(&str, &str)]| {
            let mut owned = owned.clone();
            owned.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
            AuthorizationRequest::parse(&owned, Some(client), None)
        };
        let restic = asking(&client, &[("resource", "restic")]).unwrap();
        assert_eq!(restic.resource, Resource::Repositories);
        for other in ["countersign-web", "https://other.example"] {
            match asking(&client, &[("resource", other)]) {
                Err(RequestRefusal::Back(back)) => {
                    assert_eq!(
                        (back.error, back.reason),
                        ("invalid_target", Reason::UnauthorizedClient)
                    );
                }
                other => panic!("{other:?}"),
            }
        }
        client.spec.grants.remove(&Grant::AuthorizationCode);
        match asking(&client, &[]) {
            Err(RequestRefusal::Back(back)) => assert_eq!(back.error, "unauthorized_client"),
            other => panic!("{other:?}"),
        }
        client.spec.enabled = false;
        match asking(&client, &[]) {
            Err(RequestRefusal::Here { reason, .. }) => assert_eq!(reason, Reason::UnauthorizedClient),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_state_that_could_break_a_header_is_not_given_back() {
        match with("state", "a\r\nSet-Cookie: x=1") {
            Err(RequestRefusal::Back(back)) => assert_eq!(back.state, None),
            other => panic!("{other:?}"),
        }
    }
}
