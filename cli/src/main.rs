//! The `rushlight` command: trains image classifiers and uses them.

#![forbid(unsafe_code)]

mod commands;
mod data;
mod failure;
mod interrupt;
mod model;
mod output;
mod progress;
mod report;
mod run_folder;
mod training;

use clap::{Parser, Subcommand};
use commands::predict::PredictArgs;
use commands::train::TrainArgs;
use std::process::ExitCode;

/// Train and use neural networks that classify images
#[derive(Parser, Debug)]
#[command(name = "rushlight", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Train(TrainArgs),
    Predict(PredictArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Train(args) => commands::train::run(&args),
        Command::Predict(args) => commands::predict::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.code())
        }
    }
}
