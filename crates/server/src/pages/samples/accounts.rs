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

pub fn account_pages() -> Vec<(String, String)> {
    let list = |name: &str| AccountsPage {
        chrome: chrome(Section::Accounts),
        rows: vec![
            AccountRow {
                yours: true,
                ..row("1", "ann", AccountStanding::Active)
            },
            AccountRow {
                roles: "Security Administrator".into(),
                approves: Approves::From(ahead(80_000)),
                expires: Some(ahead(9_000_000)),
                email: Some("carol@example.org".into()),
                ..row("2", name, AccountStanding::Invited)
            },
            AccountRow {
                is_service: true,
                roles: String::new(),
                approves: Approves::No,
                ..row("3", "backup", AccountStanding::Disabled)
            },
            row("4", "dave", AccountStanding::Expired),
            row("5", "eve", AccountStanding::Deleted),
        ],
        can_change: true,
    };
    let new = |name: &str, problem: Option<&str>| NewAccountPage {
        chrome: chrome(Section::Accounts),
        name: name.into(),
        kinds: vec![
            choice("person", "A person", "Gets a one-time link.", true),
            choice("service", "A service", "A program.", false),
        ],
        form: form(problem),
        is_held: true,
        can_change: true,
    };
    let sessions = |text: &str| SessionsPage {
        chrome: Chrome {
            section: None,
            ..chrome(Section::Accounts)
        },
        rows: session_rows(text),
    };
    vec![
        rendered("accounts", &list("carol")),
        rendered("hostile-accounts", &list(HOSTILE)),
        rendered("account-new", &new("", None)),
        rendered("hostile-account-new", &new(HOSTILE, Some(HOSTILE))),
        rendered(
            "account-new-looking",
            &NewAccountPage {
                can_change: false,
                ..new("", None)
            },
        ),
        rendered("account", &account("carol")),
        rendered("hostile-account", &hostile_account()),
        rendered(
            "account-own",
            &AccountPage {
                row: AccountRow {
                    yours: true,
                    ..row("1", "ann", AccountStanding::Active)
                },
                resets: Vec::new(),
                link: None,
                token_form: None,
                can_change: false,
                ..account("ann")
            },
        ),
        rendered(
            "account-service",
            &AccountPage {
                row: AccountRow {
                    is_service: true,
                    roles: String::new(),
                    approves: Approves::No,
                    ..row("3", "backup", AccountStanding::Active)
                },
                resets: Vec::new(),
                link: None,
                sessions: Some(Vec::new()),
                is_held: false,
                ..account("backup")
            },
        ),
        rendered(
            "account-looking",
            &AccountPage {
                tokens: None,
                token_form: None,
                sessions: None,
                link: None,
                resets: Vec::new(),
                can_change: false,
                ..account("carol")
            },
        ),
        rendered("sessions", &sessions("web-ui")),
        rendered("hostile-sessions", &sessions(HOSTILE)),
    ]
}

fn row(id: &str, name: &str, state: AccountStanding) -> AccountRow {
    AccountRow {
        id: id.into(),
        name: name.into(),
        is_service: false,
        yours: false,
        roles: "Backup Administrator, Security Administrator".into(),
        state,
        approves: Approves::Now,
        expires: None,
        email: None,
        owner: None,
        person: None,
    }
}

fn form(problem: Option<&str>) -> AccountForm {
    AccountForm {
        email: "ann@example.org".into(),
        roles: vec![
            choice("backup-administrator", "Backup Administrator", "Backups.", false),
            choice("security-administrator", "Security Administrator", "Approves.", true),
            choice("backup-operator", "Backup Operator", "Backs up and restores.", false),
            choice("backup-viewer", "Backup Viewer", "Looks.", false),
        ],
        expires: "2027-01-31T00:00".into(),
        mfa: true,
        owners: vec![Choice {
            value: "1".into(),
            label: "ann".into(),
            hint: String::new(),
            chosen: true,
        }],
        person: "E-17".into(),
        problem: problem.map(Into::into),
    }
}

fn session_rows(text: &str) -> Vec<SessionRow> {
    let row = SessionRow {
        chain: "c4a1".into(),
        client: text.into(),
        address: "192.0.2.7".into(),
        since: ago(9_000),
        last_seen: ago(60),
        current: true,
    };
    vec![
        row.clone(),
        SessionRow {
            chain: "c4a2".into(),
            client: "cli".into(),
            address: text.into(),
            current: false,
            ..row
        },
    ]
}

fn account(name: &str) -> AccountPage {
    let tokens = tokens();
    AccountPage {
        chrome: chrome(Section::Accounts),
        row: row("2", name, AccountStanding::Invited),
        created: ago(90_000),
        events_href: "/events?user=carol".into(),
        fresh_link: None,
        link: Some(LinkNote {
            what: "an invitation, to choose a password and enrol a second factor".into(),
            asked_by: "ann".into(),
            open_until: ahead(500_000),
            works_until: Some(ahead(80_000)),
            can_make: true,
        }),
        form: form(None),
        resets: vec![
            choice("password", "The password", "A link.", false),
            choice("both", "Both", "A new invitation.", false),
        ],
        problem: None,
        tokens: Some(tokens.rows),
        token_form: tokens.form,
        fresh_token: None,
        sessions: Some(session_rows("web-ui")),
        is_held: true,
        can_change: true,
    }
}

fn hostile_account() -> AccountPage {
    let text = || HOSTILE.to_owned();
    AccountPage {
        fresh_link: Some(FreshLink {
            what: "an invitation".into(),
            url: "https://backup.example/link/5ecret".into(),
            expires: ahead(86_000),
        }),
        link: Some(LinkNote {
            what: "for another password".into(),
            asked_by: text(),
            open_until: ahead(500_000),
            works_until: None,
            can_make: false,
        }),
        problem: Some(text()),
        form: form(Some(HOSTILE)),
        fresh_token: Some(FreshToken {
            label: text(),
            secret: "s".repeat(43),
            client_url: text(),
        }),
        sessions: Some(session_rows(HOSTILE)),
        ..account(HOSTILE)
    }
}
