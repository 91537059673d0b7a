//! Requests and responses of HTTP/1.1 over a connection with a deadline; one request per connection.
//!
//! `httparse` parses the head. Everything is limited before it is read: the head to [`HEAD`] bytes, the body to what the caller allows, and all
//! of it by a deadline, so that a client that sends a byte now and then does not hold a connection.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The most bytes of a request line with its headers.
const HEAD: usize = 16 << 10;
/// The most headers.
const HEADERS: usize = 100;
/// How long a client that is still sending has to take notice of a response.
const LINGER: Duration = Duration::from_secs(2);
/// How soon a connection that waits for bytes notices that the server stops.
const NOTICE: Duration = Duration::from_millis(100);

/// The head of a request.
#[derive(Debug)]
pub(super) struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Request {
    /// The value of a header that must not occur twice: nothing if it is missing.
    pub(super) fn header(&self, name: &str) -> Result<Option<&str>, Response> {
        let mut values = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            return Err(Response::error(400, format!("expected one header {name}, got several")));
        }
        let text = value.map(|value| std::str::from_utf8(value));
        text.transpose()
            .map_err(|_| Response::error(400, format!("expected text in the header {name}, got other bytes")))
    }

    /// The path without the query.
    pub(super) fn path(&self) -> &str {
        self.target.split_once('?').map_or(&*self.target, |(path, _)| path)
    }

    /// A parameter of the query, which is not decoded: numbers need no escapes.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    }

    /// The number of bytes of the body.
    fn content_length(&self) -> Result<Option<u64>, Response> {
        if self.header("Transfer-Encoding")?.is_some() {
            return Err(Response::error(411, "expected Content-Length, got Transfer-Encoding"));
        }
        let Some(text) = self.header("Content-Length")? else { return Ok(None) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(length) if digits => Ok(Some(length)),
            // More digits than a number has.
            _ if digits => Ok(Some(u64::MAX)),
            _ => Err(Response::error(400, "expected a number in Content-Length")),
        }
    }
}

/// What is sent back.
#[derive(Debug)]
pub(super) struct Response {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Response {
    /// A successful response.
    pub(super) fn ok(content_type: &'static str, body: impl Into<Vec<u8>>) -> Response {
        Response { status: 200, content_type, body: body.into(), headers: Vec::new() }
    }

    /// What went wrong, as a JSON object with the member `error`.
    pub(super) fn error(status: u16, message: impl Into<String>) -> Response {
        let body = crate::json::line(&serde_json::json!({ "error": message.into() }));
        Response { status, ..Response::ok("application/json", body) }
    }

    /// Adds a header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Response {
        self.headers.push((name, value.into()));
        self
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        let common = [
            ("Content-Type", self.content_type),
            ("Connection", "close"),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ];
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in common.into_iter().chain(own) {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head + &format!("Content-Length: {}\r\n\r\n", self.body.len())
    }
}

/// The page loads nothing but its own files, and shows pictures that the user chose.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Internal Server Error",
    }
}

/// Why there is no request.
#[derive(Debug)]
pub(super) enum Fault {
    /// Something to tell the client.
    Answer(Response),
    /// Nobody listens.
    Gone,
}

impl From<Response> for Fault {
    fn from(response: Response) -> Fault {
        Fault::Answer(response)
    }
}

/// A connection of a client, who has until a deadline to send a request and to take the response. When the server stops, nothing more is
/// read: browsers open connections that they may never use.
pub(super) struct Connection<'a> {
    stream: TcpStream,
    deadline: Instant,
    stop: &'a AtomicBool,
    /// What was read beyond the head: the start of the body.
    rest: Vec<u8>,
    /// Whether the client may be sending still.
    unread: bool,
}

impl<'a> Connection<'a> {
    pub(super) fn new(stream: TcpStream, limit: Duration, stop: &'a AtomicBool) -> Connection<'a> {
        Connection { stream, deadline: Instant::now() + limit, stop, rest: Vec::new(), unread: true }
    }

    /// Reads the head of the request.
    pub(super) fn request(&mut self) -> Result<Request, Fault> {
        let mut head = Vec::new();
        loop {
            let mut buffer = [0; 4096];
            match self.read(&mut buffer)? {
                0 if head.is_empty() => return Err(Fault::Gone),
                0 => return Err(Response::error(400, "expected a whole request, got a part").into()),
                count => head.extend(&buffer[..count]),
            }
            let mut headers = [httparse::EMPTY_HEADER; HEADERS];
            let mut parsed = httparse::Request::new(&mut headers);
            match parsed.parse(&head) {
                Ok(httparse::Status::Complete(length)) if length <= HEAD => {
                    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                    let pair = |header: &httparse::Header| (header.name.to_owned(), header.value.to_owned());
                    let (method, target) = (text(parsed.method), text(parsed.path));
                    let headers = parsed.headers.iter().map(pair).collect();
                    self.rest = head.split_off(length);
                    return Ok(Request { method, target, headers });
                }
                Ok(httparse::Status::Partial) if head.len() <= HEAD => {}
                Ok(_) | Err(httparse::Error::TooManyHeaders) => {
                    let message = format!("expected at most {HEADERS} headers in {HEAD} bytes, got more");
                    return Err(Response::error(431, message).into());
                }
                Err(httparse::Error::Version) => {
                    return Err(Response::error(505, "expected HTTP/1.1, got another version").into());
                }
                Err(error) => return Err(Response::error(400, format!("not a request: {error}")).into()),
            }
        }
    }

    /// Reads the body of the request, at most `limit` bytes.
    pub(super) fn body(&mut self, request: &Request, limit: u64) -> Result<Vec<u8>, Fault> {
        let Some(length) = request.content_length()? else {
            return Err(Response::error(411, "expected a picture with its Content-Length, got no length").into());
        };
        if length > limit {
            return Err(Response::error(413, format!("expected at most {limit} bytes, got {length}")).into());
        }
        match request.header("Expect")? {
            None => {}
            Some(wish) if wish.eq_ignore_ascii_case("100-continue") => self.write(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            Some(_) => return Err(Response::error(417, "expected 100-continue in Expect, got another").into()),
        }
        let mut body = std::mem::take(&mut self.rest);
        body.truncate(length as usize);
        // Grows with what arrives, however long the head says it is.
        while (body.len() as u64) < length {
            let mut buffer = [0; 16 << 10];
            let wanted = (length - body.len() as u64).min(buffer.len() as u64) as usize;
            match self.read(&mut buffer[..wanted])? {
                0 => {
                    let message = format!("expected {length} bytes, got {}", body.len());
                    return Err(Response::error(400, message).into());
                }
                count => body.extend(&buffer[..count]),
            }
        }
        self.unread = false;
        Ok(body)
    }

    /// Sends the response and closes the connection; without the body if only the head was asked for.
    pub(super) fn answer(mut self, response: &Response, only_head: bool) {
        let body: &[u8] = if only_head { &[] } else { &response.body };
        // A response after the deadline is short, and the client may not have known that it is late.
        self.deadline = self.deadline.max(Instant::now() + LINGER);
        if self.write(&[response.head().as_bytes(), body].concat()).is_err() {
            return;
        }
        let _ = self.stream.shutdown(Shutdown::Write);
        if self.unread {
            // Closing a socket that holds unread bytes resets the connection, and the client would not see the response.
            self.deadline = Instant::now() + LINGER;
            let mut buffer = [0; 16 << 10];
            while self.read(&mut buffer).is_ok_and(|count| count > 0) {}
        }
    }

    /// Says that the client was not heard, in no time.
    pub(super) fn refuse(mut stream: TcpStream, response: &Response) {
        let _ = stream.set_nonblocking(true);
        let _ = stream.write(&[response.head().as_bytes(), &response.body].concat());
        let _ = stream.shutdown(Shutdown::Write);
        // What has arrived of the request, so that closing does not reset the connection.
        let _ = stream.read(&mut [0; 16 << 10]);
    }

    /// The time that is left.
    fn left(&self) -> Result<Duration, Fault> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(late()) } else { Ok(left) }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        loop {
            let timeout = self.stream.set_read_timeout(Some(self.left()?.min(NOTICE)));
            match timeout.and_then(|()| self.stream.read(buffer)) {
                Err(error) if is_timeout(&error) && self.stop.load(Ordering::Acquire) => return Err(Fault::Gone),
                // What time is left is asked again.
                Err(error) if is_timeout(&error) || error.kind() == ErrorKind::Interrupted => {}
                result => return result.map_err(|_| Fault::Gone),
            }
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let timeout = self.stream.set_write_timeout(Some(self.left()?));
            match timeout.and_then(|()| self.stream.write(bytes)) {
                Ok(0) => return Err(Fault::Gone),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_timeout(&error) || error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Fault::Gone),
            }
        }
        Ok(())
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn late() -> Fault {
    Response::error(408, "the request did not arrive in time").into()
}
