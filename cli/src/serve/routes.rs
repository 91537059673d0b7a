//! What the server answers to which request.

use super::http::{Connection, Fault, Request, Response};
use super::{Slots, UPLOADS, busy};
use crate::failure::Result;
use crate::json;
use serde::Serialize;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// The classes of a picture in a file, the most likely one first.
type Classify = Box<dyn Fn(&[u8]) -> Result<Vec<(String, f32)>> + Send + Sync>;

/// The page, its endpoint, and the model behind them.
pub(crate) struct Site {
    classify: Classify,
    about: About,
    /// Names besides `localhost` and addresses that clients may know the server by.
    hosts: Vec<String>,
    uploads: Slots,
    classifying: Mutex<()>,
}

/// What the page says about the model.
#[derive(Serialize)]
pub(crate) struct About {
    pub architecture: String,
    pub classes: Vec<String>,
    /// The largest picture, in bytes.
    pub limit: u64,
}

#[derive(Serialize)]
struct Answer<'a> {
    predictions: Vec<Prediction<'a>>,
}

#[derive(Serialize)]
struct Prediction<'a> {
    class: &'a str,
    probability: f32,
}

impl Site {
    pub(crate) fn new(about: About, hosts: Vec<String>, classify: Classify) -> Site {
        Site { classify, about, hosts, uploads: Slots::new(UPLOADS), classifying: Mutex::new(()) }
    }

    /// The response to a request, whose body is still to be read.
    pub(super) fn respond(&self, request: &Request, connection: &mut Connection, limit: u64) -> Reply<Response> {
        self.check_host(request)?;
        let get = |content_type, body: &str| {
            check_method(request, &["GET", "HEAD"])?;
            Ok(Response::ok(content_type, body))
        };
        match request.path() {
            "/" => get("text/html; charset=utf-8", include_str!("page/index.html")),
            "/page.css" => get("text/css; charset=utf-8", include_str!("page/page.css")),
            "/page.js" => get("text/javascript; charset=utf-8", include_str!("page/page.js")),
            "/model" => get("application/json", &json::line(&self.about)),
            "/predict" => {
                check_method(request, &["POST"])?;
                self.predict(request, connection, limit)
            }
            _ => Err(Response::error(404, "expected /, /model or /predict, got another path").into()),
        }
    }

    /// A page of another site whose name was made to lead here (DNS rebinding) is told by the name it uses.
    fn check_host(&self, request: &Request) -> Reply<()> {
        let Some(host) = request.header("Host")? else {
            return Err(Response::error(400, "expected the header Host, got none").into());
        };
        let name = without_port(host).to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let known = address.is_ok() || name == "localhost" || self.hosts.contains(&name);
        if known {
            Ok(())
        } else {
            Err(Response::error(421, "expected a known name in Host (--allow-host adds one)").into())
        }
    }

    /// Pages of other sites may not have pictures classified.
    fn check_origin(&self, request: &Request) -> Reply<()> {
        let foreign =
            || Response::error(403, "expected a request from this page or from a program, got another page's");
        if let Some(origin) = request.header("Origin")? {
            let own = request.header("Host")?.unwrap_or_default();
            if !origin.strip_prefix("http://").is_some_and(|host| host.eq_ignore_ascii_case(own)) {
                return Err(foreign().into());
            }
        }
        match request.header("Sec-Fetch-Site")? {
            None | Some("same-origin" | "none") => Ok(()),
            Some(_) => Err(foreign().into()),
        }
    }

    /// Receives and classifies a picture.
    fn predict(&self, request: &Request, connection: &mut Connection, limit: u64) -> Reply<Response> {
        self.check_origin(request)?;
        let kind = request.header("Content-Type")?.unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("multipart/") {
            return Err(Response::error(415, "expected the bytes of a picture as the body, got a form").into());
        }
        let top = match request.parameter("top").map(str::parse) {
            None => usize::MAX,
            Some(Ok(top)) if top > 0 => top,
            Some(_) => return Err(Response::error(400, "expected a number from 1 in top").into()),
        };
        let Some(_slot) = self.uploads.take() else { return Err(busy().into()) };
        let bytes = connection.body(request, limit)?;
        if bytes.is_empty() {
            return Err(Response::error(400, "expected a picture, got no bytes").into());
        }
        // One at a time: the classifier takes all cores, and a picture may be large.
        let _one = self.classifying.lock().unwrap_or_else(PoisonError::into_inner);
        // A defect in a decoder must cost one response, not the server.
        let classes = catch_unwind(AssertUnwindSafe(|| (self.classify)(&bytes)));
        let classes = classes.map_err(|_| Response::error(500, "the picture could not be classified"))?;
        let classes = classes.map_err(|failure| Response::error(400, failure.to_string()))?;
        let predictions =
            classes.iter().take(top).map(|(class, probability)| Prediction { class, probability: *probability });
        Ok(Response::ok("application/json", json::line(&Answer { predictions: predictions.collect() })))
    }
}

/// A part of the answer to a request, or why there is none.
type Reply<T> = std::result::Result<T, Fault>;

fn check_method(request: &Request, allowed: &[&str]) -> Reply<()> {
    if allowed.contains(&&*request.method) {
        return Ok(());
    }
    let allowed = allowed.join(", ");
    Err(Response::error(405, format!("expected {allowed}, got another method")).with("Allow", allowed).into())
}

/// `localhost:8080` and `[::1]:8080` without the port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_no_part_of_a_name() {
        for (host, name) in [
            ("localhost", "localhost"),
            ("localhost:80", "localhost"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("127.0.0.1:0", "127.0.0.1"),
            ("evil.example:80:90", "evil.example:80"),
        ] {
            assert_eq!(without_port(host), name);
        }
    }
}
