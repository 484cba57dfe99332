//! What the bench of the router needs beside it: who is asked, who asks, and the least that a proxy could do. Not here: any limit.
//!
//! Every subcommand runs on one thread. Those that serve print a line once they do; the others print one JSON object.

mod ask;
mod decide;
mod floor;
mod host;
mod measured;
mod provider;
mod tunnels;

use std::net::SocketAddr;
use std::time::Duration;

/// Anything that goes wrong ends the program.
type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["provider", address] => provider::serve(address.parse()?).await,
        ["host", address] => host::serve(address.parse()?).await,
        ["resolver", address, answer] => host::resolve(address.parse()?, answer.parse()?).await,
        ["floor", address, upstream] => floor::forward(address.parse()?, upstream.parse()?).await,
        ["floor-tunnel", address, upstream] => floor::tunnel(address.parse()?, upstream.parse()?).await,
        ["ask", address, rest @ ..] => {
            let [model, stream, body, connections, milliseconds] = rest else { return Err("ask: five more".into()) };
            let asked = ask::Asked {
                address: address.parse()?,
                model: (*model).to_owned(),
                stream: *stream == "stream",
                body: body.parse()?,
                time: Duration::from_millis(milliseconds.parse()?),
            };
            ask::run(asked, connections.parse()?).await
        }
        ["connect", address, target, connections, milliseconds] => {
            let (connections, time) = (connections.parse()?, Duration::from_millis(milliseconds.parse()?));
            tunnels::open_and_close(address.parse()?, target, connections, time).await
        }
        ["round-trips", address, target, milliseconds] => {
            tunnels::round_trips(address.parse()?, target, Duration::from_millis(milliseconds.parse()?)).await
        }
        ["pull", address, target, mebibytes] => tunnels::pull(address.parse()?, target, mebibytes.parse()?).await,
        ["hold", address, target, count] => tunnels::hold(address.parse()?, target, count.parse()?).await,
        ["decide"] => decide::run(),
        _ => Err("see `src/main.rs` for the subcommands".into()),
    }
}

/// A socket whose bytes go out at once.
async fn connected(address: SocketAddr) -> std::io::Result<tokio::net::TcpStream> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A listener with room for a burst, and the line that says so.
fn listening(address: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(4096)?;
    println!("serving {}", listener.local_addr()?);
    Ok(listener)
}
