//! The `rushlight` command: trains image classifiers and uses them.

#![forbid(unsafe_code)]

mod checkpoint;
mod classify;
mod commands;
mod failure;
mod interrupt;
mod json;
mod model;
mod output;
mod photos;
mod progress;
mod report;
mod run_folder;
mod serve;
mod table;
mod text;
mod training;

use clap::{Parser, Subcommand};
use commands::completions::CompletionsArgs;
use commands::convert::ConvertArgs;
use commands::evaluate::EvaluateArgs;
use commands::inspect::InspectArgs;
use commands::models::ModelsArgs;
use commands::predict::PredictArgs;
use commands::serve::ServeArgs;
use commands::split::SplitArgs;
use commands::train::TrainArgs;
use std::process::ExitCode;

/// Train and use neural networks that classify images
#[derive(Parser, Debug)]
#[command(name = "rushlight", version, arg_required_else_help = true)]
#[command(after_help = "Examples:
  rushlight train photos/                                  folders of classes, or cat.0.jpg, …
  rushlight predict runs/photos-1/model.safetensors new/   the classes of the pictures in a folder
  rushlight serve runs/photos-1/model.safetensors          a page on which pictures are dropped

Exit codes: 0 success, 1 failure (the last line on standard error says which),
2 a command line that is not understood, 130 interrupted.
NO_COLOR=1 turns colors off.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Train(TrainArgs),
    Predict(PredictArgs),
    Evaluate(EvaluateArgs),
    Serve(ServeArgs),
    Split(SplitArgs),
    Inspect(InspectArgs),
    Convert(ConvertArgs),
    Models(ModelsArgs),
    Completions(CompletionsArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Train(args) => commands::train::run(&args),
        Command::Predict(args) => commands::predict::run(&args),
        Command::Evaluate(args) => commands::evaluate::run(&args),
        Command::Serve(args) => commands::serve::run(&args),
        Command::Split(args) => commands::split::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Convert(args) => commands::convert::run(&args),
        Command::Models(args) => commands::models::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", text::shown(&failure.to_string()));
            ExitCode::from(failure.code())
        }
    }
}
