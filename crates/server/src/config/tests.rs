use insta::assert_snapshot;

use super::*;
use crate::listen::TlsSource;

fn load(file: &str, environment: &[(&str, &str)], flags: &[(Key, &str)]) -> Result<Config, Vec<Complaint>> {
    let mut settings = Settings::default();
    settings.environment(
        environment
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into())),
    );
    for (key, value) in flags {
        settings.text(*key, value, Source::Flag);
    }
    settings.file("/etc/countersign/countersign.toml".as_ref(), file);
    Config::from_settings(settings, "backup1")
}

fn complaints(file: &str) -> String {
    let complaints = load(file, &[], &[]).expect_err("something is wrong");
    complaints.iter().map(|complaint| format!("{complaint}\n")).collect()
}

fn source(config: &Config, key: Key) -> String {
    let found = config.effective.iter().find(|effective| effective.key == key).unwrap();
    format!("{} from {}", found.value.as_ref().unwrap(), found.source)
}

#[test]
fn without_a_word_it_is_loopback() {
    let config = load("", &[], &[]).unwrap();
    assert_eq!(config.listen.address().to_string(), "127.0.0.1:8765");
    assert_eq!(config.public_url.to_string(), "http://127.0.0.1:8765");
    assert_eq!(config.data, PathBuf::from("countersign-data"));
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.origin, Origin::new("backup1"));
    assert_eq!(
        config
            .effective
            .iter()
            .map(|effective| effective.key)
            .collect::<Vec<_>>(),
        Key::ALL
    );
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "listen = '127.0.0.1:1'\npublic_url = 'http://file'\n[limits]\nconnections = 7\n";
    let environment = [
        ("COUNTERSIGN_LISTEN", "127.0.0.1:2"),
        ("COUNTERSIGN_PUBLIC_URL", "http://environment"),
    ];
    let config = load(file, &environment, &[(Key::Listen, "127.0.0.1:3")]).unwrap();
    assert_eq!(source(&config, Key::Listen), r#""127.0.0.1:3" from command line"#);
    assert_eq!(
        source(&config, Key::PublicUrl),
        r#""http://environment" from COUNTERSIGN_PUBLIC_URL"#
    );
    assert_eq!(
        source(&config, Key::LimitConnections),
        "7 from /etc/countersign/countersign.toml:4"
    );
    assert_eq!(source(&config, Key::LimitStopSeconds), "30 from default");
    assert_eq!((config.listen.address().port(), config.limits.connections), (3, 7));
}

#[test]
fn everything_that_is_wrong_is_said_with_its_line() {
    assert_snapshot!(complaints(
        "lisen = '127.0.0.1:1'\nlisten = 'localhost'\n\n[tls]\ncert = 'a'\nkey = 5\n[limit]\nconnections = 1\n\
         [limits]\nconnections = 0\nstop = 3\n[events]\napp_name = 'two words'\nreason = 'yes'\n"
    ), @r#"
    /etc/countersign/countersign.toml:1: there is no setting lisen; did you mean listen?
    /etc/countersign/countersign.toml:2: listen: an IP address and a port are expected, as in 127.0.0.1:8765, 0.0.0.0:8765 or [::]:8765
    /etc/countersign/countersign.toml:5: tls.cert: the certificate's private key is missing: set tls.key too
    /etc/countersign/countersign.toml:6: tls.key is a text, in quotes
    /etc/countersign/countersign.toml:7: there is no setting limit; did you mean limits?
    /etc/countersign/countersign.toml:10: limits.connections: 0 is not between 1 and 1000000
    /etc/countersign/countersign.toml:11: there is no setting limits.stop; did you mean limits.stop_seconds?
    /etc/countersign/countersign.toml:13: events.app_name: an application name has 1 to 48 printable ASCII characters and no space
    /etc/countersign/countersign.toml:14: events.reason is true or false
    "#);
    assert_snapshot!(complaints("listen = \n[tls\n"), @r#"
    /etc/countersign/countersign.toml:1: string values must be quoted, expected literal string
    /etc/countersign/countersign.toml:2: unclosed table, expected `]`
    "#);
}

#[test]
fn an_address_that_others_reach_needs_protection() {
    assert_snapshot!(complaints("listen = '[::]:8765'"), @"/etc/countersign/countersign.toml:1: listen: [::]:8765 can be reached from other machines, so passwords and tokens must not cross it in the clear: give a certificate (--tls-cert FILE --tls-key FILE), let one be made (--tls-self-signed), or, where a proxy ends TLS, name the networks the proxy speaks from (--behind-proxy CIDR)");
    let tls = load("listen = '[::]:8765'\n[tls]\nself_signed = true", &[], &[]).unwrap();
    assert_eq!(tls.public_url.to_string(), "https://backup1:8765");
    let proxy = load("listen = '[::]:8765'\nbehind_proxy = ['10.0.0.0/8']", &[], &[]).unwrap();
    assert_eq!(proxy.public_url.to_string(), "https://backup1");
    assert!(load("listen = '[::]:8765'\nbehind_proxy = []", &[], &[]).is_err());
}

#[test]
fn a_certificate_goes_with_its_key() {
    assert_snapshot!(complaints("[tls]\ncert = 'a'"), @"/etc/countersign/countersign.toml:2: tls.cert: the certificate's private key is missing: set tls.key too");
    assert_snapshot!(complaints("[events]\ntls_cert = 'a'"), @"/etc/countersign/countersign.toml:2: events.tls_cert: the certificate's private key is missing: set events.tls_key too");
    assert_snapshot!(complaints("[events]\ntls_key = 'a'"), @"/etc/countersign/countersign.toml:2: events.tls_key: the key's certificate is missing: set events.tls_cert too");
    assert_snapshot!(complaints("[tls]\nkey = 'a'"), @"/etc/countersign/countersign.toml:2: tls.key: the key's certificate is missing: set tls.cert too");
    assert_snapshot!(complaints("[tls]\ncert = 'a'\nkey = 'b'\nself_signed = true"), @"/etc/countersign/countersign.toml:4: tls.self_signed: there is a certificate already (tls.cert): set one or the other");
    let config = load("[tls]\ncert = 'a.crt'\nkey = '/b.key'", &[], &[]).unwrap();
    let files = TlsSource::Files {
        certificate: "/etc/countersign/a.crt".into(),
        key: "/b.key".into(),
    };
    assert_eq!(
        config.listen.tls(),
        Some(&files),
        "a relative path starts from the file's folder"
    );
}

#[test]
fn a_foreign_variable_is_remarked_and_not_refused() {
    let config = load(
        "",
        &[("COUNTERSIGN_LISTN", "x"), ("COUNTERSIGN_PORT", "tcp://10.0.0.1:80")],
        &[],
    )
    .unwrap();
    let remarks: String = config.remarks.iter().map(|remark| format!("{remark}\n")).collect();
    assert_snapshot!(remarks, @r#"
    COUNTERSIGN_LISTN: is no setting and has no effect; did you mean COUNTERSIGN_LISTEN?
    COUNTERSIGN_PORT: is no setting and has no effect
    "#);
    assert!(
        load("", &[("COUNTERSIGN_CONFIG", "x"), ("HOME", "x")], &[])
            .unwrap()
            .remarks
            .is_empty()
    );
}

/// Settings without a default, which the example shows with files that are not there.
const FILES: [Key; 5] = [
    Key::TlsCert,
    Key::TlsKey,
    Key::EventsTlsCert,
    Key::EventsTlsKey,
    Key::ConfigurationBackupsFolder,
];
const EXAMPLE: &str = include_str!("../../../../countersign.example.toml");
const OPERATIONS: &str = include_str!("../../../../docs/operations.md");

#[test]
fn the_example_names_every_setting_with_its_default() {
    assert_eq!(
        load(EXAMPLE, &[], &[]).unwrap().effective,
        load("", &[], &[]).unwrap().effective
    );
    let all: String = EXAMPLE.lines().map(|line| uncomment(line).to_owned() + "\n").collect();
    // Set together they contradict each other; each is right by itself.
    let config = load(
        &all.replace("vbrsrv01", "backup1")
            .replace("\ncert =", "\n#")
            .replace("\nkey =", "\n#")
            .replace("\ntls_cert =", "\n#")
            .replace("\ntls_key =", "\n#"),
        &[],
        &[],
    )
    .unwrap();
    let defaults = load("", &[], &[]).unwrap();
    for (shown, default) in config.effective.iter().zip(&defaults.effective) {
        if !FILES.contains(&shown.key) {
            assert_eq!(shown.value, default.value, "{:?}", shown.key);
            assert_ne!(shown.source, Source::Default, "{:?} is missing", shown.key);
        }
    }
    for file in FILES {
        assert!(EXAMPLE.contains(&format!("\n#{} = ", file.path().1)), "{}", file.name());
    }
}

/// A commented setting has no space after its sign.
fn uncomment(line: &str) -> &str {
    line.strip_prefix('#')
        .filter(|rest| rest.starts_with(|letter: char| letter.is_ascii_lowercase()))
        .unwrap_or(line)
}

#[test]
fn the_operations_chapter_describes_every_setting() {
    for key in Key::ALL {
        assert!(
            OPERATIONS.contains(&format!("| `{}` |", key.name())),
            "{} is not described",
            key.name()
        );
        assert!(
            OPERATIONS.contains(&key.variable()),
            "{} is not described",
            key.variable()
        );
    }
}
