//! `rushlight serve` over TCP: the page, the endpoint, and clients that are slow, wrong, many or of another site.

mod common;

use common::colors::{BLUE, RED, SURE, folder_with_model, write_color};
use common::{fail, rushlight};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A running server, which ends with the test.
struct Server {
    child: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Server {
    fn start(name: &str, args: &[&str]) -> Server {
        let folder = folder_with_model(name);
        let args = [&["serve", "model.safetensors", "--port", "0"], args].concat();
        let mut child = rushlight(&folder, &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.strip_prefix("model.safetensors: http://").and_then(|rest| rest.split_once("/ (")).unwrap();
        Server { address: address.0.parse().unwrap(), child, folder }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends bytes and returns everything that comes back.
    fn send(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        Answer::read(&mut stream)
    }

    fn get(&self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).as_bytes())
    }

    /// Posts bytes to `/predict` with more headers.
    fn post(&self, query: &str, headers: &str, body: &[u8]) -> Answer {
        let (host, length) = (self.address, body.len());
        let head =
            format!("POST /predict{query} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n{headers}\r\n");
        self.send(&[head.as_bytes(), body].concat())
    }

    fn picture(&self, color: [u8; 3]) -> Vec<u8> {
        let path = self.folder.join("picture.png");
        write_color(&path, color);
        fs::read(path).unwrap()
    }

    /// Sends the signal, and returns the exit code.
    #[cfg(unix)]
    fn signal(&mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A response.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn read(stream: &mut TcpStream) -> Answer {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest[..3].parse().ok()).expect("a status");
        Answer { status, head, body: bytes.split_off(end + 4) }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn json(&self) -> Value {
        assert_eq!(self.header("Content-Type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The message of an error with this status.
    fn error(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}\n{}", self.head, String::from_utf8_lossy(&self.body));
        self.json()["error"].as_str().unwrap().to_owned()
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let server = Server::start("page", &[]);
    for (path, kind, start) in [
        ("/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/?x=1", "text/html; charset=utf-8", "<!doctype html>"),
        ("/page.js", "text/javascript; charset=utf-8", "\"use strict\""),
        ("/page.css", "text/css; charset=utf-8", ":root"),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(kind)), "{path}");
        let text = String::from_utf8(answer.body.clone()).unwrap();
        assert!(text.starts_with(start), "{path}");
        assert!(!text.replace("http://www.w3.org/2000/svg", "").contains("://"), "an address in {path}");
        assert_eq!(answer.header("Content-Length"), Some(&*answer.body.len().to_string()));
        let policy = answer.header("Content-Security-Policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    }
    let answer = server.send(format!("HEAD / HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes());
    assert!(answer.status == 200 && answer.body.is_empty() && answer.header("Content-Length") != Some("0"));
    let model = server.get("/model").json();
    assert_eq!(model["classes"], serde_json::json!(["red", "green", "blue"]));
    assert_eq!((&model["architecture"], &model["limit"]), (&"squeezenet1_1".into(), &32_000_000.into()));
}

#[test]
fn pictures_are_classified() {
    let server = Server::start("classified", &[]);
    let answer = server.post("", "Content-Type: image/png\r\n", &server.picture(BLUE));
    assert_eq!(answer.status, 200);
    let found = answer.json();
    let predictions = found["predictions"].as_array().unwrap();
    assert_eq!((predictions.len(), &predictions[0]["class"]), (3, &"blue".into()));
    assert!((predictions[0]["probability"].as_f64().unwrap() - SURE).abs() < 1e-6);
    // As curl sends it, with a class asked for and a wait for permission to send.
    let form = "Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n";
    let mut stream = server.connect();
    let picture = server.picture(RED);
    let head =
        format!("POST /predict?top=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{form}\r\n", picture.len());
    stream.write_all(head.as_bytes()).unwrap();
    let mut permission = [0; 25];
    stream.read_exact(&mut permission).unwrap();
    assert_eq!(&permission, b"HTTP/1.1 100 Continue\r\n\r\n");
    for part in picture.chunks(50) {
        stream.write_all(part).unwrap();
    }
    let found = Answer::read(&mut stream).json();
    assert_eq!((found["predictions"].as_array().unwrap().len(), &found["predictions"][0]["class"]), (1, &"red".into()));
}

#[test]
fn wrong_requests_are_answered_and_do_no_harm() {
    let server = Server::start("wrong", &["--max-size", "1", "--allow-host", "photos.example"]);
    let picture = server.picture(RED);
    let host = format!("Host: {}\r\n", server.address);
    let get = |rest: &str| server.send(format!("GET {rest}\r\n\r\n").as_bytes());

    assert!(server.get("/favicon.ico").error(404).starts_with("expected /, /model or /predict"));
    assert_eq!(server.get("/../../etc/passwd").status, 404);
    let answer = server.get("/predict");
    assert_eq!(
        (answer.error(405).as_str(), answer.header("Allow")),
        ("expected POST, got another method", Some("POST"))
    );
    assert_eq!(server.send(format!("DELETE / HTTP/1.1\r\n{host}\r\n").as_bytes()).status, 405);

    assert!(server.post("", "", b"").error(400).contains("got no bytes"));
    assert!(server.post("", "", b"no picture").error(400).contains("starts with \"no picture\""));
    assert!(server.post("", "", &picture[..picture.len() / 2]).status == 400);
    assert!(server.post("?top=0", "", &picture).error(400).contains("in top"));
    assert!(server.post("?top=x", "", &picture).error(400).contains("in top"));
    assert!(server.post("", "Content-Type: multipart/form-data; boundary=x\r\n", &picture).error(415).contains("form"));
    // A PNG file of a few bytes that says it has 100,000 x 100,000 pixels.
    let mut bomb = picture.clone();
    bomb[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    assert_eq!(server.post("", "", &bomb).status, 400);
    // The length is checked before anything is received.
    let large = format!("POST /predict HTTP/1.1\r\n{host}Content-Length: 1000001\r\n\r\n");
    assert_eq!(server.send(large.as_bytes()).error(413), "expected at most 1000000 bytes, got 1000001");
    let endless = large.replace("1000001", "99999999999999999999999999");
    assert_eq!(server.send(endless.as_bytes()).status, 413);
    assert_eq!(server.send(large.replace("1000001", "-1").as_bytes()).status, 400);
    assert_eq!(server.send(large.replace("Content-Length: 1000001\r\n", "").as_bytes()).status, 411);
    assert_eq!(
        server.send(large.replace("Content-Length: 1000001", "Transfer-Encoding: chunked").as_bytes()).status,
        411
    );
    assert_eq!(server.send(large.replace("1000001", "5\r\nContent-Length: 6").as_bytes()).status, 400);
    assert_eq!(server.post("", "Expect: a-cookie\r\n", &picture).status, 417);

    assert_eq!(get("/").status, 400);
    assert_eq!(get("/ HTTP/2.0").status, 505);
    assert_eq!(get("/ HTTP/1.1").error(400), "expected the header Host, got none");
    assert_eq!(server.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").status, 400);
    assert_eq!(get(&format!("/ HTTP/1.1\r\n{host}X: {}", "x".repeat(20_000))).status, 431);
    assert_eq!(get(&format!("/ HTTP/1.1\r\n{host}{}", "X: y\r\n".repeat(200))).status, 431);

    // Pages of other sites, by the name they lead here and by what browsers say about them.
    assert_eq!(
        get("/ HTTP/1.1\r\nHost: evil.example:8017").error(421),
        "expected a known name in Host (--allow-host adds one)"
    );
    assert_eq!(get("/ HTTP/1.1\r\nHost: LOCALHOST:1").status, 200);
    assert_eq!(get("/ HTTP/1.1\r\nHost: photos.example").status, 200);
    assert_eq!(server.post("", "Origin: http://evil.example\r\n", &picture).status, 403);
    assert_eq!(server.post("", "Sec-Fetch-Site: cross-site\r\n", &picture).status, 403);
    let own = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", server.address);
    assert_eq!(server.post("", &own, &picture).status, 200, "and it still works");
}

#[test]
fn slow_clients_have_a_deadline() {
    let server = Server::start("slow", &["--timeout", "1"]);
    let host = format!("Host: {}\r\n", server.address);
    let late = |start: &str, more: &[u8]| {
        let begun = Instant::now();
        let mut stream = server.connect();
        stream.write_all(start.as_bytes()).unwrap();
        // A byte now and then does not hold the connection.
        for byte in more {
            std::thread::sleep(Duration::from_millis(200));
            if stream.write_all(&[*byte]).is_err() {
                break;
            }
        }
        assert_eq!(Answer::read(&mut stream).status, 408);
        assert!((1.0..4.0).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
    };
    std::thread::scope(|scope| {
        scope.spawn(|| late("GET / HT", b""));
        scope.spawn(|| late(&format!("POST /predict HTTP/1.1\r\n{host}Content-Length: 100\r\n\r\nab"), b"cdefghi"));
    });
    assert_eq!(server.get("/").status, 200);
}

#[test]
fn too_many_clients_are_told_to_come_again() {
    let server = Server::start("many", &[]);
    // Each holds a connection; the program has 32 of them.
    let idle: Vec<TcpStream> = (0..32).map(|_| server.connect()).collect();
    let refused = (0..50).map(|_| server.get("/")).find(|answer| answer.status == 503).expect("a limit");
    assert_eq!(
        (refused.error(503).as_str(), refused.header("Retry-After")),
        ("too many requests at a time", Some("1"))
    );
    drop(idle);
    let begun = Instant::now();
    while server.get("/").status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "free again");
    }

    // Uploads have a limit of their own, below that of connections: the page stays available.
    let head = format!("POST /predict HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\n", server.address);
    let uploads: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(head.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n").as_bytes()).unwrap();
            stream.read_exact(&mut [0; 25]).unwrap();
            stream
        })
        .collect();
    assert_eq!(server.post("", "", &server.picture(RED)).status, 503);
    assert_eq!(server.get("/").status, 200);
    drop(uploads);
}

#[test]
#[cfg(target_os = "linux")]
fn other_machines_reach_it_only_if_asked() {
    // All of 127.0.0.0/8 is this machine; a server that listens everywhere answers at each of its addresses.
    let elsewhere = |server: &Server| {
        let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), server.address.port()));
        TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_ok()
    };
    let server = Server::start("loopback", &[]);
    assert!(server.address.ip().is_loopback() && !elsewhere(&server));
    assert!(elsewhere(&Server::start("everywhere", &["--host", "0.0.0.0"])));
}

#[test]
#[cfg(unix)]
fn it_ends_on_request_also_with_open_connections() {
    for (name, signal) in [("interrupt", "-INT"), ("terminate", "-TERM")] {
        let mut server = Server::start(name, &[]);
        let mut idle = server.connect();
        assert_eq!(server.get("/").status, 200);
        let begun = Instant::now();
        assert_eq!(server.signal(signal), Some(0));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(idle.read(&mut [0]).unwrap_or(0), 0, "closed");
        let mut message = String::new();
        server.child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
        assert_eq!(message, "");
    }
}

#[test]
fn servers_that_cannot_start() {
    let server = Server::start("taken", &[]);
    let port = server.address.port().to_string();
    let refused = |folder: &Path, args: &[&str], code: i32, wanted: &str| {
        let message = fail(folder, &[&["serve"], args].concat(), code);
        assert!(message.contains(wanted), "{message}");
    };
    let folder = &server.folder;
    refused(folder, &["model.safetensors", "--port", &port], 1, &format!("cannot listen on 127.0.0.1, port {port}: "));
    refused(folder, &["model.safetensors", "--host", "256.0.0.1"], 1, "cannot listen on 256.0.0.1, port 8017: ");
    refused(folder, &["missing"], 1, "missing: ");
    refused(folder, &["model.safetensors", "--port", "70000"], 2, "70000");
    refused(folder, &["model.safetensors", "--timeout", "0"], 2, "0 is not in 1..=3600");
}
