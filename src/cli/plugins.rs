//! What age plugins ask a person, at the terminal, and where they are looked for.

use std::{
    env,
    io::{self, IsTerminal as _},
    sync::Arc,
};

use vault_format::Plugins;
use zeroize::Zeroizing;

use crate::{
    resolver::plugin::{Person, PluginClient, TIME_MAX},
    terminal::{prompt, report::warning, style::Style},
};

/// Whether a person may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asking {
    /// At the terminal, where there is one.
    #[default]
    AtTerminal,
    /// At the terminal if what this process says goes there too: where a client reads that, the terminal is the client's.
    IfHeard,
    /// Never: a client waits for an answer.
    Never,
}

impl Asking {
    /// Tells whether there may be a person to answer.
    pub fn is_allowed(self) -> bool {
        match self {
            Self::AtTerminal => true,
            Self::IfHeard => io::stderr().is_terminal(),
            Self::Never => false,
        }
    }
}

/// What starts plugins from PATH, and lets them ask a person as far as this is allowed.
pub fn plugins(asking: Asking) -> Arc<dyn Plugins> {
    Arc::new(PluginClient {
        path: env::var_os("PATH")
            .map(|path| env::split_paths(&path).collect())
            .unwrap_or_default(),
        time_max: TIME_MAX,
        person: Box::new(AtTerminal(asking)),
    })
}

struct AtTerminal(Asking);

impl Person for AtTerminal {
    fn tell(&self, text: &str) {
        if self.0.is_allowed() {
            let _ = warning(
                &crate::terminal::escape(text),
                Style::stderr(),
                &mut io::stderr().lock(),
            );
        }
    }

    fn choose(&self, question: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        if !self.0.is_allowed() {
            return None;
        }
        let no = no.unwrap_or("cancel");
        prompt::confirm(&format!("{question}\ny is '{yes}', n is '{no}'.")).ok()?
    }

    fn answer(&self, question: &str) -> Option<Zeroizing<String>> {
        if !self.0.is_allowed() {
            return None;
        }
        prompt::hidden(question).ok()?
    }
}
