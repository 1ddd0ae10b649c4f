use countersign_core::account_change::LinkKind;

use super::*;

pub fn link_pages() -> Vec<(String, String)> {
    let password = |name: &str, message, problems, codes| LinkPassword {
        public: public(),
        action: "/link/5ecret".into(),
        name: name.into(),
        minimum: 8,
        message,
        problems,
        expires: ahead(80_000),
        totp: codes < 5,
        recovery_codes: codes,
    };
    let proof = |name: &str, message| LinkProof {
        public: public(),
        action: "/link/5ecret".into(),
        name: name.into(),
        message,
        expires: ahead(80_000),
    };
    let done = |name: &str, kind, approves_from| LinkDone {
        public: public(),
        name: name.into(),
        kind,
        approves_from,
    };
    let wrong = Some(SignInMessage::WrongCode);
    vec![
        rendered("link-password", &password("carol", None, Vec::new(), 3)),
        rendered(
            "link-password-recovery",
            &password("carol", None, vec![PasswordProblem::Common], 8),
        ),
        rendered("hostile-link-password", &password(HOSTILE, wrong, Vec::new(), 0)),
        rendered("link-proof", &proof("carol", None)),
        rendered(
            "hostile-link-proof",
            &proof(HOSTILE, Some(SignInMessage::WrongCredentials)),
        ),
        rendered("link-done", &done("carol", LinkKind::Invitation, Some(ahead(86_400)))),
        rendered("link-done-password", &done("carol", LinkKind::Password, None)),
        rendered("hostile-link-done", &done(HOSTILE, LinkKind::SecondFactor, None)),
    ]
}
