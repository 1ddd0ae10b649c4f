use super::*;
use crate::logon::{AccessClaims, NewKey};
use crate::manifest::Initiator;
use crate::{AccountId, Policy};

const NOW: Timestamp = Timestamp(1_795_000_000_000_000);
const ISSUER: &str = "https://backup.example";

fn spec() -> CommandSpec {
    CommandSpec {
        argv: vec!["/bin/rm".into(), "old".into()],
        environment: Default::default(),
        folder: "/srv".into(),
        mode: Mode::Runner {
            account: AccountId(7),
            name: "host1".into(),
        },
        name: "Remove".into(),
        output_bytes: 0,
        seconds: 60,
        valid_minutes: 60,
    }
}

fn manifest(subject: Subject, request: i64) -> String {
    let manifest = Manifest {
        expires_at: NOW,
        initiator: Initiator {
            account: AccountId(1),
            address: "::1".into(),
            behind: Vec::new(),
            login_type: 0,
            name: "ann".into(),
        },
        nonce: "00".into(),
        operation: 10_000,
        request: RequestId(request),
        sealed_at: NOW,
        subject,
        version: Manifest::VERSION,
        why: None,
    };
    manifest.canonical().unwrap()
}

fn keys() -> (Signer, PublicKey) {
    let new = NewKey::make().unwrap();
    let public = PublicKey::new(&new.public).unwrap();
    (Signer::new(&public, &new.private), public)
}

fn grant(manifest: &str) -> CommandGrant {
    let spec = spec();
    CommandGrant::of(
        CommandId(3),
        (&spec.mode, spec.digest().unwrap()),
        Some((RequestId(5), Sha256::of(manifest.as_bytes()))),
        ISSUER,
        (NOW, NOW.plus_seconds(3600)),
    )
}

#[test]
fn a_grant_holds_for_whom_it_is_and_while_it_lives() {
    let (signer, public) = keys();
    let text = manifest(Subject::Command(Box::new(spec())), 5);
    let grant = grant(&text);
    let token = grant.signed(&signer).unwrap();
    let read = |issuer, audience, now| CommandGrant::read(&token, std::slice::from_ref(&public), issuer, audience, now);
    assert_eq!(read(ISSUER, "UID-7", NOW), Ok(grant.clone()));
    assert_eq!(grant.command(), Some(CommandId(3)));
    assert_eq!(read(ISSUER, "UID-8", NOW), Err(BadGrant::Audience));
    assert_eq!(read("https://other", "UID-7", NOW), Err(BadToken::Issuer.into()));
    let end = NOW.plus_seconds(ACCESS_TOKEN_SECONDS);
    assert_eq!(read(ISSUER, "UID-7", end), Err(BadToken::Time.into()));
    assert!(read(ISSUER, "UID-7", end.plus_seconds(-1)).is_ok());
    assert_eq!(
        read(ISSUER, "UID-7", NOW.plus_seconds(-120)),
        Err(BadToken::Time.into())
    );
    let (_, other) = keys();
    assert_eq!(
        CommandGrant::read(&token, &[other], ISSUER, "UID-7", NOW),
        Err(BadToken::Signature.into())
    );
}

#[test]
fn an_access_token_is_no_grant_and_a_grant_is_no_access_token() {
    let (signer, public) = keys();
    let claims = AccessClaims {
        iss: ISSUER.into(),
        sub: "UID-7".into(),
        aud: "UID-7".into(),
        client_id: "cli".parse().unwrap(),
        iat: NOW.seconds(),
        nbf: None,
        exp: NOW.seconds() + 60,
        jti: "x".into(),
        auth_time: 0,
        scope: "api".into(),
        rev: 1,
        sid: "s".into(),
        cnf: None,
    };
    let token = signer.sign(&claims).unwrap();
    assert_eq!(
        CommandGrant::read(&token, std::slice::from_ref(&public), ISSUER, "UID-7", NOW),
        Err(BadToken::Form.into())
    );
    let token = grant("{}").signed(&signer).unwrap();
    let read = crate::logon::read_access_token(&token, &[public], ISSUER, NOW);
    assert_eq!(read, Err(BadToken::Form));
}

#[test]
fn a_grant_opens_its_own_command_and_manifest_alone() {
    let text = manifest(Subject::Command(Box::new(spec())), 5);
    let command = spec().canonical().unwrap();
    assert_eq!(grant(&text).opens(&command, Some(&text)), Ok(spec()));
    let other = CommandSpec {
        argv: vec!["/bin/rm".into(), "new".into()],
        ..spec()
    };
    let altered = other.canonical().unwrap();
    assert_eq!(grant(&text).opens(&altered, Some(&text)), Err(BadGrant::Command));
    assert_eq!(grant(&text).opens(&command, None), Err(BadGrant::Manifest));
    // The approval of another request, of another command, of something else.
    let of_other = manifest(Subject::Command(Box::new(spec())), 6);
    let about_other = manifest(Subject::Command(Box::new(other)), 5);
    let about_settings = manifest(
        Subject::Policy {
            after: Policy::default(),
            before: Policy::default(),
        },
        5,
    );
    for wrong in [of_other, about_other, about_settings] {
        assert_eq!(grant(&wrong).opens(&command, Some(&wrong)), Err(BadGrant::Manifest));
        assert_eq!(grant(&text).opens(&command, Some(&wrong)), Err(BadGrant::Manifest));
    }
}
