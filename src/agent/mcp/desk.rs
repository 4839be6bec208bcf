//! Where the tools get credentials from: for the one member of this launch, all or nothing, asked, agreed to and logged.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use vault_format::{CredentialName, MemberName, Network, VaultId};

use super::{
    confirm::{Answer, Call, Confirmations},
    lost::{Losses, Lost},
};
use crate::{
    cli::{Failure, Settings, Trail, approval, time},
    resolver::{
        Listed, OwnKeys, Permitted, Resolver, Session, Values,
        mask::Masker,
        policy::{Policy, Purpose, Question},
        secret_lines,
    },
    terminal::report::Report,
    vault::{CommitId, Place},
};

/// How wide the text is in which a person is asked; clients break lines where they have less room.
const WIDTH: usize = 100;

/// What every request of a launch shares.
pub(super) struct Desk {
    session: Session,
    policy: Arc<Policy>,
    settings: Settings,
    launched: Launched,
    confirmations: Confirmations,
    losses: Losses,
    /// Is cancelled when nobody waits for anything any more.
    shutdown: CancellationToken,
    /// Knows everything that this process ever opened.
    pub masker: Masker,
    masked: Mutex<(Option<CommitId>, BTreeSet<CredentialName>)>,
    listed: Mutex<Option<(CommitId, Arc<Listing>)>>,
}

/// A vault that is being opened.
pub(super) struct Opening {
    session: Session,
    told: oneshot::Receiver<Result<Launched, Failure>>,
}

/// Who this launch is for, found out once and compared at every commit.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Launched {
    pub member: MemberName,
    pub vault: VaultId,
}

/// What the member may use, and how many files are not to be trusted.
pub(super) struct Listing {
    pub own: Vec<Listed>,
    pub broken: usize,
}

/// What a tool wants credentials for.
pub(super) struct Wanted {
    pub names: BTreeSet<CredentialName>,
    pub purpose: Purpose,
    /// The command as it was written; empty where there is none.
    pub command: Vec<String>,
    /// What else it gets.
    pub with: Vec<String>,
    /// The whole of what a person agrees to, part by part.
    pub shown: Vec<String>,
}

/// What a tool gets.
pub(super) enum Got {
    /// The values, with what their headers say.
    Values(Values, Vec<Permitted>),
    /// Nothing yet: the client has a question to ask.
    Question(rmcp::model::InputRequiredResult),
}

impl Desk {
    /// Has the vault opened, in the session's thread.
    pub(super) fn begin(session: Session) -> Opening {
        let (tell, told) = oneshot::channel();
        session.ask(move |resolver| {
            let launched = resolver.map(Launched::of).map_err(Failure::from);
            let sound = launched.is_ok();
            let _ = tell.send(launched);
            sound
        });
        Opening { session, told }
    }

    /// Is there once the vault is open.
    ///
    /// # Errors
    /// Whatever keeps this launch from resolving.
    pub(super) async fn open(
        Opening { session, told }: Opening,
        policy: Policy,
        settings: Settings,
        identity: &OwnKeys,
        losses: Losses,
        shutdown: CancellationToken,
    ) -> Result<Self, Failure> {
        let launched = told.await.unwrap_or_else(|_| Err(died()))?;
        let masker = Masker::new();
        for line in secret_lines(identity) {
            masker.add("identity", line);
        }
        Ok(Self {
            session,
            policy: Arc::new(policy),
            settings,
            launched,
            confirmations: Confirmations::default(),
            losses,
            shutdown,
            masker,
            masked: Mutex::default(),
            listed: Mutex::default(),
        })
    }

    pub(super) fn member(&self) -> &MemberName {
        &self.launched.member
    }

    /// Lists what the member may use, as of now.
    pub(super) async fn list(self: &Arc<Self>) -> Result<Arc<Listing>, Failure> {
        let desk = Arc::clone(self);
        ask(&self.session, move |resolver| {
            let commit = resolver.vault().snapshot().commit();
            // Thousands of signatures need not be checked twice for one commit.
            let mut listed = desk.listed.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((of, listing)) = &*listed
                && *of == commit
            {
                return Ok(Arc::clone(listing));
            }
            let (all, broken) = resolver.list()?;
            let listing = Arc::new(Listing {
                own: all.into_iter().filter(|one| one.accessible).collect(),
                broken: broken.len(),
            });
            *listed = Some((commit, Arc::clone(&listing)));
            Ok(listing)
        })
        .await
    }

    /// Tells whether the member may use all of these; opens nothing, and asks nobody.
    pub(super) async fn check(&self, names: BTreeSet<CredentialName>) -> Result<(), Failure> {
        ask(&self.session, move |resolver| {
            resolver.permit_all(&names, time::now())?;
            Ok(())
        })
        .await
    }

    /// Opens all that is wanted, or nothing. No answer of a person or a program is waited for once the client has gone.
    pub(super) async fn get(&self, wanted: Wanted, call: &Call<'_>) -> Result<Got, Failure> {
        tokio::select! {
            got = self.ask_and_open(wanted, call) => got,
            () = self.shutdown.cancelled() => Err(Report::new(1, "cancelled", "the client has gone").into()),
        }
    }

    async fn ask_and_open(&self, wanted: Wanted, call: &Call<'_>) -> Result<Got, Failure> {
        let wanted = Arc::new(wanted);
        let (names, purpose, asks) = (wanted.names.clone(), wanted.purpose, self.policy.asks_programs());
        let looked = look(&self.session, move |resolver| {
            let snapshot = resolver.vault().snapshot();
            let found = resolver.permit_all(&names, time::now()).map_err(Failure::from);
            let found = found.and_then(|permitted| {
                if purpose != Purpose::Run {
                    approval::refuse_denied(&permitted, purpose.as_str())?;
                }
                // Where nobody is to be asked, it need not be looked for a second time.
                let free = !asks && approval::with(&permitted, Network::Confirm).is_empty();
                let values = free.then(|| resolver.open_all(&permitted)).transpose()?;
                Ok((permitted, values))
            });
            let sound = found.as_ref().err().is_none_or(Failure::is_about_sound_files);
            ((snapshot.commit(), snapshot.place(), found), sound)
        });
        let (commit, place, found) = looked.await?;
        let asked = Asked { wanted, commit, place };
        let open = async {
            match found? {
                (permitted, Some(values)) => Ok(Got::Values(values, permitted)),
                (permitted, None) => match self.consent(&asked, &permitted, call).await? {
                    Some(question) => Ok(Got::Question(question)),
                    None => Ok(Got::Values(self.values(&asked, &permitted).await?, permitted)),
                },
            }
        };
        let got = open.await;
        if let Ok(Got::Values(values, _)) = &got {
            self.mask(commit, values);
        }
        let logged = self.log(&asked, &got);
        logged.and(got)
    }

    /// Asks the hooks, and a person where that is needed.
    async fn consent(
        &self,
        asked: &Asked,
        permitted: &[Permitted],
        call: &Call<'_>,
    ) -> Result<Option<rmcp::model::InputRequiredResult>, Failure> {
        let about = call.about(permitted.iter().map(Permitted::digest).collect());
        let answer = self.confirmations.is_answer(call, &about);
        let confirm = !approval::with(permitted, Network::Confirm).is_empty();
        if answer.is_none() && self.policy.asks_programs() {
            self.ask_programs(asked, permitted, confirm).await?;
        }
        if !confirm || self.policy.has_approver() {
            return Ok(None);
        }
        let answer = match answer {
            Some(true) => Answer::Yes,
            Some(false) => Answer::No,
            None => {
                let question = self.launched.question(asked);
                let text = approval::question_to_a_person(permitted, &question, &asked.wanted.shown, WIDTH)?;
                self.confirmations.ask(call, about, text).await
            }
        };
        match answer {
            Answer::Yes => Ok(None),
            Answer::Later(question) => Ok(Some(question)),
            Answer::No => Err(approval::not_agreed(
                permitted,
                "the person who was asked by way of the client",
            )),
            Answer::Nobody => Err(approval::nobody_to_ask(
                permitted,
                "use a client that can ask (MCP elicitation), or name a program that asks somebody as 'approver' in resolver.toml",
            )),
        }
    }

    /// Asks the configured programs, which may take their time, beside the other requests.
    async fn ask_programs(&self, asked: &Asked, permitted: &[Permitted], approve: bool) -> Result<(), Failure> {
        let (policy, launched) = (Arc::clone(&self.policy), self.launched.clone());
        let (asked, permitted) = (asked.clone(), permitted.to_vec());
        let asking = tokio::task::spawn_blocking(move || {
            policy
                .refuse_programs_in(&asked.place.open()?.directories())
                .map_err(|refusal| Failure::from(vec![refusal]))?;
            let question = launched.question(&asked);
            policy.ask_hooks(&permitted, &question)?;
            match approve {
                true => approval::ask_approver(&permitted, &policy, &question).unwrap_or(Ok(())),
                false => Ok(()),
            }
        });
        asking.await.unwrap_or_else(|_| Err(died()))
    }

    /// Opens what was permitted and agreed to, if it still is what it was.
    async fn values(&self, asked: &Asked, agreed: &[Permitted]) -> Result<Values, Failure> {
        let (names, agreed) = (asked.wanted.names.clone(), agreed.to_vec());
        let launched = self.launched.clone();
        let opened = ask(&self.session, move |resolver| {
            let permitted = resolver.permit_all(&names, time::now())?;
            let same = |(now, then): (&Permitted, &Permitted)| now.digest() == then.digest();
            if Launched::of(resolver) != launched || !permitted.iter().zip(&agreed).all(same) {
                return Err(
                    Report::new(7, "changed", "the vault has changed while it was asked about")
                        .hint("nothing was opened; call again")
                        .into(),
                );
            }
            Ok(resolver.open_all(&permitted)?)
        });
        opened.await
    }

    /// Adds values to those that are masked, once for each commit: what is behind a serial does not change.
    fn mask(&self, commit: CommitId, values: &Values) {
        let mut masked = self.masked.lock().unwrap_or_else(PoisonError::into_inner);
        if masked.0 != Some(commit) {
            *masked = (Some(commit), BTreeSet::new());
        }
        for (name, value) in values {
            if masked.1.insert(name.clone()) {
                self.masker.add(name.as_str(), value.expose());
            }
        }
    }

    /// Logs what was opened before anybody gets it, or why it was not.
    fn log(&self, asked: &Asked, got: &Result<Got, Failure>) -> Result<(), Failure> {
        let question = self.launched.question(asked);
        let mut trail = Trail::new(&self.policy, &self.settings, &question);
        let logged = match got {
            Ok(Got::Values(_, permitted)) => trail.opened(permitted),
            Ok(Got::Question(_)) => Ok(()),
            Err(failure) => {
                trail.refused(failure);
                Ok(())
            }
        };
        if let Some(reason) = trail.failed() {
            (self.losses)(&Lost::Log(reason));
        }
        logged
    }
}

/// One request for credentials, and the commit it is about.
#[derive(Clone)]
struct Asked {
    wanted: Arc<Wanted>,
    commit: CommitId,
    place: Place,
}

impl Launched {
    fn of(resolver: &Resolver<'_, '_>) -> Self {
        Self {
            member: resolver.member().clone(),
            vault: resolver.vault().id(),
        }
    }

    fn question<'q>(&'q self, asked: &'q Asked) -> Question<'q> {
        Question {
            vault: self.vault,
            commit: asked.commit,
            member: &self.member,
            purpose: asked.wanted.purpose,
            command: &asked.wanted.command,
            with: &asked.wanted.with,
        }
    }
}

/// Has something done with the resolver. What was not to be trusted is not remembered.
async fn ask<T: Send + 'static>(
    session: &Session,
    work: impl FnOnce(&Resolver<'_, '_>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let looked = look(session, |resolver| {
        let result = work(resolver);
        let sound = result.as_ref().err().is_none_or(Failure::is_about_sound_files);
        (result, sound)
    });
    looked.await?
}

/// The same for work that tells itself whether all that it met can be trusted.
async fn look<T: Send + 'static>(
    session: &Session,
    work: impl FnOnce(&Resolver<'_, '_>) -> (T, bool) + Send + 'static,
) -> Result<T, Failure> {
    let (tell, told) = oneshot::channel();
    session.ask(move |resolver| {
        let (result, sound) = match resolver {
            Ok(resolver) => {
                let (result, sound) = work(resolver);
                (Ok(result), sound)
            }
            Err(error) => (Err(error.into()), false),
        };
        // Whoever has gone needs no answer.
        let _ = tell.send(result);
        sound
    });
    told.await.unwrap_or_else(|_| Err(died()))
}

fn died() -> Failure {
    Report::new(1, "internal", "a part of this resolver has ended before its time")
        .hint("start it anew; nothing was opened")
        .into()
}
