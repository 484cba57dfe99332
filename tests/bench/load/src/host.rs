//! A host that tunnels lead to, and a resolver that knows one address. Not here: tunnels.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::{Outcome, listening};

const BLOCK: usize = 256 * 1024;

/// Sends back what comes, or as many mebibytes as a line says that begins with `g`.
pub(crate) async fn serve(address: SocketAddr) -> Outcome {
    let listener = listening(address)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // A client that hangs up is no news.
            talk(stream).await.ok();
        });
    }
}

async fn talk(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; 512];
    loop {
        let read = stream.read(&mut buffer).await?;
        let Some(said) = buffer.get(..read).filter(|said| !said.is_empty()) else { return Ok(()) };
        let Some(count) = said.strip_prefix(b"g") else {
            stream.write_all(said).await?;
            continue;
        };
        let count: usize = std::str::from_utf8(count).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let block = vec![7; BLOCK];
        for _ in 0..count * (1024 * 1024 / BLOCK) {
            stream.write_all(&block).await?;
        }
    }
}

/// Answers every question for an address of version 4 with this one, which may be kept for an hour.
pub(crate) async fn resolve(address: SocketAddr, answer: Ipv4Addr) -> Outcome {
    let socket = UdpSocket::bind(address).await?;
    println!("serving {address}");
    let mut packet = [0; 1500];
    loop {
        let (read, peer) = socket.recv_from(&mut packet).await?;
        let end = packet[12..read].iter().position(|byte| *byte == 0).map_or(read, |place| 12 + place + 5);
        let asks_v4 = packet[end - 3] == 1;
        let mut reply = packet[..end].to_vec();
        reply[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(asks_v4), 0, 0, 0, 0]);
        if asks_v4 {
            reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4]);
            reply.extend_from_slice(&answer.octets());
        }
        socket.send_to(&reply, peer).await?;
    }
}
