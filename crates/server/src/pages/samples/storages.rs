use super::*;

fn storage_row(id: &str, name: &str, standing: StorageStanding) -> StorageRow {
    StorageRow {
        id: id.into(),
        name: name.into(),
        free: (standing != StorageStanding::Away).then_some(Bytes(800 << 30)),
        standing,
        used: Bytes(1_400_000_000_000),
        quota: (id != "1").then_some(Bytes(2 << 40)),
        locked_days: (id != "1").then_some(30),
        backups: Count(12),
    }
}

fn closes() -> StorageStanding {
    StorageStanding::Closes { request: "47".into() }
}

pub fn storages() -> StoragesPage {
    StoragesPage {
        chrome: chrome(Section::Storages),
        rows: vec![
            storage_row("1", "main", StorageStanding::InService),
            storage_row("2", "archive", closes()),
            storage_row("3", "usb", StorageStanding::Away),
        ],
        can_change: true,
    }
}

pub fn storage(name: Option<&str>) -> StoragePage {
    StoragePage {
        chrome: chrome(Section::Storages),
        known: name.map(|name| KnownStorage {
            row: storage_row("2", name, StorageStanding::InService),
            place: format!("In /srv/{name}"),
            disk: Some(Bytes(4 << 40)),
            added: ago(9_000_000),
            changed: Some(ago(86_000)),
        }),
        form: StorageForm {
            name: name.unwrap_or_default().into(),
            path: String::new(),
            quota_gib: "2048".into(),
            immutable_days: "30".into(),
            problem: None,
        },
        can_change: true,
        delete_problem: None,
    }
}

pub fn storage_pages() -> Vec<(String, String)> {
    let standing = |standing| {
        let mut page = storage(Some("archive"));
        if let Some(known) = &mut page.known {
            known.row = storage_row("2", "archive", standing);
        }
        page
    };
    let mut off = storage(Some("archive"));
    off.chrome.four_eyes_on = false;
    off.delete_problem = Some("This is the last storage: add another one first.".into());
    let mut hostile = storage(Some(HOSTILE));
    hostile.form.problem = Some(HOSTILE.into());
    vec![
        rendered("storages", &storages()),
        rendered(
            "storages-looking",
            &StoragesPage {
                can_change: false,
                ..storages()
            },
        ),
        rendered("storage-new", &storage(None)),
        rendered("storage", &storage(Some("archive"))),
        rendered("storage-closes", &standing(closes())),
        rendered("storage-away", &standing(StorageStanding::Away)),
        rendered("storage-off", &off),
        rendered(
            "storage-looking",
            &StoragePage {
                can_change: false,
                ..storage(Some("archive"))
            },
        ),
        rendered("storage-hostile", &hostile),
    ]
}
