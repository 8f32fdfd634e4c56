// Adds a header to every request, with Rust's standard library alone: rustc add_header.rs && ./add_header [SOCKET]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Result, Write};
use std::os::unix::net::UnixStream;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).or_else(|| std::env::var("PROXYD_ADDON_SOCKET").ok()).expect("a socket");
    let mut socket = UnixStream::connect(path)?;
    let token = std::env::var("PROXYD_ADDON_TOKEN").map(|token| format!(r#","token":"{token}""#)).unwrap_or_default();
    let params = format!(r#"{{"name":"rust","events":["requestheaders"]{token}}}"#);
    say(&mut socket, &format!(r#""id":1,"method":"initialize","params":{params}"#))?;
    for line in BufReader::new(socket.try_clone()?).lines() {
        let line = line?;
        let message = members(&line);
        let (Some(id), Some(method)) = (message.get("id"), message.get("method")) else { continue };
        let answer = match method.trim_matches('"') {
            "start" | "configure" | "done" | "ping" => r#""result":null"#,
            "requestheaders" => r#""result":{"flow":{"request":{"headers":{"x-raw":"rust"}}}}"#,
            _ => r#""error":{"code":-32601,"message":"unknown method"}"#,
        };
        say(&mut socket, &format!(r#""id":{id},{answer}"#))?; // The id as it came, number or string.
    }
    Ok(())
}

fn say(socket: &mut UnixStream, members: &str) -> Result<()> {
    socket.write_all(format!("{{\"jsonrpc\":\"2.0\",{members}}}\n").as_bytes())
}

/// The members of a JSON object, each value as its text: enough for an addon that reads no bodies.
fn members(json: &str) -> HashMap<&str, &str> {
    let (mut found, mut name, mut depth, mut start) = (HashMap::new(), "", 0, 0);
    let (mut in_string, mut escaped) = (false, false);
    for (place, each) in json.bytes().enumerate() {
        if in_string {
            in_string = escaped || each != b'"';
            escaped = !escaped && each == b'\\';
            continue;
        }
        match (each, depth) {
            (b'"', _) => in_string = true,
            (b'{', 0) => (depth, start) = (1, place + 1),
            (b':', 1) => {
                name = json[start..place].trim().trim_matches('"');
                start = place + 1;
            }
            (b',' | b'}', 1) => {
                found.insert(name, json[start..place].trim());
                start = place + 1;
                depth -= i32::from(each == b'}');
            }
            (b'{' | b'[', _) => depth += 1,
            (b'}' | b']', _) => depth -= 1,
            _ => {}
        }
    }
    found
}
