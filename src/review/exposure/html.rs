//! placeholder
use super::*;
/// x
pub fn page(_: &Exposure, _: Option<&MemberName>, _: Timestamp) -> String {
    String::new()
}
