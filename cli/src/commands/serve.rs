//! `rushlight serve`: a page on this machine where pictures are dropped and classified.

use crate::classify::{classify_bytes, ranked};
use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::model::Classifier;
use crate::output::say;
use crate::serve::{About, Limits, Site, listen, serve};
use crate::text::shown_path;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Serve a page on which pictures are classified, and a JSON endpoint beside it
///
/// The page is for this machine alone unless --host says otherwise. There is no encryption and no login: do not open it to a network
/// you do not trust. Ctrl-C ends it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  rushlight serve runs/photos-1/model.safetensors
  curl --data-binary @cat.jpg 'http://127.0.0.1:8017/predict?top=3'

POST /predict takes the bytes of a picture; ?top=K limits the classes. The answer is JSON:
{\"predictions\":[{\"class\":\"cat\",\"probability\":0.9998}, …]}, or {\"error\":\"…\"} with the status
400 not a picture          403 from a page of another site   408 too slow       411 no length
413 too large              415 a form                        421 unknown host   431 too many headers
503 busy: again after Retry-After
GET /model describes the model.")]
pub(crate) struct ServeArgs {
    /// The model file (model.safetensors)
    pub model: PathBuf,
    /// Address or name to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// Port to listen on; 0 takes a free one, which is printed
    #[arg(long, default_value_t = 8017)]
    pub port: u16,
    /// A name besides localhost under which clients reach the server; addresses need none
    #[arg(long, value_name = "NAME")]
    pub allow_host: Vec<String>,
    /// The largest picture in megabytes
    #[arg(long, value_name = "MB", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub max_size: u16,
    /// Seconds that a client has for its request
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub timeout: u16,
}

/// Runs the command.
pub(crate) fn run(args: &ServeArgs) -> Result<()> {
    let classifier = Classifier::load(&args.model)?;
    let listener = listen(&args.host, args.port)?;
    let interrupt = Interrupt::listen()?;
    let limits = Limits { body: u64::from(args.max_size) * 1_000_000, time: Duration::from_secs(args.timeout.into()) };
    let about = About {
        architecture: classifier.architecture.clone(),
        classes: classifier.classes.clone(),
        limit: limits.body,
    };
    let hosts = args.allow_host.iter().map(|name| name.to_ascii_lowercase()).collect();
    let classify = move |bytes: &[u8]| -> Result<Vec<(String, f32)>> {
        let probabilities = classify_bytes(&classifier, bytes)?;
        Ok(ranked(&classifier.classes, &probabilities))
    };
    let site = Site::new(about, hosts, Box::new(classify));
    let address = listener.local_addr().map_err(|error| Failure::new(format!("cannot listen: {error}")))?;
    say(&format!("{}: http://{address}/ (Ctrl-C ends it)", shown_path(&args.model)))?;
    if !address.ip().is_loopback() {
        say("other machines can reach this address, too")?;
    }
    serve(&listener, &site, limits, &interrupt)
}
