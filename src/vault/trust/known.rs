//! The vaults that a person accepted on this machine, each with the place where it stood.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use vault_format::VaultId;

/// The file `known_vaults`: a line `SHA256:… /path/of/the/vault` for each.
pub struct KnownVaults {
    file: PathBuf,
    lines: Vec<(VaultId, String)>,
}

impl KnownVaults {
    /// Reads the file in the state directory; a missing one knows no vault.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is none: nothing is guessed about trust.
    pub fn load(state: &Path) -> io::Result<Self> {
        let file = state.join("known_vaults");
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let lines = text
            .lines()
            .map(|line| {
                let (id, place) = line.split_once(' ')?;
                Some((id.parse().ok()?, place.to_owned()))
            })
            .collect::<Option<_>>()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", file.display())))?;
        Ok(Self { file, lines })
    }

    /// Tells whether this vault was accepted at any place.
    pub fn knows(&self, vault: VaultId) -> bool {
        self.lines.iter().any(|(id, _)| *id == vault)
    }

    /// The vault that was accepted at `place`, whatever stands there now.
    pub fn at(&self, place: &Path) -> Option<VaultId> {
        let place = place.to_string_lossy();
        self.lines.iter().find(|(_, known)| *known == place).map(|(id, _)| *id)
    }

    /// Remembers that `vault` stands at `place`, instead of any other that was accepted there.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn accept(&mut self, vault: VaultId, place: &Path) -> io::Result<()> {
        let place = place.to_string_lossy().replace('\n', "?");
        let state = self.file.parent().unwrap_or(Path::new(".")).to_owned();
        let _lock = super::lock(&state)?;
        self.lines = Self::load(&state)?.lines;
        self.lines.retain(|(_, known)| *known != place);
        self.lines.push((vault, place));
        let text: String = self.lines.iter().map(|(id, place)| format!("{id} {place}\n")).collect();
        super::replace(&self.file, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_accepted_is_known_at_its_place() {
        let state = tempfile::tempdir().unwrap();
        let (one, two) = (VaultId::of(b"1"), VaultId::of(b"2"));
        KnownVaults::load(state.path())
            .unwrap()
            .accept(one, Path::new("/a b"))
            .unwrap();
        KnownVaults::load(state.path())
            .unwrap()
            .accept(two, Path::new("/c"))
            .unwrap();
        let known = KnownVaults::load(state.path()).unwrap();
        assert!(known.knows(one) && known.knows(two) && !known.knows(VaultId::of(b"3")));
        assert_eq!(known.at(Path::new("/a b")), Some(one));
        assert_eq!(known.at(Path::new("/d")), None);
        KnownVaults::load(state.path())
            .unwrap()
            .accept(two, Path::new("/a b"))
            .unwrap();
        assert_eq!(
            KnownVaults::load(state.path()).unwrap().at(Path::new("/a b")),
            Some(two)
        );
    }
}
