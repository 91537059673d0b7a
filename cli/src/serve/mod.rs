//! A local server: a page where pictures are dropped, and a JSON endpoint beside it.
//!
//! Connections are threads, of which there are at most [`CONNECTIONS`], each with a deadline. Pictures are received by at most
//! [`UPLOADS`] of them and classified one at a time, for the classifier takes all cores itself: so memory is limited, too. Who comes when
//! all are taken is told to come again (503). An asynchronous runtime would serve thousands of idle connections; a page for one person has none,
//! and the runtime would be larger than the rest of the program.

mod http;
mod routes;

use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;
use http::{Connection, Fault, Response};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

pub(crate) use routes::{About, Site};

/// Connections at a time.
const CONNECTIONS: usize = 32;
/// Pictures that are received or classified at a time.
const UPLOADS: usize = 4;

/// What a client may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The largest picture, in bytes.
    pub body: u64,
    /// The time to send a request and take the response.
    pub time: Duration,
}

/// A counter of what is in use, with a limit.
struct Slots {
    used: AtomicUsize,
    limit: usize,
}

impl Slots {
    fn new(limit: usize) -> Slots {
        Slots { used: AtomicUsize::new(0), limit }
    }

    /// One of them, until the guard is dropped.
    fn take(&self) -> Option<Slot<'_>> {
        let more = |used| (used < self.limit).then_some(used + 1);
        self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok().map(|_| Slot(self))
    }
}

struct Slot<'a>(&'a Slots);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Serves the site on the listener until the user interrupts; requests that have arrived by then are answered.
pub(crate) fn serve(listener: &TcpListener, site: &Site, limits: Limits, interrupt: &Interrupt) -> Result<()> {
    let address = listener.local_addr().map_err(|e| Failure::new(format!("cannot listen: {e}")))?;
    let (connections, stop) = (&Slots::new(CONNECTIONS), &AtomicBool::new(false));
    thread::scope(|scope| {
        let accept = || {
            while !stop.load(Ordering::Acquire) {
                match listener.accept() {
                    Ok((stream, _)) if !stop.load(Ordering::Acquire) => {
                        let Some(slot) = connections.take() else {
                            Connection::refuse(stream, &busy());
                            continue;
                        };
                        // A failed start of a thread drops the connection, which the client notices.
                        let _ = thread::Builder::new().spawn_scoped(scope, move || {
                            let _slot = slot;
                            answer(Connection::new(stream, limits.time, stop), site, limits.body);
                        });
                    }
                    Ok(_) => {}
                    // The client is gone already, or there are no more files: the next ones may do better.
                    Err(_) => thread::sleep(Duration::from_millis(10)),
                }
            }
        };
        let acceptor = thread::Builder::new().spawn_scoped(scope, accept);
        acceptor.map_err(|e| Failure::new(format!("cannot start a thread: {e}")))?;
        interrupt.wait();
        stop.store(true, Ordering::Release);
        wake(address);
        Ok(())
    })
}

/// Ends the wait for a connection with a connection.
fn wake(mut address: SocketAddr) {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
}

/// Reads a request and answers it.
fn answer(mut connection: Connection, site: &Site, limit: u64) {
    let (response, only_head) = match connection.request() {
        Ok(request) => (site.respond(&request, &mut connection, limit), request.method == "HEAD"),
        Err(fault) => (Err(fault), false),
    };
    match response {
        Ok(response) | Err(Fault::Answer(response)) => connection.answer(&response, only_head),
        Err(Fault::Gone) => {}
    }
}

fn busy() -> Response {
    Response::error(503, "too many requests at a time").with("Retry-After", "1")
}

/// Opens the port.
pub(crate) fn listen(host: &str, port: u16) -> Result<TcpListener> {
    let failed = |error: io::Error| Failure::new(format!("cannot listen on {host}, port {port}: {error}"));
    TcpListener::bind((host, port)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn a_defect_costs_one_response() {
        let classify = |bytes: &[u8]| match bytes {
            b"bad" => panic!("a defect in a decoder"),
            _ => Ok(vec![("cat".to_owned(), 1.0)]),
        };
        let about = About { architecture: "net".into(), classes: vec!["cat".into()], limit: 10 };
        let site = Site::new(about, Vec::new(), Box::new(classify));
        let listener = listen("127.0.0.1", 0).unwrap();
        let ask = |body: &str| {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let head = format!("POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
            client.write_all((head + body).as_bytes()).unwrap();
            let stop = AtomicBool::new(false);
            let (stream, _) = listener.accept().unwrap();
            answer(Connection::new(stream, Duration::from_secs(10), &stop), &site, 10);
            let mut text = String::new();
            client.read_to_string(&mut text).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            (head[..12].to_owned(), body.to_owned())
        };
        let good = ("HTTP/1.1 200".into(), r#"{"predictions":[{"class":"cat","probability":1.0}]}"#.into());
        assert_eq!(ask("good"), good);
        let bad = ("HTTP/1.1 500".into(), r#"{"error":"the picture could not be classified"}"#.into());
        for _ in 0..=UPLOADS {
            assert_eq!(ask("bad"), bad);
        }
        assert_eq!(ask("good"), good);
    }
}
