use super::*;

pub fn sign_in_pages() -> Vec<(String, String)> {
    let messages = [
        ("wrong", SignInMessage::WrongCredentials),
        ("code", SignInMessage::WrongCode),
        ("used", SignInMessage::UsedCode),
        ("recovery", SignInMessage::WrongRecoveryCode),
        ("passkey", SignInMessage::WrongPasskey),
        ("nothing", SignInMessage::NoFactor),
        ("throttled", SignInMessage::Throttled { retry_after: Span(90) }),
        ("ended", SignInMessage::SessionEnded),
        ("lost", SignInMessage::FlowLost),
        ("role", SignInMessage::NotAllowed),
        ("server", SignInMessage::ServerError),
    ];
    let page = |name: &str, message| SignIn {
        public: public(),
        action: "/sign-in".into(),
        name: name.into(),
        message,
        passkey: Some(PasskeyAsk {
            action: "/sign-in/passkey".into(),
            challenge: "/sign-in/passkey/challenge".into(),
        }),
        others: ["Sign in with SSO", "Sign in as current user"]
            .map(|label| Link {
                href: "/auth/other?flow=1".into(),
                label: label.into(),
            })
            .into(),
    };
    let mut pages: Vec<_> = messages
        .into_iter()
        .map(|(name, message)| rendered(&format!("sign-in-{name}"), &page("ann", Some(message))))
        .collect();
    pages.push(rendered("sign-in", &page("", None)));
    pages.push(rendered("sign-in-hostile", &page(HOSTILE, None)));
    pages.push(rendered(
        "sign-in-second",
        &SignInCode {
            public: public(),
            action: "/sign-in/code".into(),
            name: HOSTILE.into(),
            message: Some(SignInMessage::WrongCode),
            start_over: "/sign-in".into(),
            totp: true,
            passkey: None,
            recovery_codes: 1,
        },
    ));
    pages.push(rendered(
        "hostile-sign-in-password",
        &SignInPassword {
            public: public(),
            action: "/sign-in/password".into(),
            name: HOSTILE.into(),
            minimum: 15,
            alone: true,
            message: None,
            problems: vec![PasswordProblem::TooShort, PasswordProblem::Same],
            start_over: "/sign-in".into(),
        },
    ));
    pages.push(rendered("signed-out", &SignedOut { public: public() }));
    pages
}

pub fn set_up_pages() -> Vec<(String, String)> {
    use PasswordProblem::*;
    let password = |problems: Vec<PasswordProblem>, name_is_fixed| SetUpPassword {
        public: public(),
        action: "/set-up".into(),
        name: "ann".into(),
        name_is_fixed,
        minimum: 8,
        problems,
        expires: ahead(3_300),
    };
    let factor = SetUpSecondFactor {
        public: public(),
        action: "/set-up/code".into(),
        name: "ann".into(),
        qr: QrCode::new("otpauth://totp/Countersign:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Countersign")
            .unwrap(),
        secret_groups: vec!["GEZD".into(), "GNBV".into(), "GY3T".into(), "QOJQ".into()],
        wrong_code: true,
        proof: "pr00f".into(),
    };
    let done = |other: OtherPerson, four_eyes_on, action: Option<&str>| SetUpDone {
        public: public(),
        name: "ann".into(),
        other,
        four_eyes_on,
        turn_on_action: action.map(Into::into),
    };
    let bob = || OtherPerson::Done { name: "bob".into() };
    vec![
        rendered("set-up-password", &password(Vec::new(), true)),
        rendered(
            "set-up-password-wrong",
            &password(
                vec![BadName, NameTaken, TooShort, TooLong, Common, Context, Different, Same],
                false,
            ),
        ),
        rendered("set-up-factor", &factor),
        rendered(
            "set-up-done-waiting",
            &done(OtherPerson::Waiting { expires: ahead(3_000) }, false, None),
        ),
        rendered("set-up-done-expired", &done(OtherPerson::Expired, false, None)),
        rendered("set-up-done-offer", &done(bob(), false, Some("/set-up/four-eyes"))),
        rendered("set-up-done-sign-in", &done(bob(), false, None)),
        rendered("set-up-done-on", &done(bob(), true, None)),
    ]
}

fn unsectioned() -> Chrome {
    Chrome {
        section: None,
        ..chrome(Section::Settings)
    }
}

pub fn security_pages() -> Vec<(String, String)> {
    let page = || SecurityPage {
        chrome: unsectioned(),
        fresh: true,
        password_changed: Some(ago(86_400)),
        password: PasswordForm {
            minimum: 8,
            ..PasswordForm::default()
        },
        totp: Some(ago(900_000)),
        passkeys: vec![
            PasskeyRow {
                id: 1,
                label: "Work laptop".into(),
                made: ago(400_000),
                used: Some(ago(60)),
            },
            PasskeyRow {
                id: 2,
                label: HOSTILE.into(),
                made: ago(300_000),
                used: None,
            },
        ],
        passkeys_here: true,
        recovery_codes: 7,
        enrolled: true,
        required: true,
        cooling_until: Some(ahead(70_000)),
        approves: true,
        cool_off_hours: 24,
        problem: None,
        fresh_codes: Vec::new(),
    };
    let confirm = ConfirmPage {
        chrome: unsectioned(),
        to: "/account/security".into(),
        totp: true,
        passkey: Some("/account/passkeys/challenge".into()),
        password: false,
        problem: Some("The one-time code is wrong.".into()),
    };
    let enrol = EnrolTotpPage {
        chrome: unsectioned(),
        qr: QrCode::new("otpauth://totp/Countersign:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Countersign")
            .unwrap(),
        secret_groups: vec!["GEZD".into(), "GNBV".into(), "GY3T".into(), "QOJQ".into()],
        wrong_code: true,
    };
    vec![
        rendered("hostile-security", &page()),
        rendered(
            "security-stale",
            &SecurityPage {
                fresh: false,
                passkeys: Vec::new(),
                ..page()
            },
        ),
        rendered(
            "security-plain",
            &SecurityPage {
                totp: None,
                passkeys: Vec::new(),
                passkeys_here: false,
                recovery_codes: 0,
                enrolled: false,
                cooling_until: None,
                problem: Some("You must have a second factor: add another one first.".into()),
                password: PasswordForm {
                    minimum: 15,
                    problems: vec![PasswordProblem::TooShort],
                    wrong: true,
                },
                ..page()
            },
        ),
        rendered(
            "security-codes",
            &SecurityPage {
                fresh_codes: vec!["abcdef-ghijkl-mnopqr-stuvwx".into(); 10],
                ..page()
            },
        ),
        rendered("security-enrol", &enrol),
        rendered("security-confirm", &confirm),
        rendered(
            "security-confirm-password",
            &ConfirmPage {
                totp: false,
                passkey: None,
                password: true,
                problem: None,
                ..confirm.clone()
            },
        ),
    ]
}
