//! docs/events.md is made from the catalogue. `UPDATE_DOCS=1 cargo test -p countersign-events` writes it anew.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use countersign_events::{
    CATALOGUE, COMMON, Event, LARGEST_MESSAGE, Occurrence, Origin, Reason, Timestamp, decode, encode, export,
};
use std::fmt::Write;
use std::{env, fs};

#[test]
fn the_document_says_what_the_catalogue_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md");
    let document = document();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, &document).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == document,
        "docs/events.md is not what the catalogue says: run with UPDATE_DOCS=1 and read the change"
    );
}

#[test]
fn the_catalogue_is_sorted_and_every_example_is_its_entry() {
    let ids: Vec<u32> = CATALOGUE.iter().map(|entry| entry.id).collect();
    assert!(
        ids.is_sorted_by(|one, next| one < next),
        "entry() searches by halves: {ids:?}"
    );
    for (event, entry) in Event::examples().iter().zip(CATALOGUE) {
        assert_eq!((event.id(), event.title()), (entry.id, entry.title));
        assert!(entry.severities.contains(&event.severity()));
        let (parameters, origin) = (
            entry.parameters,
            Origin {
                request_id: true,
                result: true,
                ..Origin::new("h")
            },
        );
        let sent: Vec<&str> = event.parameters(&origin).iter().map(|(key, _)| *key).collect();
        let listed: Vec<&str> = parameters.iter().chain(&COMMON).copied().collect();
        assert!(is_subsequence(&sent, &listed), "{}: {sent:?} of {listed:?}", event.id());
        assert!(!event.description(&origin).is_empty() && !entry.sent.trim().is_empty());
    }
    assert_eq!(Event::examples().len(), CATALOGUE.len());
}

fn is_subsequence(part: &[&str], whole: &[&str]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|key| rest.any(|candidate| candidate == key))
}

fn document() -> String {
    let mut text = HEAD.replace("LARGEST", &LARGEST_MESSAGE.to_string());
    for reason in Reason::ALL {
        writeln!(text, "| {} | {} |", reason.code(), reason.description()).unwrap();
    }
    text.push_str("\n## The events\n\n| id | title | severity | ATT&CK |\n|---|---|---|---|\n");
    for entry in CATALOGUE {
        let severities: Vec<&str> = entry.severities.iter().map(|severity| severity.name()).collect();
        let (severities, techniques) = (severities.join(", "), entry.techniques.join(", "));
        writeln!(
            text,
            "| [{0}](#{0}) | {1} | {severities} | {techniques} |",
            entry.id, entry.title
        )
        .unwrap();
    }
    let origin = Origin {
        vbr_version: "1.0.0".to_owned(),
        ..Origin::new("VBRSRV01")
    };
    text.push_str(CONSUMERS);
    for event in Event::examples() {
        text.push_str(&for_consumers(&event, &origin));
    }
    for (entry, event) in CATALOGUE.iter().zip(Event::examples()) {
        let mut line = Vec::new();
        encode(
            &event,
            Occurrence::new(Timestamp(1_763_987_197_421_424), -25_200),
            &origin,
            &mut line,
        );
        let own: Vec<String> = entry.parameters.iter().map(|key| format!("`{key}`")).collect();
        writeln!(
            text,
            "\n### {}\n\n**{}.** {}\n",
            entry.id,
            entry.title,
            entry.sent.trim()
        )
        .unwrap();
        let severities: Vec<&str> = entry.severities.iter().map(|severity| severity.name()).collect();
        write!(text, "Severity: {}.", severities.join(", ")).unwrap();
        for technique in entry.techniques {
            write!(
                text,
                " ATT&CK: [{technique}](https://attack.mitre.org/techniques/{technique}/)."
            )
            .unwrap();
        }
        for page in entry.pages {
            write!(text, " Source: <{page}>.").unwrap();
        }
        writeln!(text, " Parameters: {}, then the common four.\n", own.join(", ")).unwrap();
        writeln!(text, "```text\n{}\n```", String::from_utf8(line).unwrap()).unwrap();
    }
    text
}

/// A row of the table of what other consumers are told.
fn for_consumers(event: &Event, origin: &Origin) -> String {
    let mut line = Vec::new();
    encode(event, Occurrence::default(), origin, &mut line);
    let message = decode(&line).unwrap();
    let (ecs, ocsf, cef) = (export::ecs(&message), export::ocsf(&message), export::cef(&message));
    let words = |value: &serde_json::Value| match value {
        serde_json::Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().unwrap())
            .collect::<Vec<_>>()
            .join(", "),
        serde_json::Value::String(text) => text.clone(),
        _ => String::new(),
    };
    format!(
        "| {} | {} | {} | {} | {} {} | {} | {} | {} |\n",
        event.id(),
        words(&ecs["event"]["category"]),
        words(&ecs["event"]["type"]),
        words(&ecs["event"]["outcome"]),
        ocsf["class_uid"],
        words(&ocsf["class_name"]),
        words(&ocsf["activity_name"]),
        words(&ocsf["status"]),
        cef.split('|').nth(6).unwrap(),
    )
}

const CONSUMERS: &str = "
## In the words of other consumers

`countersign events decode --format ecs|ocsf|cef` says a message in the Elastic Common Schema 8.17, the Open Cybersecurity Schema
Framework 1.4 and the Common Event Format 0. The outcome follows `Result` where it is sent, and the severity of 40700 and 40800.

- ECS has the categories and fields of Elastic's own integration for the family: `source.ip` and `source.port`, `user` (the initiator) and
  `related.user` (the supervisor, too), `host.name`, `related.hosts`, the parameters in snake case under `veeam.event`. `event.type` says
  what was done beside that integration's `info`.
- OCSF tells `Reason` as `status_code`, the request's id as `metadata.correlation_uid`, the supervisor in `comment`, the parameters under
  `unmapped`.
- CEF has `rt`, `dvchost`, `outcome`, `suser`, `duser` (the supervisor), `src` or `c6a2`, `spt`, `suid`, `act`, `reason`, `externalId` (the
  request's id), `request` (the redirect URI), `msg`; the other parameters keep their names.

| id | ECS category | ECS type | ECS outcome | OCSF class | OCSF activity | OCSF status | CEF severity |
|---|---|---|---|---|---|---|---|
";

const HEAD: &str = r#"# The events

<!-- Made from the catalogue in crates/events: change it there, then run `UPDATE_DOCS=1 cargo test -p countersign-events`. -->

Every event leaves as one RFC 5424 message:

```text
<PRI>1 TIMESTAMP HOSTNAME APP-NAME - - [origin enterpriseId="31023"] [categoryId=0 instanceId=ID Key="Value" … VbrHostName="…" VbrVersion="…" Version="1" Description="…"]
```

- PRI is 14 for Info, 12 for Warning, 11 for Error (facility user).
- TIMESTAMP has microseconds and the local offset. Times inside parameters are UTC, `MM/DD/YYYY HH:MM:SS`.
- Parameters come in the order given here, then the common four: `VbrHostName`, `VbrVersion`, `Version`, `Description`.
  A parameter whose value is not known is left out.
- `EventSequence` is the event's number in the server's record, after the event's own parameters and before
  `VbrHostName`, for receivers whose settings ask for it. A message that comes twice has the same number twice, so a
  receiver can tell a duplicate from a second event.
- `RequestId` and `Result` are sent only when the setting says so. `Reason` can be turned off, for parsers made from
  lines without it.
- The severity token (`[INF]`, `[WRN]`, `[ERR]`), off by default, stands before the event's bracket.
- `loginType` is 0 for local and domain accounts, 1 for accounts of a SAML identity provider, 2 for service accounts.

## What is replaced

A name, an address or an id that someone could choose never ends a value, a line or an element:

| in the value | on the wire |
|---|---|
| `"` | `'`; inside XML `&quot;` |
| `<`, `>`, `&` inside XML | `&lt;`, `&gt;`, `&amp;` |
| `,` in an item of a list | `;` |
| `<` at the beginning of a plain value | U+FFFD |
| control characters, line separators, marks of reading direction, byte order marks | U+FFFD |

No message is longer than LARGEST octets. One that would be is written again with every chosen text cut to 4096, 2048,
1024, 512, 256, 128, 64 or 32 octets, whichever is the first that fits; a cut text ends in `…`, and lists hold a
sixty-fourth of that many items. The event record keeps everything whole.

## The strict form

For receivers that want structured data proper (RFC 5424 section 6.3): quotes, backslashes and closing brackets are
escaped, MSGID is the event's id and MSG the Description.

```text
<PRI>1 TIMESTAMP HOSTNAME APP-NAME - ID [origin enterpriseId="31023"][event@31023 categoryId="0" instanceId="ID" Key="Value" …] DESCRIPTION
```

## Reading

`countersign events decode` reads both forms, ours and other senders', and prints one JSON object a message; `countersign
events encode` writes it back byte for byte, in the form that it was read in (`"form": "strict"`; absent for the
compatible one). `countersign_events::decode` and `Event::try_from` do the same in a program.

In the compatible form nothing is escaped, so a value ends at a quote before the end of the body, before a final `]`, or
before a space and `Key="`. A value that begins with `<` is XML: a quote inside a tag does not end it, a quote between
tags does where no element is open. In the strict form a value ends at a quote without a backslash before it. A message whose
keys repeat or stand out of the order given here is marked `"ambiguous": true` and keeps its line in `raw`.

## Reasons

The `Reason` of 44001 and 44002, and what their Description says after "… was denied: ".

| code | Description |
|---|---|
"#;
