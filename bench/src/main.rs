//! Runs the same workloads alternately in Rushlight and in PyTorch, and prints time ratios.
//!
//! ```text
//! cargo run --release -p rushlight-bench -- --setup target/torch        # once: a throw-away environment with PyTorch
//! cargo run --release -p rushlight-bench -- --python target/torch/bin/python --filter matmul
//! ```
//!
//! PyTorch runs in two child processes, one with default settings and one with its memory kept mapped (which avoids
//! page faults). In every round Rushlight and each setting of PyTorch run in turn, so that a disturbance of the machine
//! affects all of them; the ratio is the median over the rounds, relative to the best of PyTorch's settings.

#![forbid(unsafe_code)]

mod child;
mod machine;
mod measure;
mod report;
mod run;
mod setup;
mod workloads;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Times Rushlight against PyTorch on the same machine, in turn.
#[derive(Parser)]
struct Args {
    /// Run only workloads whose name contains one of these (comma-separated).
    #[arg(long, value_delimiter = ',')]
    filter: Vec<String>,
    /// Number of threads on both sides.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Number of rounds.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Seconds per round and side.
    #[arg(long, default_value_t = 0.3, value_parser = positive_seconds)]
    seconds: f64,
    /// Print a Markdown table.
    #[arg(long)]
    markdown: bool,
    /// Print the names of the workloads and exit.
    #[arg(long)]
    list: bool,
    /// A Python interpreter with torch. Without it only Rushlight is timed.
    #[arg(long)]
    python: Option<PathBuf>,
    /// Create a virtual environment in this folder, install PyTorch into it, and use it.
    #[arg(long, conflicts_with = "python")]
    setup: Option<PathBuf>,
}

fn positive_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if s > 0.0 && s <= 600.0 => Ok(s),
        _ => Err(format!("`{text}` is not a number of seconds between 0 and 600")),
    }
}

fn main() -> ExitCode {
    match benchmark(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(child::Error::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn benchmark(args: Args) -> Result<(), child::Error> {
    let mut chosen = workloads::all();
    chosen.retain(|w| args.filter.is_empty() || args.filter.iter().any(|f| w.name.contains(f.as_str())));
    if chosen.is_empty() {
        return Err(child::Error::NoWorkload(args.filter.join(",")));
    }
    if args.list {
        chosen.iter().try_for_each(|w| writeln!(io::stdout(), "{:34} {}", w.name, w.title))?;
        return Ok(());
    }
    let python = match &args.setup {
        Some(folder) => Some(setup::environment(folder)?),
        None => args.python.clone(),
    };
    let threads = usize::from(args.threads);
    rushlight_kernels::threads::set_num_threads(threads);
    // Before PyTorch starts, which keeps the processor busy.
    let machine = machine::Machine::measure(threads);
    let mut children = match &python {
        Some(python) => child::both_settings(python, threads)?,
        None => Vec::new(),
    };
    let torch = match children.first_mut() {
        Some(torch) => torch.describe()?,
        None => "PyTorch: not run (give --python PATH, or --setup FOLDER to install it there)".into(),
    };
    writeln!(io::stdout(), "{machine}\n{torch}\n")?;
    let plan = run::Plan { rounds: usize::from(args.rounds), seconds: args.seconds };
    let mut table = report::Table::new(args.markdown, !children.is_empty());
    table.header()?;
    for workload in &chosen {
        let outcome = run::compare(workload, &mut children, &plan)?;
        table.row(workload, &outcome, &machine)?;
    }
    table.footer()?;
    Ok(())
}
