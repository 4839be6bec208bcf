//! Names of credentials, members, groups and authors (SPEC.md, section 2).
//!
//! A name that exists as a value of one of these types keeps the grammar; nothing here looks at a vault.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::shown::holds_private_key;

/// The longest segment of any name, in bytes.
pub const SEGMENT_MAX: usize = 64;
/// The most segments a credential's name may have.
pub const SEGMENTS_MAX: usize = 4;
/// Names that stand for something else in a scope and therefore name no member and no group of the user's.
pub const RESERVED: [&str; 2] = ["all", "keepers"];

/// A text that is no valid name, with the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{found} is no {what} name: {rule}")]
pub struct NameError {
    /// What was to be named: `credential`, `member`, `group` or `author`.
    pub what: &'static str,
    /// The text, quoted and cut after 80 characters; a private key is not repeated.
    pub found: String,
    /// The rule it breaks, to be shown to a person.
    pub rule: &'static str,
}

impl NameError {
    fn new(what: &'static str, found: &str, rule: &'static str) -> Self {
        let found = match holds_private_key(found) {
            true => "the private key given".into(),
            false => format!("{:?}", found.chars().take(80).collect::<String>()),
        };
        Self { what, found, rule }
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> Result<(), NameError> = $check;
                check(text).map(|()| Self(text.into()))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        crate::parse::deserialize_from_str!($name);
    };
}

name_type!(
    /// A credential: one to four segments of `[A-Za-z0-9_-]{1,64}`, joined by `/`.
    CredentialName,
    check_credential
);
name_type!(
    /// A member: `[A-Za-z0-9._-]{1,64}`, first character alphanumeric, not reserved.
    MemberName,
    |text| check_plain("member", text, false)
);
name_type!(
    /// A group: the grammar of a member's name; `all` and `keepers` are the two groups every vault has.
    GroupName,
    |text| check_plain("group", text, true)
);
name_type!(
    /// An author: the grammar of a member's name.
    AuthorName,
    |text| check_plain("author", text, false)
);

impl CredentialName {
    /// The segments between the slashes, at least one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl GroupName {
    /// The group behind `*`.
    pub fn all() -> Self {
        Self("all".into())
    }

    /// The group whose members can open every credential.
    pub fn keepers() -> Self {
        Self("keepers".into())
    }

    /// Tells whether this is one of the two groups that every vault has.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.as_str())
    }
}

fn check_credential(text: &str) -> Result<(), NameError> {
    let fail = |rule| Err(NameError::new("credential", text, rule));
    for (index, segment) in text.split('/').enumerate() {
        if index == SEGMENTS_MAX {
            return fail("at most four segments joined by '/'");
        }
        if segment.is_empty() {
            return fail("segments between '/' must not be empty");
        }
        if segment.len() > SEGMENT_MAX {
            return fail("a segment has at most 64 characters");
        }
        if !segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)) {
            return fail("only A-Z, a-z, 0-9, '_' and '-' in segments joined by '/'");
        }
    }
    Ok(())
}

fn check_plain(what: &'static str, text: &str, reserved: bool) -> Result<(), NameError> {
    let fail = |rule| Err(NameError::new(what, text, rule));
    match text.bytes().next() {
        None => return fail("a name must not be empty"),
        Some(first) if !first.is_ascii_alphanumeric() => return fail("the first character must be a letter or digit"),
        Some(_) => {}
    }
    if text.len() > SEGMENT_MAX {
        return fail("a name has at most 64 characters");
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
        return fail("only A-Z, a-z, 0-9, '.', '_' and '-'");
    }
    // In any case: 'All' beside 'all' is one name on some file systems, and to most readers.
    let taken = RESERVED.iter().any(|name| name.eq_ignore_ascii_case(text));
    if taken && !(reserved && RESERVED.contains(&text)) {
        return fail("'all' and 'keepers' are reserved for the groups of that name");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credential_names_keep_the_grammar() {
        let long = "x".repeat(64);
        for good in [
            "a",
            "github_pat",
            "prod/db/password",
            "a/b/c/d",
            "-x",
            "A-1_b",
            long.as_str(),
        ] {
            assert!(good.parse::<CredentialName>().is_ok(), "{good}");
        }
        let too_long = "x".repeat(65);
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "..",
            "a/../b",
            "a b",
            "ü",
            "a.b",
            "a/b/c/d/e",
            "a\\b",
            "a\0",
            too_long.as_str(),
        ] {
            assert!(bad.parse::<CredentialName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn member_names_keep_the_grammar() {
        for good in ["fleet-dev", "a", "9", "build.7", "A_b"] {
            assert!(good.parse::<MemberName>().is_ok(), "{good}");
        }
        for bad in [
            "", ".a", "-a", "_a", "@a", "*", "a/b", "a b", "all", "keepers", "All", "é",
        ] {
            assert!(bad.parse::<MemberName>().is_err(), "{bad}");
        }
        assert!("all".parse::<GroupName>().is_ok());
        assert!("ALL".parse::<GroupName>().is_err());
    }
    #[test]
    fn a_private_key_is_no_name_and_is_not_repeated() {
        for key in [
            "AGE-SECRET-KEY-1QQ QQ",
            "a,age-secret-key-1qq",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ] {
            let error = key.parse::<MemberName>().unwrap_err().to_string();
            assert!(
                error.starts_with("the private key given is no member name: "),
                "{error}"
            );
        }
        // Cut before it is looked at, the mark would not be found and the key's first part be shown.
        let long = format!("{}AGE-SECRET-KEY-1QQ", " ".repeat(70));
        assert!(!long.parse::<CredentialName>().unwrap_err().to_string().contains("AGE"));
    }
}
