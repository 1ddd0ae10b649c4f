use super::*;

pub fn configuration_backups() -> ConfigurationBackupsPage {
    let row = |id: &str, name: &str, by: Option<&str>, fault: Option<&str>| ConfigurationBackupRow {
        id: id.into(),
        name: name.into(),
        made: ago(7_200),
        by: by.map(Into::into),
        size: Bytes(183_417),
        passphrase: 1,
        verified: fault.map(|_| ago(60)),
        fault: fault.map(Into::into),
    };
    ConfigurationBackupsPage {
        chrome: chrome(Section::Settings),
        rows: vec![
            row("3", "countersign-20261121T020000Z-3.backup", None, None),
            row(
                "2",
                "countersign-20261120T101500Z-2.backup",
                Some("ann"),
                Some("it is damaged or cut off at octet 106: use another configuration backup"),
            ),
        ],
        folder: "/srv/countersign/configuration-backups".into(),
        passphrase: Some(1),
        fault: Some("the file cannot be read or written: No space left on device".into()),
        problem: None,
        at: "02:00".into(),
        keep: "30".into(),
        is_held: true,
        can_make: true,
        can_change: true,
    }
}
