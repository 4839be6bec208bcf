//! A person's yes by way of the client (elicitation), in both eras of the protocol. Asks for yes or no, and never for a secret.
//!
//! In the older revisions the server asks and waits. Since 2026-07-28 it answers the call with what it wants to know, and the client calls again
//! with the answer; what was asked is kept here, and good for that one call and nothing else.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rmcp::{
    RoleServer,
    model::{
        CallToolRequestParams, ClientResult, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction,
        ElicitationSchema, InputRequest, InputRequiredResult, ProtocolVersion, ServerRequest,
    },
    service::RequestContext,
};
use serde_json::Value;
use vault_format::Digest;

/// How long a question waits for its answer.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// How many questions wait at a time.
const WAITING_MAX: usize = 256;

/// The one field of the form.
const FIELD: &str = "agree";

/// The name of the one question of a call.
const QUESTION: &str = "confirm";

/// The questions that wait for an answer.
#[derive(Default)]
pub(super) struct Confirmations(Mutex<HashMap<String, Waiting>>);

/// What was asked.
struct Waiting {
    about: About,
    since: Instant,
}

/// What an answer is good for: one call, as it was written, with the credentials as they were.
#[derive(PartialEq, Eq, Clone)]
pub(super) struct About {
    call: Digest,
    credentials: Vec<Digest>,
}

/// What came of asking.
pub(super) enum Answer {
    Yes,
    No,
    /// The client asks, and calls again.
    Later(InputRequiredResult),
    /// The client cannot ask anybody.
    Nobody,
}

/// One call of a tool, with all that its client said about it.
pub(super) struct Call<'c> {
    pub request: &'c CallToolRequestParams,
    pub context: &'c RequestContext<RoleServer>,
}

impl Call<'_> {
    /// What an answer to a question about this call is good for.
    pub(super) fn about(&self, credentials: Vec<Digest>) -> About {
        let call = serde_json::to_vec(&(&self.request.name, &self.request.arguments)).unwrap_or_default();
        About {
            call: Digest::of(&call),
            credentials,
        }
    }

    fn is_modern(&self) -> bool {
        let version = self.context.protocol_version();
        version.is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
    }

    fn can_ask(&self) -> bool {
        let capabilities = self.context.client_capabilities();
        capabilities
            .and_then(|capabilities| capabilities.elicitation)
            // Neither named means forms, as before there was a choice.
            .is_some_and(|elicitation| elicitation.form.is_some() || elicitation.url.is_none())
    }
}

impl Confirmations {
    /// Tells whether this call brings the yes to a question that was asked about it. Each answer counts once.
    pub(super) fn is_answer(&self, call: &Call<'_>, about: &About) -> Option<bool> {
        let state = call.request.request_state.as_ref()?;
        let waiting = self.lock().remove(state)?;
        if waiting.since.elapsed() > PATIENCE || waiting.about != *about {
            return None;
        }
        let answer = call.request.input_responses.as_ref()?.get(QUESTION)?;
        let answer: ElicitResult = serde_json::from_value(answer.clone()).ok()?;
        Some(is_yes(&answer))
    }

    /// Asks. `message` is the whole of what a person agrees to.
    pub(super) async fn ask(&self, call: &Call<'_>, about: About, message: String) -> Answer {
        if !call.can_ask() {
            return Answer::Nobody;
        }
        let Some(question) = question(message) else {
            return Answer::Nobody;
        };
        if call.is_modern() {
            return match self.wait_for(about) {
                Some(state) => {
                    let questions = BTreeMap::from([(QUESTION.to_owned(), InputRequest::Elicitation(question))]);
                    Answer::Later(InputRequiredResult::new(Some(questions), Some(state)))
                }
                None => Answer::Nobody,
            };
        }
        let asked = call.context.peer.send_request(ServerRequest::ElicitRequest(question));
        let answer = tokio::select! {
            answer = tokio::time::timeout(PATIENCE, asked) => answer,
            () = call.context.ct.cancelled() => return Answer::No,
        };
        match answer {
            Ok(Ok(ClientResult::ElicitResult(answer))) if is_yes(&answer) => Answer::Yes,
            _ => Answer::No,
        }
    }

    /// Keeps what is asked, under a name that nobody can guess.
    fn wait_for(&self, about: About) -> Option<String> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        let state: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut waiting = self.lock();
        waiting.retain(|_, question| question.since.elapsed() <= PATIENCE);
        if waiting.len() >= WAITING_MAX {
            let oldest = waiting.iter().min_by_key(|(_, question)| question.since);
            let oldest = oldest.map(|(state, _)| state.clone());
            oldest.and_then(|state| waiting.remove(&state));
        }
        let since = Instant::now();
        waiting.insert(state.clone(), Waiting { about, since });
        Some(state)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Waiting>> {
        // Whoever panicked left no half of anything behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn question(message: String) -> Option<ElicitRequest> {
    let schema = ElicitationSchema::builder()
        .required_bool_with(FIELD, |field| {
            field
                .title("Yes, use them for this")
                .description("Good for this one use.")
        })
        .build()
        .ok()?;
    Some(ElicitRequest::new(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message,
        requested_schema: schema,
    }))
}

/// Only a form that was sent with its box ticked is a yes.
fn is_yes(answer: &ElicitResult) -> bool {
    let ticked = answer.content.as_ref().and_then(|content| content.get(FIELD));
    answer.action == ElicitationAction::Accept && ticked == Some(&Value::Bool(true))
}
