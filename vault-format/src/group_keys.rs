//! The private keys of a group, as a group's payload holds them (SPEC.md, section 10).

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::{error::OpenError, seal::Identity, secret::Secret};

/// The private keys of a group by epoch, from the first to the current one.
#[derive(Clone, Default)]
pub struct GroupKeys(BTreeMap<u64, Identity>);

const EPOCH: &str = "# epoch ";

impl GroupKeys {
    /// Adds the key of one epoch.
    #[must_use]
    pub fn with(mut self, epoch: u64, key: Identity) -> Self {
        self.0.insert(epoch, key);
        self
    }

    /// The key of one epoch.
    pub fn epoch(&self, epoch: u64) -> Option<&Identity> {
        self.0.get(&epoch)
    }

    /// The keys as an age identity file, each behind a comment that says its epoch.
    pub fn to_secret(&self) -> Secret {
        let mut text = Zeroizing::new(Vec::with_capacity(self.0.len() * 128));
        for (epoch, key) in &self.0 {
            // Group keys are made by this crate, as X25519 keys, and these always have a line.
            if let Some(line) = key.expose_line() {
                text.extend_from_slice(format!("{EPOCH}{epoch}\n").as_bytes());
                text.extend_from_slice(line.expose());
                text.push(b'\n');
            }
        }
        text.into()
    }

    /// Reads what [`GroupKeys::to_secret`] wrote.
    ///
    /// # Errors
    /// [`OpenError::Malformed`].
    pub fn parse(secret: &Secret) -> Result<Self, OpenError> {
        let malformed = OpenError::Malformed("a group's payload must hold '# epoch N' and a key, for each epoch");
        let text = secret.expose_text().ok_or_else(|| malformed.clone())?;
        let mut keys = Self::default();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let epoch = line.strip_prefix(EPOCH).and_then(|number| number.parse().ok());
            let key = lines.next().and_then(|line| Identity::from_line(line).ok());
            let (Some(epoch), Some(key)) = (epoch, key) else {
                return Err(malformed);
            };
            if keys.0.insert(epoch, key).is_some() {
                return Err(malformed);
            }
        }
        // One form only, and no copy of the text outlives the comparison.
        (keys.to_secret().expose() == secret.expose())
            .then_some(keys)
            .ok_or(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_by_their_epochs() {
        let (one, two) = (Identity::generate(), Identity::generate());
        let keys = GroupKeys::default().with(1, one.clone()).with(2, two.clone());
        let back = GroupKeys::parse(&keys.to_secret()).unwrap();
        for (epoch, key) in [(1, one), (2, two)] {
            assert!(back.epoch(epoch).unwrap().recipient() == key.recipient());
        }
        assert!(back.epoch(3).is_none());
        for bad in [
            "x",
            "# epoch 1",
            "# epoch 1\nx\n",
            "# epoch x\nAGE-SECRET-KEY-1\n",
            "\n",
        ] {
            assert!(GroupKeys::parse(&Secret::new(bad.into())).is_err(), "{bad}");
        }
    }
}
