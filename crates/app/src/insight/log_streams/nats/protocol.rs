//! What a NATS server says: lines, some of them with bytes behind them.

use std::io;

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader, ReadHalf},
    net::TcpStream,
};
use watchfire_egress::Connection;

use super::SinkError;

/// Bytes of a line: `INFO` has the addresses of a whole cluster.
const MAX_LINE: u64 = 64 * 1024;
/// Bytes of a message: answers of JetStream are short.
const MAX_MESSAGE: usize = 64 * 1024;

/// What `INFO` says, as far as it is of interest.
#[derive(Debug, Deserialize)]
pub(super) struct ServerInfo {
    /// Whether messages may have headers.
    #[serde(default)]
    pub(super) headers: bool,
    /// Bytes of a message.
    #[serde(default)]
    pub(super) max_payload: usize,
}

/// What a server says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Ping,
    Pong,
    /// It does not like something, and is about to close the connection.
    Error(String),
    /// A message to us.
    Delivered {
        subject: String,
        /// Of its header, where that is nothing but a status.
        status: Option<u16>,
        payload: Vec<u8>,
    },
    /// Nothing of interest.
    Other,
}

/// Reads the first line, byte by byte, because what comes behind it may be TLS.
pub(super) async fn greeting(stream: &mut TcpStream) -> Result<ServerInfo, SinkError> {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        if u64::try_from(line.len()).is_ok_and(|length| length >= MAX_LINE) {
            return Err(no_nats());
        }
        line.push(stream.read_u8().await.map_err(SinkError::Broken)?);
    }
    let line = String::from_utf8(line).map_err(|_| no_nats())?;
    let info = line.strip_prefix("INFO ").ok_or_else(no_nats)?;
    let info: ServerInfo = serde_json::from_str(info.trim()).map_err(|_| no_nats())?;
    if !info.headers {
        return Err(SinkError::answered("the server is too old: its messages have no headers", ""));
    }
    Ok(info)
}

fn no_nats() -> SinkError {
    SinkError::answered("what answers is no NATS server", "")
}

/// Reads what comes after that.
#[derive(Debug)]
pub(super) struct Reader<R = ReadHalf<Box<dyn Connection>>> {
    stream: BufReader<R>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(super) fn new(stream: R) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(super) async fn next(&mut self) -> Result<Message, SinkError> {
        let line = self.line().await?;
        let mut words = line.split_ascii_whitespace();
        let verb = words.next().unwrap_or_default().to_ascii_uppercase();
        let words: Vec<&str> = words.collect();
        match verb.as_str() {
            "PING" => Ok(Message::Ping),
            "PONG" => Ok(Message::Pong),
            "-ERR" => Ok(Message::Error(words.join(" ").trim_matches('\'').to_owned())),
            "MSG" => {
                let subject = words.first().ok_or_else(no_nats)?;
                let payload = self.bytes(length(words.last())?).await?;
                Ok(delivered(subject, None, payload))
            }
            "HMSG" => {
                let (subject, total) = (words.first().ok_or_else(no_nats)?, length(words.last())?);
                let header = length(words.len().checked_sub(2).and_then(|at| words.get(at)))?;
                let mut bytes = self.bytes(total).await?;
                if header > bytes.len() {
                    return Err(no_nats());
                }
                let payload = bytes.split_off(header);
                Ok(delivered(subject, status(&bytes), payload))
            }
            _ => Ok(Message::Other),
        }
    }

    async fn line(&mut self) -> Result<String, SinkError> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(MAX_LINE).read_until(b'\n', &mut line).await;
        read.map_err(SinkError::Broken)?;
        if line.is_empty() {
            return Err(SinkError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        if !line.ends_with(b"\n") {
            return Err(no_nats());
        }
        String::from_utf8(line).map_err(|_| no_nats())
    }

    /// Bytes and the end of the line behind them.
    async fn bytes(&mut self, length: usize) -> Result<Vec<u8>, SinkError> {
        if length > MAX_MESSAGE {
            return Err(no_nats());
        }
        let mut bytes = vec![0; length.saturating_add(2)];
        self.stream.read_exact(&mut bytes).await.map_err(SinkError::Broken)?;
        bytes.truncate(length);
        Ok(bytes)
    }
}

fn delivered(subject: &str, status: Option<u16>, payload: Vec<u8>) -> Message {
    Message::Delivered {
        subject: subject.to_owned(),
        status,
        payload,
    }
}

fn length(word: Option<&&str>) -> Result<usize, SinkError> {
    word.and_then(|word| word.parse().ok()).ok_or_else(no_nats)
}

/// `NATS/1.0 503`
fn status(header: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(header).ok()?;
    let first = text.lines().next()?.strip_prefix("NATS/1.0")?;
    first.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &[u8]) -> Vec<Result<Message, String>> {
        let mut reader = Reader::new(text);
        let mut read = Vec::new();
        loop {
            let next = reader.next().await.map_err(|error| error.told());
            let ended = next.is_err();
            read.push(next);
            if ended {
                return read;
            }
        }
    }

    #[tokio::test]
    async fn messages_are_read_one_after_the_other() {
        let said = b"PING\r\n+OK\r\nMSG _INBOX.a.0 1 4\r\n{\r\n}\r\nHMSG _INBOX.a.1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n\
            HMSG _INBOX.a.2 1 14 16\r\nNATS/1.0\r\nA: b{}\r\n-ERR 'Authorization Violation'\r\n";
        let read = read(said).await;
        let of = |subject: &str, status, payload: &[u8]| Ok(delivered(subject, status, payload.to_vec()));
        assert_eq!(
            read.split_last().unwrap().1,
            [
                Ok(Message::Ping),
                Ok(Message::Other),
                of("_INBOX.a.0", None, b"{\r\n}"),
                of("_INBOX.a.1", Some(503), b""),
                of("_INBOX.a.2", None, b"{}"),
                Ok(Message::Error("Authorization Violation".to_owned())),
            ]
        );
    }

    #[tokio::test]
    async fn nonsense_ends_the_connection() {
        for said in [
            &b"MSG\r\n"[..],
            b"MSG a 1 x\r\n",
            b"MSG a 1 99999999\r\n",
            b"MSG a 1 5\r\nabc",
            b"HMSG a 1 20 10\r\n0123456789\r\n",
            b"HMSG a 10\r\n",
            b"PING",
            b"\xff\xfe\r\n",
        ] {
            let read = read(said).await;
            assert!(matches!(read.as_slice(), [Err(_)]), "{read:?}");
        }
        let endless = vec![b'a'; 70_000];
        assert!(matches!(read(&endless).await.as_slice(), [Err(_)]));
    }
}
