//! `countersign serve`: the server itself.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use countersign_core::Clock as _;
use tokio::signal::unix::{SignalKind, signal};

use super::fail;
use super::settings::{SettingFlags, complain};
use crate::adapters::{SystemClock, SystemEntropy};
use crate::config::Config;
use crate::delivery::Delivery;
use crate::listen::tls::Tls;
use crate::listen::{Listener, Stop};
use crate::{App, http};

/// Run the server.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    settings: SettingFlags,
}

impl Serve {
    /// Serves until SIGTERM or SIGINT.
    pub fn run(self) -> ExitCode {
        log_to_standard_error("info");
        let config = match self.settings.load() {
            Ok(config) => config,
            Err(complaints) => {
                complain(&complaints);
                return ExitCode::FAILURE;
            }
        };
        for remark in &config.remarks {
            tracing::warn!("{remark}");
        }
        let runtime = match tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(64)
            .build()
        {
            Ok(runtime) => runtime,
            Err(error) => return fail(format_args!("cannot start: {error}")),
        };
        match runtime.block_on(serve(config)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    }
}

async fn serve(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let data = crate::app::prepare_data_folder(&config.data)?;
    let clock = Arc::new(SystemClock);
    let tls = match config.listen.tls() {
        Some(source) => {
            let names = [
                config.public_url.host().to_owned(),
                "localhost".into(),
                "127.0.0.1".into(),
                "::1".into(),
            ];
            Some(Tls::open(source, &data, &names, clock.now())?)
        }
        None => None,
    };
    let listener = Listener::bind(config.listen.address(), tls.clone(), config.limits.clone()).await?;
    let public_url = config.public_url.clone();
    let app = App::open(config, clock, Arc::new(SystemEntropy)).await?;
    let stop = app.stop.clone();
    watch_signals(stop.clone(), tls.clone())?;

    println!(
        "Countersign {} listens on {}, reached as {public_url}",
        env!("CARGO_PKG_VERSION"),
        listener.address()?
    );
    if let Some(tls) = &tls {
        println!(
            "Certificate {}, SHA-256 {}",
            tls.certificate().display(),
            tls.fingerprint()?
        );
    }
    let start = crate::setup::first_start::begin(&app).await?;
    if let Some(announcement) = start.announcement(&app.config) {
        println!("{announcement}");
    }
    let workers = tokio::spawn(crate::workers::run(app.clone(), stop.clone()));
    let delivery = Delivery::start(&app);
    listener.serve(http::router(app), stop).await;
    workers.await?;
    // Last, so that what the others reported still leaves.
    delivery.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// The first SIGTERM or SIGINT asks to finish, the second ends at once; SIGHUP reads the certificate again.
pub(super) fn watch_signals(stop: Stop, tls: Option<Tls>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hang_up.recv() => {
                    match tls.as_ref().map(Tls::reload) {
                        Some(Ok(())) => tracing::info!("the certificate was read again"),
                        Some(Err(error)) => tracing::error!(%error, "the certificate in use stays"),
                        None => {}
                    }
                    continue;
                }
            }
            if stop.is_cancelled() {
                std::process::exit(1);
            }
            tracing::info!("stopping: running requests are finished first");
            stop.cancel();
        }
    });
    Ok(())
}

/// Logs to standard error, as `COUNTERSIGN_LOG` (or else `otherwise`) says, with colours on a terminal.
pub(super) fn log_to_standard_error(otherwise: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("COUNTERSIGN_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(otherwise));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second subscriber in one process (a test) keeps the first.
    let _ = log.with_ansi(std::io::stderr().is_terminal()).try_init();
}
