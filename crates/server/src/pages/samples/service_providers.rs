use super::*;

pub fn service_providers() -> ServiceProvidersPage {
    let row = |id: &str, name: &str, url: &str, schedules, trouble: Option<&str>| ServiceProviderRow {
        id: id.into(),
        name: name.into(),
        url: url.into(),
        schedules: Count(schedules),
        trouble: trouble.map(Into::into),
    };
    ServiceProvidersPage {
        chrome: chrome(Section::ServiceProviders),
        rows: vec![
            row(
                "2",
                "attic",
                "https://attic.example/restic/main/",
                3,
                Some("Backup main/laptop was not copied to service provider attic: nothing listens at attic.example."),
            ),
            row("1", "cellar", "https://cellar.example:8000/", 12, None),
        ],
        can_change: true,
    }
}

pub fn service_provider(id: Option<&str>) -> ServiceProviderPage {
    let copy = |state, detail: Option<&str>, by: Option<&str>| CopyRow {
        backup: "main/laptop".into(),
        to: "laptop".into(),
        asked_by: by.map(Into::into),
        asked: ago(7_200),
        state,
        sent: Count(12),
        objects: Count(4_711),
        bytes: Bytes(203_000_000),
        detail: detail.map(Into::into),
    };
    ServiceProviderPage {
        chrome: chrome(Section::ServiceProviders),
        id: id.map(Into::into),
        name: "cellar".into(),
        has_password: true,
        test: None,
        problem: None,
        schedules: vec![
            ScheduleRow {
                backup: "main/laptop".into(),
                to: "laptop".into(),
                every: Count(24),
                last: Some(ago(7_000)),
                trouble: None,
            },
            ScheduleRow {
                backup: "main/server".into(),
                to: "server".into(),
                every: Count(1),
                last: None,
                trouble: Some("Backup main/server was not copied: cellar.example does not answer.".into()),
            },
        ],
        copies: vec![
            copy(CopyStanding::Running, None, Some("ann")),
            copy(CopyStanding::Due, Some("cellar.example does not answer"), None),
            copy(CopyStanding::Failed, Some("another repository is there already"), None),
            copy(CopyStanding::Done, None, None),
        ],
        backups: vec!["main/laptop".into(), "main/server".into()],
        form: ServiceProviderForm {
            name: "cellar".into(),
            url: "https://cellar.example:8000/".into(),
            user: "office".into(),
            server_name: String::new(),
            ca: String::new(),
            fingerprint: String::new(),
            unencrypted: false,
            problem: None,
        },
        is_held: true,
        can_change: true,
    }
}

pub fn service_provider_pages() -> Vec<(String, String)> {
    vec![
        rendered("service-providers", &service_providers()),
        rendered(
            "service-providers-empty",
            &ServiceProvidersPage {
                rows: Vec::new(),
                can_change: false,
                ..service_providers()
            },
        ),
        rendered("service-provider-new", &service_provider(None)),
        rendered("service-provider", &service_provider(Some("1"))),
        rendered(
            "service-provider-tested",
            &ServiceProviderPage {
                test: Some(ProviderTest {
                    ok: false,
                    text: "Cellar.example does not accept the user and password for laptop (401).".into(),
                }),
                has_password: false,
                problem: Some("There is no backup main/none.".into()),
                is_held: false,
                schedules: Vec::new(),
                copies: Vec::new(),
                backups: Vec::new(),
                ..service_provider(Some("1"))
            },
        ),
        rendered(
            "service-provider-looking",
            &ServiceProviderPage {
                can_change: false,
                ..service_provider(Some("1"))
            },
        ),
    ]
}
