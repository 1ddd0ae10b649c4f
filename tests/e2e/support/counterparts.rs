//! Where the real programs are: what `scripts/counterparts` brought, or what the machine has.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The folder that `scripts/counterparts` fills.
pub fn folder() -> PathBuf {
    std::env::var_os("COUNTERPARTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/counterparts"),
        PathBuf::from,
    )
}

/// A program of the machine. Debian keeps daemons in `/usr/sbin`, which is not on everyone's path.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("no {name} on this machine: run scripts/counterparts"))
}

/// A file under [`folder`].
pub fn brought(file: &str) -> PathBuf {
    let path = folder().join(file);
    assert!(
        path.is_file(),
        "{} is missing: run scripts/counterparts",
        path.display()
    );
    path
}

/// rsyslog or syslog-ng as `scripts/counterparts` unpacked them: a program under its `usr/sbin`, with its own libraries.
pub fn receiver(program: &str) -> Command {
    let root = receivers();
    let mut libraries = vec![root.join("usr/lib/syslog-ng")];
    for folder in ["usr/lib", "lib"] {
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten();
        libraries.extend(
            entries
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.to_string_lossy().ends_with("-linux-gnu")),
        );
    }
    let mut command = Command::new(brought(&format!("receivers/usr/sbin/{program}")));
    command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries).unwrap());
    command
}

/// The folder of a receiver's modules; `module` is one that must be there.
pub fn receiver_modules(folder: &str, module: &str) -> PathBuf {
    let modules = receivers().join(folder);
    assert!(
        modules.join(module).is_file(),
        "no {module} in {}: run scripts/counterparts",
        modules.display()
    );
    modules
}

fn receivers() -> PathBuf {
    folder().join("receivers")
}

/// The library that gives a program another clock, made by the C compiler that the build needs anyway.
pub fn clock_library() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/support/clock_of.c");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let text = std::fs::read(&source).unwrap();
    let made = folder.join(format!(
        "clock-{}.so",
        &countersign_core::Sha256::of(&text).to_hex()[..16]
    ));
    if !made.is_file() {
        // Each test is a process of its own: whoever is last puts the same in its place.
        let part = folder.join(format!("clock-{}.part", std::process::id()));
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .args([&part, &source])
            .status();
        assert!(compiled.unwrap().success(), "cc does not compile {}", source.display());
        std::fs::rename(part, &made).unwrap();
    }
    made
}
