use super::*;

pub fn clients() -> ClientsPage {
    let row = |id: &str, name: &str, state, grants: &str, resources: &str| ClientRow {
        id: id.into(),
        name: name.into(),
        state,
        grants: grants.into(),
        resources: resources.into(),
    };
    ClientsPage {
        chrome: chrome(Section::Clients),
        rows: vec![
            row(
                "web-ui",
                "Countersign's pages",
                ClientState::BuiltIn,
                "browser",
                "pages",
            ),
            row(
                "cli",
                "Countersign's command line",
                ClientState::BuiltIn,
                "browser, device, stays logged on",
                "API, repositories",
            ),
            row(
                "kiosk",
                "The screen in the hall",
                ClientState::Disabled,
                "device",
                "API",
            ),
            row(
                "portal",
                "Portal",
                ClientState::Enabled,
                "browser, stays logged on",
                "API",
            ),
            row(
                "reports",
                "Weekly reports",
                ClientState::WithoutSecret,
                "browser",
                "API",
            ),
        ],
        can_change: true,
    }
}

pub fn client(id: Option<&str>) -> ClientPage {
    ClientPage {
        chrome: chrome(Section::Clients),
        id: id.map(Into::into),
        state: id.map(|_| ClientState::Enabled),
        secret: id.map(|_| true),
        fresh: None,
        secret_problem: None,
        form: ClientForm {
            id: String::new(),
            name: "Portal".into(),
            authentications: vec![
                choice(
                    "secret",
                    "By a secret",
                    "A program on a server. The server makes the secret and shows it once.",
                    true,
                ),
                choice(
                    "none",
                    "Not at all",
                    "An app on somebody’s machine, which keeps no secret.",
                    false,
                ),
            ],
            grants: vec![
                choice(
                    "by_code",
                    "With a browser",
                    "People log on here and are sent back to it (authorization_code).",
                    true,
                ),
                choice(
                    "by_device",
                    "From a device without a browser",
                    "People type a code here (device_code).",
                    false,
                ),
                choice("refreshes", "And stay logged on", "It gets refresh tokens.", true),
            ],
            resources: vec![
                choice(
                    "for_api",
                    "API",
                    "What people do on these pages, with their roles (gateway-api).",
                    true,
                ),
                choice(
                    "for_repositories",
                    "Repositories",
                    "Backups themselves, as far as people’s roles reach (restic).",
                    false,
                ),
            ],
            redirect_uris: "https://portal.example/back\nhttp://127.0.0.1/back".into(),
            enabled: true,
            problem: None,
        },
        is_held: false,
        can_change: true,
    }
}
