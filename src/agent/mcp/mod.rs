//! `mcp`: a server on standard input and output, by which an agent uses the credentials of the one member this process was launched for.
//!
//! A request says what to run and nothing about who asks: the member, the vault, the root and the working directory come from the launch. No tool
//! returns a value unless the launch says so, and all that the server says has gone through the masker. Only here: rmcp.

mod allowed;
mod command;
mod confirm;
mod desk;
mod lost;
mod messages;
mod options;
mod output;
mod server;
mod tools;
mod transport;

use std::{io, sync::Arc};

use rmcp::ServiceExt;
use tokio::sync::SetOnce;
use tokio_util::sync::CancellationToken;

pub use allowed::{AllowedCommands, PatternError};
pub use lost::Lost;
pub use options::Options;

use self::{desk::Desk, lost::Losses, server::Server};
use crate::{
    cli::{Failure, Settings},
    resolver::{Launch, Session, policy::Policy, run::close_on_exec},
    terminal::report::Report,
};

/// Serves until the client has gone, or this process is asked to end; all commands are ended then.
///
/// # Errors
/// Whatever keeps this launch from resolving, and what keeps a server from running here.
pub fn serve(
    launch: Launch,
    policy: Policy,
    settings: Settings,
    options: Options,
    lost: impl Fn(&Lost) + Send + Sync + 'static,
) -> Result<(), Failure> {
    let system =
        |what: &str, error: &io::Error| Failure::from(Report::new(1, "system", format!("cannot {what}: {error}")));
    let launch = Arc::new(launch);
    let losses: Losses = Arc::new(lost);
    let told = Arc::clone(&losses);
    let session = Session::start(Arc::clone(&launch), move |error| told(&Lost::Floors(error.to_string())))
        .map_err(|error| system("start a thread", &error))?;
    // Goes on beside what follows.
    let opening = Desk::begin(session);
    close_on_exec().map_err(|error| system("close what was inherited", &error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| system("start the server", &error))?;
    let end = End {
        commands: options.shutdown.clone(),
        service: CancellationToken::new(),
    };
    let result = runtime.block_on(async {
        let _listening = end.on_signals().map_err(|error| system("handle signals", &error))?;
        let desk = Arc::new(SetOnce::new());
        let server = Server::new(Arc::clone(&desk), options);
        let commands = server.commands();
        let transport = transport::standard(end.commands.clone());
        // The vault is opened while the client says who it is.
        let opening = Desk::open(
            opening,
            policy,
            settings,
            &launch.identity,
            losses,
            end.commands.clone(),
        );
        let serving = async {
            match server.serve_with_ct(transport, end.service.clone()).await {
                Ok(running) => running.waiting().await.map(drop).map_err(|_| protocol()),
                // A client that goes before it has said anything is none that was served badly.
                Err(_) if end.commands.is_cancelled() => Ok(()),
                Err(_) => Err(protocol()),
            }
        };
        tokio::pin!(opening, serving);
        let served = tokio::select! {
            biased;
            opened = &mut opening => match opened {
                Ok(opened) => {
                    let _ = desk.set(Arc::new(opened));
                    serving.await
                }
                Err(failed) => Err(failed),
            },
            // A launch that resolves nothing is told, also where nobody waits for it.
            served = &mut serving => opening.await.and(served),
        };
        end.commands.cancel();
        commands.have_ended().await;
        served
    });
    // A read of standard input that blocks is not waited for.
    runtime.shutdown_background();
    result
}

fn protocol() -> Failure {
    Report::new(
        1,
        "protocol",
        "the client did not begin as a client of this protocol does",
    )
    .hint("standard input takes MCP messages, one JSON object a line, 'initialize' or 'server/discover' first")
    .into()
}

/// How the server comes to its end.
#[derive(Clone)]
struct End {
    /// Ends the commands.
    commands: CancellationToken,
    /// Ends the service itself, where its client has not.
    service: CancellationToken,
}

impl End {
    /// Ends everything when this process is asked to end.
    fn on_signals(&self) -> io::Result<tokio::task::JoinHandle<()>> {
        use tokio::signal::unix::{SignalKind, signal};

        let mut signals = [
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        ];
        let end = self.clone();
        Ok(tokio::spawn(async move {
            let [terminate, interrupt, hangup] = &mut signals;
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {}
            }
            end.commands.cancel();
            end.service.cancel();
        }))
    }
}
