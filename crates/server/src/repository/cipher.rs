//! The seal of a repository (restic's design document, "Keys, Encryption and MAC"): AES-256 in counter mode, its tag by Poly1305 with
//! AES-128 (Bernstein's Poly1305-AES).

use aws_lc_rs::cipher::{AES_128, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit as _;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A vector and a tag.
const OVERHEAD: usize = 16 + 16;

/// What a repository is sealed with. Wiped when it is dropped.
pub struct MasterKey {
    encryption: Zeroizing<[u8; 32]>,
    /// AES-128 makes one-time pads with it.
    tag_k: Zeroizing<[u8; 16]>,
    tag_r: Zeroizing<[u8; 16]>,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// Of its parts, in the order in which they are derived: encryption, then the two of the tag.
    pub(super) fn from_bytes(bytes: &Zeroizing<[u8; 64]>) -> Self {
        let mut key = Self {
            encryption: Zeroizing::new([0; 32]),
            tag_k: Zeroizing::new([0; 16]),
            tag_r: Zeroizing::new([0; 16]),
        };
        key.encryption.copy_from_slice(&bytes[..32]);
        key.tag_k.copy_from_slice(&bytes[32..48]);
        key.tag_r.copy_from_slice(&bytes[48..]);
        key
    }

    /// What was sealed; none when it was sealed with another key, or changed since.
    pub(super) fn opened(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let inner = sealed.len().checked_sub(OVERHEAD)?;
        let (vector, rest) = sealed.split_at(16);
        let (text, tag) = rest.split_at(inner);
        let vector: [u8; 16] = vector.try_into().ok()?;
        if !bool::from(self.tag(&vector, text)?.ct_eq(tag)) {
            return None;
        }
        let mut text = Zeroizing::new(text.to_vec());
        let key = UnboundCipherKey::new(&AES_256, &*self.encryption).ok()?;
        let key = DecryptingKey::ctr(key).ok()?;
        let context = DecryptionContext::Iv128(FixedLength::from(vector));
        key.decrypt(&mut text, context).ok()?;
        Some(text)
    }

    /// What is sealed with this key; for tests, which must not depend on another program alone.
    #[cfg(test)]
    pub fn sealed(&self, text: &[u8], vector: [u8; 16]) -> Vec<u8> {
        let mut sealed = text.to_vec();
        let key = UnboundCipherKey::new(&AES_256, &*self.encryption).unwrap();
        // In counter mode sealing and opening are the same.
        let key = DecryptingKey::ctr(key).unwrap();
        let context = DecryptionContext::Iv128(FixedLength::from(vector));
        key.decrypt(&mut sealed, context).unwrap();
        let tag = self.tag(&vector, &sealed).unwrap();
        [vector.as_slice(), &sealed, &tag].concat()
    }

    fn tag(&self, vector: &[u8; 16], text: &[u8]) -> Option<[u8; 16]> {
        let mut pad = Zeroizing::new(*vector);
        let key = UnboundCipherKey::new(&AES_128, &*self.tag_k).ok()?;
        EncryptingKey::ecb(key).ok()?.encrypt(pad.as_mut_slice()).ok()?;
        let mut one_time = Zeroizing::new([0_u8; 32]);
        one_time[..16].copy_from_slice(&*self.tag_r);
        one_time[16..].copy_from_slice(&*pad);
        let tag = Poly1305::new_from_slice(one_time.as_slice()).ok()?;
        Some(tag.compute_unpadded(text).into())
    }
}
