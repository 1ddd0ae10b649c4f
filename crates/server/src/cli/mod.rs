//! The command line.

mod accounts;
mod backups;
mod clients;
mod clock;
mod commands;
mod config;
mod demo;
#[cfg(test)]
mod desk;
mod doctor;
mod events;
pub mod exit;
mod grant;
mod keys;
mod login;
mod notices;
mod policy;
mod receivers;
pub mod remote;
mod requests;
mod run;
mod runner;
mod runners;
mod serve;
mod service_providers;
mod sessions;
mod settings;
mod setup;
mod storages;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Four-eyes authorization for backups: a backup server on which nobody deletes alone.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Run a server to look around in, gone at the end
    Demo(demo::Demo),
    /// Look at the configuration, back it up, restore it
    #[command(subcommand)]
    Config(config::Config),
    /// Follow the recorded events; read and write messages of the family
    #[command(subcommand)]
    Events(events::Events),
    /// Look whether the server can do its work here, and say what to do where it cannot
    Doctor(doctor::Doctor),
    /// Log on to a server with the browser
    Login(login::Login),
    /// Log off from a server
    Logout(login::Logout),
    /// Look at requests and decide them, over the API of a running server
    #[command(subcommand)]
    Requests(requests::Requests),
    /// Look at backups, mark and delete them, over the API of a running server
    #[command(subcommand)]
    Backups(backups::Backups),
    /// Look at storages, add, change and delete them, over the API of a running server
    #[command(subcommand)]
    Storages(storages::Storages),
    Run(run::Run),
    /// Look at commands that were allowed, and at what they wrote, over the API of a running server
    #[command(subcommand)]
    Commands(commands::Commands),
    Runner(runner::Runner),
    /// Look at runners, add and remove them, over the API of a running server
    #[command(subcommand)]
    Runners(runners::Runners),
    /// Check and redeem the grant of a command
    #[command(subcommand)]
    Grant(grant::Grant),
    /// Look at receivers of events, change and test them, over the API of a running server
    #[command(subcommand)]
    Receivers(receivers::Receivers),
    /// Look at the channels by which people are told of requests, change and test them, over the API of a running server
    #[command(subcommand)]
    Notices(notices::Notices),
    /// Look at clients that may ask for logons, register and change them, over the API of a running server
    #[command(subcommand)]
    Clients(clients::Clients),
    /// Look at remote servers to which backups are copied, register and test them, copy there, over the API of a running server
    #[command(subcommand, alias = "providers")]
    ServiceProviders(service_providers::ServiceProviders),
    /// Look at accounts, add, change and reset them, over the API of a running server
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    /// Look at what is logged on, and end it, over the API of a running server
    #[command(subcommand)]
    Sessions(sessions::Sessions),
    /// Look at the keys that sign access tokens, and change them, over the API of a running server
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Look whether time passes for what waits, and confirm a clock that jumped, over the API of a running server
    #[command(subcommand)]
    Clock(clock::Clock),
    /// Look at the security settings, and change them, over the API of a running server
    #[command(subcommand)]
    Settings(policy::Settings),
    /// Set the first administrators up
    #[command(subcommand)]
    Setup(setup::Setup),
}

/// Runs the program: reads the arguments (the first is the program's name), does what they say, and tells how it went:
/// the exit code is one of [`exit::Exit`], or what the command's help says.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() {
                ExitCode::from(exit::Exit::Usage.code())
            } else {
                ExitCode::SUCCESS
            };
            // Nobody reads: the exit code still tells.
            let _ = error.print();
            return code;
        }
    };
    match arguments.command {
        Command::Serve(serve) => serve.run(),
        Command::Demo(demo) => demo.run(),
        Command::Config(config) => config.run(),
        Command::Events(events) => events.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Login(login) => login.run(),
        Command::Logout(logout) => logout.run(),
        Command::Requests(requests) => requests.run(),
        Command::Backups(backups) => backups.run(),
        Command::Storages(storages) => storages.run(),
        Command::Run(run) => run.run(),
        Command::Commands(commands) => commands.run(),
        Command::Runner(runner) => runner.run(),
        Command::Runners(runners) => runners.run(),
        Command::Grant(grant) => grant.run(),
        Command::Receivers(receivers) => receivers.run(),
        Command::Notices(notices) => notices.run(),
        Command::Clients(clients) => clients.run(),
        Command::ServiceProviders(providers) => providers.run(),
        Command::Accounts(accounts) => accounts.run(),
        Command::Sessions(sessions) => sessions.run(),
        Command::Keys(keys) => keys.run(),
        Command::Clock(clock) => clock.run(),
        Command::Settings(settings) => settings.run(),
        Command::Setup(setup) => setup.run(),
    }
}

/// Says on standard error why something was not done.
fn fail(message: impl std::fmt::Display) -> ExitCode {
    eprintln!("countersign: {message}");
    ExitCode::FAILURE
}
