//! What age plugins ask a person, at the terminal, and where they are looked for.

use std::{env, io, sync::Arc};

use vault_format::Plugins;
use zeroize::Zeroizing;

use super::Asking;
use crate::{
    resolver::plugin::{Person, PluginClient, TIME_MAX},
    terminal::{prompt, report::warning, style::Style},
};

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
