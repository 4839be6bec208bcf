//! One launch that is asked again and again: a thread that holds the vault open at a commit, and notices when the reference has moved.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use super::{Launch, LaunchError, Resolver};
use crate::vault::{Repository, Vault};

/// What is asked of a session. It is told why where the vault cannot be used; it returns whether everything that it met can be trusted, so
/// that the serials it saw are remembered.
type Request = Box<dyn FnOnce(Result<&Resolver<'_, '_>, LaunchError>) -> bool + Send>;

/// A launch whose resolver lives on. Cloning shares it; the thread ends when all are gone.
///
/// Each request sees the commit that the reference names when its turn comes: the member, its keys and the root are checked anew whenever
/// that is another one, or another process has raised a floor. What was opened at a commit is kept in memory for as long as it is current.
#[derive(Clone)]
pub struct Session(Sender<Request>);

/// Called, perhaps often, where the floors could not be written.
type Forgotten = Box<dyn Fn(&io::Error) + Send>;

impl Session {
    /// Starts the thread. Nothing is read before the first request.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(launch: Arc<Launch>, forgotten: impl Fn(&io::Error) + Send + 'static) -> io::Result<Self> {
        let (requests, received) = channel();
        let forgotten: Forgotten = Box::new(forgotten);
        thread::Builder::new()
            .name("vault".into())
            .spawn(move || serve(&launch, &received, &forgotten))?;
        Ok(Self(requests))
    }

    /// Has something done with the resolver, after everything that was asked for before. Returns at once.
    pub fn ask(&self, request: impl FnOnce(Result<&Resolver<'_, '_>, LaunchError>) -> bool + Send + 'static) {
        // The thread ends with the last sender only. If it died, the request is dropped, and whoever waits for its answer notices.
        let _ = self.0.send(Box::new(request));
    }
}

fn serve(launch: &Launch, requests: &Receiver<Request>, forgotten: &Forgotten) {
    let mut waiting = None;
    while let Some(request) = waiting.take().or_else(|| requests.recv().ok()) {
        // Comes back where there was no resolver to give it to.
        let mut request = Some(request);
        let served = launch.with_resolver(|resolver, repository| {
            let resolver = resolver.keeping_values();
            while let Some(next) = request.take() {
                if !next(Ok(&resolver)) {
                    // What was not to be trusted is neither remembered nor kept.
                    return;
                }
                if let Err(error) = resolver.vault().save_floors() {
                    forgotten(&error);
                }
                let Ok(next) = requests.recv() else { return };
                if !is_current(launch, resolver.vault(), repository) {
                    waiting = Some(next);
                    return;
                }
                request = Some(next);
            }
        });
        if let (Err(error), Some(request)) = (served, request) {
            request(Err(error));
        }
    }
}

/// Tells whether the reference still names this commit, and no other process knows better about its files.
fn is_current(launch: &Launch, vault: &Vault<'_>, repository: &Repository) -> bool {
    let commit = repository.commit(&launch.reference);
    commit.is_ok_and(|commit| commit == vault.snapshot().commit()) && vault.floors().are_as_loaded()
}
