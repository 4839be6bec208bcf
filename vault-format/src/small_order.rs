//! Ed25519 public keys of small order, which are no keys: anyone can sign as their owner, and open what is sealed to them.

/// The length of an Ed25519 public key in bytes.
const LENGTH: usize = 32;

/// Takes the public key out of the blob of an `ssh-ed25519` key; `None` where anything is missing or stands behind it.
pub(crate) fn ssh_ed25519_point(blob: &[u8]) -> Option<&[u8; LENGTH]> {
    blob.strip_prefix(b"\0\0\0\x0bssh-ed25519\0\0\0\x20")?.try_into().ok()
}

/// Tells whether a compressed Edwards point has an order that divides eight.
pub(crate) fn is_small_order(point: &[u8; LENGTH]) -> bool {
    let mut y = *point;
    y[LENGTH - 1] &= 0x7f;
    Y.contains(&y)
}

/// The y coordinates of the eight points of small order, in every way that 255 bits can write them.
pub(crate) const Y: [[u8; LENGTH]; 7] = [
    filled(0, 0, 0),
    filled(1, 0, 0),
    filled(0xec, 0xff, 0x7f),
    filled(0xed, 0xff, 0x7f),
    filled(0xee, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

const fn filled(first: u8, middle: u8, last: u8) -> [u8; LENGTH] {
    let mut bytes = [middle; LENGTH];
    bytes[0] = first;
    bytes[LENGTH - 1] = last;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_taken_out_of_its_blob_and_nothing_else() {
        let blob = [&b"\0\0\0\x0bssh-ed25519\0\0\0\x20"[..], &[7; 32]].concat();
        assert_eq!(ssh_ed25519_point(&blob), Some(&[7; 32]));
        assert_eq!(ssh_ed25519_point(&blob[..50]), None);
        assert_eq!(ssh_ed25519_point(&[&blob[..], b"x"].concat()), None);
        assert!(!is_small_order(&[7; 32]));
        assert!(Y.iter().all(is_small_order));
    }
}
