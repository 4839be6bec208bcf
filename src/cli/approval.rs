//! What the policy of credentials asks for each use, and how its answers are worded: a person's yes for `network = "confirm"`.
//!
//! Who asks differs: a terminal prompt, or the client of a server. What is asked, and what is refused, does not.

use vault_format::{CredentialName, Network};

use super::Failure;
use crate::{
    resolver::{
        Permitted,
        policy::{Policy, Purpose, Question},
    },
    terminal::{agreement::Agreement, report::Report},
};

/// The credentials whose header says this.
pub fn with(permitted: &[Permitted], network: Network) -> Vec<&CredentialName> {
    let those = permitted.iter().filter(|one| one.terms().network == network);
    those.map(Permitted::name).collect()
}

/// Refuses credentials that may be used without the network only, where what becomes of a value cannot be watched.
///
/// # Errors
/// One for each.
pub fn refuse_denied(permitted: &[Permitted], purpose: &str) -> Result<(), Failure> {
    let denied = with(permitted, Network::Deny);
    match denied.is_empty() {
        true => Ok(()),
        false => Err(refused(
            &denied,
            "network",
            &format!(
                "may only be used without the network (network = \"deny\"), and nothing holds back what '{purpose}' gives out"
            ),
            Some("let a command use it: fleetvault-resolver run -- COMMAND …"),
        )),
    }
}

/// Asks the configured approver about one use of all these credentials; `None` where there is none.
pub fn ask_approver(permitted: &[Permitted], policy: &Policy, question: &Question<'_>) -> Option<Result<(), Failure>> {
    let answer = policy.ask_approver(&asked_about(permitted, question), question)?;
    let needed = with(permitted, Network::Confirm);
    Some(answer.map_err(|refusal| refused(&needed, "not_approved", &format!("was not used: {refusal}"), None)))
}

/// The question to a person about one use of all these credentials, in lines of so many columns. `shown` is the whole of what they agree to,
/// part by part.
///
/// # Errors
/// It is more than anybody would read.
pub fn question_to_a_person(
    permitted: &[Permitted],
    question: &Question<'_>,
    shown: &[String],
    width: usize,
) -> Result<String, Failure> {
    let names: Vec<String> = asked_about(permitted, question)
        .iter()
        .map(ToString::to_string)
        .collect();
    let agreement = Agreement {
        member: question.member.as_str(),
        credentials: &names,
        purpose: question.purpose.in_words(),
        shown,
    };
    agreement.question(width).map_err(|too_long| {
        refused(
            &with(permitted, Network::Confirm),
            "too_long_to_agree",
            &format!("needs a person's yes for each use, and what they would agree to is too long: {too_long}"),
            Some("put what is long into a file, or name a program that asks somebody as 'approver' in resolver.toml"),
        )
    })
}

/// What a person hears of: all that is used together.
fn asked_about<'p>(permitted: &'p [Permitted], question: &Question<'_>) -> Vec<&'p CredentialName> {
    match question.purpose {
        // These are used each for itself, and can be all that a member has.
        Purpose::Mask => with(permitted, Network::Confirm),
        Purpose::Expand | Purpose::Run => permitted.iter().map(Permitted::name).collect(),
    }
}

/// The person said no. `who` is it, as in `the person at the terminal`.
pub fn not_agreed(permitted: &[Permitted], who: &str) -> Failure {
    let needed = with(permitted, Network::Confirm);
    refused(
        &needed,
        "not_confirmed",
        &format!("was not used: {who} did not agree"),
        None,
    )
}

/// There is nobody to ask.
pub fn nobody_to_ask(permitted: &[Permitted], hint: &str) -> Failure {
    refused(
        &with(permitted, Network::Confirm),
        "nobody_to_ask",
        "needs a person's yes for each use (network = \"confirm\"), and there is nobody to ask",
        Some(hint),
    )
}

/// A refusal for each of these credentials, by policy.
pub fn refused(credentials: &[&CredentialName], code: &'static str, message: &str, hint: Option<&str>) -> Failure {
    let report = |name: &&CredentialName| {
        let report = Report::new(7, code, format!("credential '{name}' {message}")).credential(name.as_str());
        match hint {
            Some(hint) => report.hint(hint),
            None => report,
        }
    };
    Failure(credentials.iter().map(report).collect())
}
