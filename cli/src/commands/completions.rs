//! `rushlight completions`: what a shell needs to complete command lines.

use crate::failure::Result;
use crate::output::write_text;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print a script that completes command lines in a shell
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  rushlight completions bash > ~/.local/share/bash-completion/completions/rushlight
  rushlight completions zsh > ~/.zfunc/_rushlight
  rushlight completions fish > ~/.config/fish/completions/rushlight.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Runs the command.
pub(crate) fn run(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "rushlight", &mut script);
    write_text(&script)
}
