//! The little DER that RSA keys need: aws-lc hands out no private numbers, a private JWK has them.

use zeroize::Zeroizing;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The numbers of an RSA private key, big-endian without leading zeros (RFC 8017 appendix A.1.2).
pub(crate) struct RsaNumbers {
    pub(crate) n: Vec<u8>,
    pub(crate) e: Vec<u8>,
    pub(crate) d: Zeroizing<Vec<u8>>,
    pub(crate) p: Zeroizing<Vec<u8>>,
    pub(crate) q: Zeroizing<Vec<u8>>,
    pub(crate) dp: Zeroizing<Vec<u8>>,
    pub(crate) dq: Zeroizing<Vec<u8>>,
    pub(crate) qi: Zeroizing<Vec<u8>>,
}

impl RsaNumbers {
    /// Reads them out of a PKCS#8 document (RFC 5208).
    pub(crate) fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        let mut info = Reader(pkcs8).element(SEQUENCE)?;
        info.element(INTEGER)?;
        info.element(SEQUENCE)?;
        let mut key = info.element(OCTET_STRING)?.element(SEQUENCE)?;
        key.element(INTEGER)?;
        Some(Self {
            n: key.unsigned()?,
            e: key.unsigned()?,
            d: key.unsigned()?.into(),
            p: key.unsigned()?.into(),
            q: key.unsigned()?.into(),
            dp: key.unsigned()?.into(),
            dq: key.unsigned()?.into(),
            qi: key.unsigned()?.into(),
        })
    }
}

/// The two numbers of an ECDSA signature, without leading zeros (RFC 3279 section 2.2.3).
pub(crate) fn ecdsa_numbers(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut whole = Reader(der);
    let mut sequence = whole.element(SEQUENCE)?;
    let numbers = (sequence.unsigned()?, sequence.unsigned()?);
    (whole.0.is_empty() && sequence.0.is_empty()).then_some(numbers)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element, which must have this tag.
    fn element(&mut self, tag: u8) -> Option<Reader<'a>> {
        let rest = self.0.strip_prefix(&[tag])?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let long = bytes.iter().try_fold(0_usize, |length, byte| {
                length.checked_mul(256)?.checked_add(usize::from(*byte))
            });
            (long?, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Reader(content))
    }

    fn unsigned(&mut self) -> Option<Vec<u8>> {
        let Reader(bytes) = self.element(INTEGER)?;
        Some(without_leading_zeros(bytes).to_vec())
    }
}

/// A big-endian number without its leading zero bytes.
pub(crate) fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}
