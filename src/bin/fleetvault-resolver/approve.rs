//! A person's yes, from whoever sits at the terminal.

use fleetvault::{
    cli::{Failure, approval},
    resolver::{
        Permitted,
        policy::{Policy, Purpose, Question},
    },
    terminal::prompt,
};
use vault_format::Network;

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
    let needed = approval::with(permitted, Network::Confirm);
    if needed.is_empty() {
        return Ok(());
    }
    if let Some(answer) = approval::ask_approver(permitted, policy, question) {
        return answer;
    }
    let text = approval::question_to_a_person(permitted, question, shown, prompt::width())?;
    match prompt::confirm(&text) {
        Ok(Some(true)) => Ok(()),
        Ok(Some(false)) => Err(approval::not_agreed(permitted, "the person at the terminal")),
        Ok(None) => Err(approval::nobody_to_ask(
            permitted,
            match question.purpose {
                Purpose::Mask => {
                    "run it at a terminal, name a program that asks somebody as 'approver' in resolver.toml, or mask only others: mask NAME…"
                }
                _ => "run it at a terminal, or name a program that asks somebody as 'approver' in resolver.toml",
            },
        )),
        Err(error) => Err(approval::refused(
            &needed,
            "nobody_to_ask",
            &format!("needs a person's yes for each use, and the terminal cannot be asked: {error}"),
            None,
        )),
    }
}
