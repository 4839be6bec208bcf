//! What the policy of credentials asks for each use: a person's yes, for `network = "confirm"`.

use fleetvault::{
    cli::Failure,
    resolver::{
        Permitted,
        policy::{Policy, Purpose, Question},
    },
    terminal::{
        agreement::{Agreement, TooLong},
        prompt,
        report::Report,
    },
};
use vault_format::{CredentialName, Network};

/// Asks a person about one use of all credentials that need it: the configured approver, or whoever sits at the terminal. `shown` is the whole
/// of what they agree to, part by part. The answer is good for this use alone.
///
/// # Errors
/// They say no, or there is nobody to ask.
pub fn confirm(
    permitted: &[Permitted],
    policy: &Policy,
    question: &Question<'_>,
    shown: &[String],
) -> Result<(), Failure> {
    let needed = with(permitted, Network::Confirm);
    if needed.is_empty() {
        return Ok(());
    }
    let all: Vec<&CredentialName> = match question.purpose {
        // These are used each for itself, and can be all that a member has.
        Purpose::Mask => needed.clone(),
        Purpose::Expand | Purpose::Run => permitted.iter().map(Permitted::name).collect(),
    };
    if let Some(answer) = policy.ask_approver(&all, question) {
        return answer.map_err(|refusal| refused(&needed, "not_approved", &format!("was not used: {refusal}"), None));
    }
    let text = text(question, &all, shown, prompt::width()).map_err(|too_long| {
        refused(
            &needed,
            "too_long_to_agree",
            &format!("needs a person's yes for each use, and what they would agree to is too long: {too_long}"),
            Some("put what is long into a file, or name a program that asks somebody as 'approver' in resolver.toml"),
        )
    })?;
    match prompt::confirm(&text) {
        Ok(Some(true)) => Ok(()),
        Ok(Some(false)) => Err(refused(
            &needed,
            "not_confirmed",
            "was not used: the person at the terminal did not agree",
            None,
        )),
        Ok(None) => Err(refused(
            &needed,
            "nobody_to_ask",
            "needs a person's yes for each use (network = \"confirm\"), and there is nobody to ask",
            Some(match question.purpose {
                Purpose::Mask => {
                    "run it at a terminal, name a program that asks somebody as 'approver' in resolver.toml, or mask only others: mask NAME…"
                }
                _ => "run it at a terminal, or name a program that asks somebody as 'approver' in resolver.toml",
            }),
        )),
        Err(error) => Err(refused(
            &needed,
            "nobody_to_ask",
            &format!("needs a person's yes for each use, and the terminal cannot be asked: {error}"),
            None,
        )),
    }
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

/// The credentials whose header says this.
pub fn with(permitted: &[Permitted], network: Network) -> Vec<&CredentialName> {
    let those = permitted.iter().filter(|one| one.terms().network == network);
    those.map(Permitted::name).collect()
}

/// The question to a person, in lines of so many columns.
fn text(
    question: &Question<'_>,
    credentials: &[&CredentialName],
    shown: &[String],
    width: usize,
) -> Result<String, TooLong> {
    let names: Vec<String> = credentials.iter().map(ToString::to_string).collect();
    let agreement = Agreement {
        member: question.member.as_str(),
        credentials: &names,
        purpose: question.purpose.in_words(),
        shown,
    };
    agreement.question(width)
}

fn refused(credentials: &[&CredentialName], code: &'static str, message: &str, hint: Option<&str>) -> Failure {
    let report = |name: &&CredentialName| {
        let report = Report::new(7, code, format!("credential '{name}' {message}")).credential(name.as_str());
        match hint {
            Some(hint) => report.hint(hint),
            None => report,
        }
    };
    Failure(credentials.iter().map(report).collect())
}
