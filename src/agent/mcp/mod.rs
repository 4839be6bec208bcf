//! `mcp`: a server on standard input and output, by which an agent uses the credentials of the one member this process was launched for.
//!
//! A request says what to run and nothing about who asks: the member, the vault, the root and the working directory come from the launch. No tool
//! returns a value unless the launch says so, and all that the server says has gone through the masker. Only here: rmcp.

mod allowed;
mod command;
mod confirm;
mod desk;
mod output;
mod server;
mod tools;
mod transport;

use std::{io, sync::Arc};

use rmcp::ServiceExt;
use tokio_util::sync::CancellationToken;

pub use allowed::{AllowedCommands, PatternError};
pub use server::Options;

use self::{desk::Desk, server::Server};
use crate::{
    cli::{Failure, Settings},
    resolver::{Launch, Session, policy::Policy},
    terminal::report::Report,
};

/// Serves until the client has gone, or this process is asked to end; all commands are ended then. `forgotten` is called, perhaps often, where
/// the floors could not be written, and `not_logged` where the audit log could not.
///
/// # Errors
/// Whatever keeps this launch from resolving, and what keeps a server from running here.
pub fn serve(
    launch: Launch,
    policy: Policy,
    settings: Settings,
    options: Options,
    forgotten: impl Fn(&io::Error) + Send + 'static,
    not_logged: impl Fn(&str) + Send + Sync + 'static,
) -> Result<(), Failure> {
    let system =
        |what: &str, error: &io::Error| Failure::from(Report::new(1, "system", format!("cannot {what}: {error}")));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| system("start the server", &error))?;
    let launch = Arc::new(launch);
    let session = Session::start(Arc::clone(&launch), forgotten).map_err(|error| system("start a thread", &error))?;
    let end = End {
        commands: options.shutdown.clone(),
        service: CancellationToken::new(),
    };
    let result = runtime.block_on(async {
        let _listening = end.on_signals().map_err(|error| system("handle signals", &error))?;
        let shutdown = end.commands.clone();
        let desk = Desk::open(
            session,
            policy,
            settings,
            &launch.identity,
            shutdown,
            Box::new(not_logged),
        )
        .await?;
        let server = Server::new(desk, options);
        let commands = server.commands();
        let transport = transport::standard(end.commands.clone());
        let served = match server.serve_with_ct(transport, end.service.clone()).await {
            Ok(running) => running.waiting().await.map(drop).map_err(drop),
            // A client that goes before it has said anything is none that was served badly.
            Err(_) if end.commands.is_cancelled() => Ok(()),
            Err(_) => Err(()),
        };
        end.commands.cancel();
        commands.have_ended().await;
        served.map_err(|()| {
            Report::new(
                1,
                "protocol",
                "the client did not begin as a client of this protocol does",
            )
            .hint("standard input takes MCP messages, one JSON object a line, 'initialize' or 'server/discover' first")
            .into()
        })
    });
    // A read of standard input that blocks is not waited for.
    runtime.shutdown_background();
    result
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
