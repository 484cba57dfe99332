//! Tunnels through a proxy: opened and closed, idle, with small and with large answers. Not here: the host at their end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::measured::Times;
use crate::{Outcome, connected};

/// The status that a proxy answers with, and the connection.
async fn open(address: SocketAddr, target: &str) -> std::io::Result<(bool, TcpStream)> {
    let mut stream = connected(address).await?;
    stream.write_all(format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n").as_bytes()).await?;
    let mut head = Vec::with_capacity(2048);
    while memchr::memmem::find(&head, b"\r\n\r\n").is_none() {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok((head.starts_with(b"HTTP/1.1 200"), stream))
}

/// Opens, sends and gets back one byte, closes; again and again. A refusal counts apart and is closed at once.
pub(crate) async fn open_and_close(address: SocketAddr, target: &str, connections: usize, time: Duration) -> Outcome {
    let (began, mut opening) = (Instant::now(), JoinSet::new());
    for _ in 0..connections {
        let target = target.to_owned();
        opening.spawn(async move {
            let (mut opened, mut refused, mut errors) = (Times::default(), 0_u64, 0_u64);
            while began.elapsed() < time {
                let start = Instant::now();
                match open(address, &target).await {
                    Ok((true, mut stream)) => {
                        let mut byte = [b'x'];
                        let talked = async {
                            stream.write_all(&byte).await?;
                            stream.read_exact(&mut byte).await
                        };
                        errors += u64::from(talked.await.is_err());
                        opened.add(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
                    }
                    Ok((false, _)) => refused += 1,
                    Err(_) => errors += 1,
                }
            }
            (opened, refused, errors)
        });
    }
    let (mut opened, mut refused, mut errors) = (Times::default(), 0, 0);
    while let Some(found) = opening.join_next().await {
        let (times, more_refused, more_errors) = found?;
        opened.join(times);
        refused += more_refused;
        errors += more_errors;
    }
    let (count, seconds) = (opened.len(), began.elapsed().as_secs_f64());
    println!(
        "{}",
        json!({"requests": count, "refused": refused, "errors": errors, "seconds": seconds, "whole": opened.json()})
    );
    Ok(())
}

/// Sends one byte and waits for it, in one tunnel.
pub(crate) async fn round_trips(address: SocketAddr, target: &str, time: Duration) -> Outcome {
    let (_, mut stream) = open(address, target).await?;
    let (began, mut times, mut byte) = (Instant::now(), Times::default(), [b'x']);
    while began.elapsed() < time {
        let start = Instant::now();
        stream.write_all(&byte).await?;
        stream.read_exact(&mut byte).await?;
        times.add(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    println!("{}", json!({"requests": times.len(), "whole": times.json()}));
    Ok(())
}

/// Gets so many mebibytes through one tunnel.
pub(crate) async fn pull(address: SocketAddr, target: &str, mebibytes: usize) -> Outcome {
    let (_, mut stream) = open(address, target).await?;
    let began = Instant::now();
    stream.write_all(format!("g{mebibytes}\n").as_bytes()).await?;
    let (mut left, mut buffer) = (mebibytes * 1024 * 1024, vec![0; 256 * 1024]);
    while left > 0 {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Err("the tunnel ended early".into());
        }
        left -= read;
    }
    println!("{}", json!({"requests": mebibytes, "seconds": began.elapsed().as_secs_f64()}));
    Ok(())
}

/// Holds so many tunnels until its input ends.
pub(crate) async fn hold(address: SocketAddr, target: &str, count: usize) -> Outcome {
    let mut held = Vec::with_capacity(count);
    for _ in 0..count {
        let (opened, stream) = open(address, target).await?;
        if !opened {
            return Err("a tunnel was refused".into());
        }
        held.push(stream);
    }
    println!("{}", json!({"requests": held.len()}));
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
