//! A disk that is really full: the server keeps answering, refuses what it cannot record, loses nothing, and goes on when
//! there is room.

use std::{fs::File, io::Write as _, path::Path};

use countersign_core::Sha256;

use crate::support::{
    clock::eventually,
    laptop::init_cheaply,
    raw::Raw,
    server::{Member, Server, TOKEN},
};

#[test]
fn a_full_disk_refuses_loses_nothing_and_goes_on() {
    let mut ann = Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    let bob = Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU");
    let mut server = Server::set_up(&[&ann, &bob]);
    let Some(disk) = server.start_on_small_disk(64) else {
        eprintln!("not tested: this system lets nobody mount a file system in a namespace of their own");
        return;
    };
    let base = format!("{}/restic/main/laptop/", server.origin());
    let raw = Raw::new(&base, "laptop", TOKEN);
    init_cheaply(&raw);
    let kept = raw.put("data", &vec![1; 1 << 20]);
    let snapshot = raw.put("snapshots", b"monday");
    ann.open(&server, "/pending").expect_text("Nothing");

    let ballast = disk.join("ballast");
    fill(&ballast);
    let status = eventually("the database to find no room", || {
        let status = raw.delete(&snapshot);
        (status != 200).then_some(status)
    });
    assert_eq!(status, 507);
    let small = b"a small object";
    let path = format!("data/{}", Sha256::of(small).to_hex());
    assert_eq!(raw.put_as(&path, small), 507);
    assert_eq!(raw.get(&kept).status, 200, "what is there can be read");
    assert_eq!(get(&server, "/healthz"), 200);
    eventually("the alert", || {
        let page = ann.open(&server, "/pending");
        assert_eq!(page.status, 200, "{}", page.text());
        page.text().contains("Nothing can be recorded").then_some(())
    });
    assert_eq!(get(&server, "/readyz"), 503);

    std::fs::remove_file(&ballast).unwrap();
    eventually("the alert to end", || {
        let page = ann.open(&server, "/pending");
        (!page.text().contains("Nothing can be recorded")).then_some(())
    });
    assert_eq!(get(&server, "/readyz"), 200);
    assert_eq!(raw.get(&kept).body, vec![1; 1 << 20]);
    assert_eq!(
        raw.get(&snapshot).body,
        b"monday",
        "a delete that was refused has deleted nothing"
    );
    raw.put("data", &vec![2; 1 << 20]);
    assert_eq!(raw.delete(&snapshot), 200);
    let log = server.log();
    assert!(
        log.contains("nothing can be recorded") && log.contains("the alert is over"),
        "{log}"
    );
    server.stop();
}

/// Takes every byte that is left.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 20, 4096] {
        let bytes = vec![0; size];
        while file.write_all(&bytes).is_ok() {}
    }
}

fn get(server: &Server, path: &str) -> u16 {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let answer = agent.get(format!("{}{path}", server.origin())).call();
    answer
        .unwrap_or_else(|e| panic!("no answer from {path}: {e}"))
        .status()
        .as_u16()
}
