//! `countersign doctor`: can the server do its work here, and what to do where it cannot.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::fail;
use super::settings::SettingFlags;
use crate::adapters::SystemClock;
use crate::doctor::{Finding, Level, examine, examine_objects};

/// Look whether the server can do its work here; exit code 1 if it cannot.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Read every byte that is kept, held ones too, and compare it with what was received; takes as long as reading the disk
    #[arg(long)]
    deep: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingFlags,
}

impl Doctor {
    /// Looks and says what was found.
    pub fn run(self) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(format_args!("cannot start: {error}")),
        };
        let mut findings = runtime.block_on(examine(self.settings.load(), &SystemClock));
        if let (true, Ok(config)) = (self.deep, self.settings.load()) {
            findings.extend(runtime.block_on(examine_objects(&config)));
        }
        let well = findings.iter().all(|finding| finding.level < Level::Problem);
        if self.json {
            let documents: Vec<_> = findings.iter().map(document).collect();
            println!("{}", json!({"ok": well, "findings": documents}));
        } else {
            findings.iter().for_each(say);
        }
        if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn say(finding: &Finding) {
    println!("{:<8} {}: {}", finding.level, finding.about, finding.found);
    if let Some(advice) = &finding.advice {
        println!("         {advice}");
    }
}

fn document(finding: &Finding) -> serde_json::Value {
    json!({
        "level": finding.level.to_string(),
        "about": finding.about,
        "found": finding.found,
        "advice": finding.advice,
    })
}
