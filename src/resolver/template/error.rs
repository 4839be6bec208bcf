//! What can be wrong with a template or its values, and the words for it.
//!
//! Shows at most the start of the offending placeholder up to the byte that broke it: never the text
//! around it, never a value.

use std::fmt;

use vault_format::CredentialName;

use crate::resolver::template::filter::{Filter, FilterFailure, MAX_FILTERS};

/// Lists everything that is wrong with a template, in the order of its text. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct TemplateErrors(pub Vec<TemplateError>);

/// Is one broken reference, or a near miss.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: '{found}' is no reference: {problem}")]
pub struct TemplateError {
    /// The line of its brackets, from 1.
    pub line: usize,
    /// The byte in that line at which its brackets open, from 1.
    pub column: usize,
    /// Its text up to what is wrong, shortened.
    pub found: String,
    /// What is wrong.
    pub problem: Problem,
}

/// Says why something that looks like a reference is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing that can be a name after the dot.
    #[error("expected a name after 'secure.', found {found}")]
    NoName {
        /// What stands there.
        found: String,
    },
    /// A byte that no name has.
    #[error("expected only letters, digits, '_', '-' and '/' in a name, found {found}")]
    InName {
        /// What stands there.
        found: String,
    },
    /// A name that breaks the rules of names.
    #[error("{reason}")]
    Name {
        /// The rule, as the vault's format words it.
        reason: &'static str,
    },
    /// Longer than any name.
    #[error("expected a name of one to four segments of 1 to 64 characters, found {length} characters")]
    NameTooLong {
        /// How long it is, in bytes.
        length: usize,
    },
    /// Something between the name, or its last filter, and the brackets.
    #[error("expected '{close}' or '|', found {found}")]
    NotEnded {
        /// The matching brackets.
        close: &'static str,
        /// What stands there.
        found: String,
    },
    /// A line or text that ends first.
    #[error("expected '{close}' on the same line")]
    NotClosed {
        /// The matching brackets.
        close: &'static str,
    },
    /// No name of a filter after `|`.
    #[error("expected a filter after '|' ({}), found {found}", known())]
    NoFilter {
        /// What stands there.
        found: String,
    },
    /// A filter that does not exist.
    #[error("unknown filter '{filter}'{}; known are {}", did_you_mean(.nearest), known())]
    UnknownFilter {
        /// What stands there, shortened.
        filter: String,
        /// The one it resembles most, if any.
        nearest: Option<Filter>,
    },
    /// `base64(…)`.
    #[error("filter '{filter}' takes no arguments")]
    FilterArguments {
        /// The filter.
        filter: Filter,
    },
    /// A chain that is too long.
    #[error("expected at most {MAX_FILTERS} filters")]
    TooManyFilters,
    /// `<<Secure.X>>`.
    #[error("expected 'secure' in lower case, found '{word}'")]
    Case {
        /// What stands there.
        word: String,
    },
    /// `<< secure . X >>`.
    #[error("expected no blank around the '.'")]
    BlankAtDot,
    /// `<<secure:X>>`, `<<secure X>>`.
    #[error("expected '.' after 'secure', found {found}")]
    Separator {
        /// What stands there.
        found: String,
    },
    /// `{{- secure.X -}}`.
    #[error("a reference has no whitespace control, found '{mark}' at its brackets")]
    WhitespaceControl {
        /// The mark.
        mark: char,
    },
    /// A reference across lines.
    #[error("expected it on one line, found a line break")]
    LineBreak,
    /// A no-break space, say.
    #[error("expected only spaces and tabs inside the brackets, found U+{:04X}", u32::from(*.blank))]
    OddBlank {
        /// The blank.
        blank: char,
    },
}

/// Lists everything that kept a template from being rendered. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct RenderErrors(pub Vec<RenderError>);

/// Is one reason why a template could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The lookup had nothing for it.
    #[error("credential '{name}' has no value here")]
    Missing {
        /// The credential.
        name: CredentialName,
    },
    /// A filter refused the value.
    #[error("credential '{name}': {failure}")]
    Filter {
        /// The credential.
        name: CredentialName,
        /// Why.
        failure: FilterFailure,
    },
    /// More than memory holds.
    #[error("the resolved text is too large for this machine's memory")]
    TooLarge,
}

impl From<RenderError> for RenderErrors {
    fn from(error: RenderError) -> Self {
        Self(vec![error])
    }
}

fn lines<E: fmt::Display>(errors: &[E]) -> String {
    let lines: Vec<String> = errors.iter().map(E::to_string).collect();
    lines.join("\n")
}

fn known() -> String {
    Filter::ALL.map(Filter::name).join(", ")
}

fn did_you_mean(nearest: &Option<Filter>) -> String {
    nearest.map_or_else(String::new, |filter| format!(", did you mean '{filter}'?"))
}
