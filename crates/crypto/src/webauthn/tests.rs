use super::*;
use crate::{
    jwk::Curve,
    signing::{NewKey, PrivateKey},
};

const CHALLENGE: &str = "Y2hhbGxlbmdl";

fn party() -> RelyingParty {
    RelyingParty {
        id: "org.example".to_owned(),
        origin: "https://org.example".to_owned(),
    }
}

fn client_data(kind: &str) -> Value {
    json!({"type": kind, "challenge": CHALLENGE, "origin": "https://org.example", "crossOrigin": false})
}

fn data(flags: u8, counter: u32) -> Vec<u8> {
    let mut data = sha256("org.example").to_vec();
    data.push(flags);
    data.extend(counter.to_be_bytes());
    data
}

/// `{"fmt": "none", "attStmt": {}, "authData": …}` with an Ed25519 key of this `x`.
fn attestation(flags: u8, x: &[u8]) -> Vec<u8> {
    let mut auth = data(flags, 7);
    auth.extend([0; 16]);
    auth.extend([0, 4, 1, 2, 3, 4]);
    auth.extend([0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20]);
    auth.extend(x);
    let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
    object.push(u8::try_from(auth.len()).unwrap());
    object.extend(auth);
    object
}

fn x_of(key: &PrivateKey) -> Vec<u8> {
    base64url::decode(key.public_jwk()["x"].as_str().unwrap()).unwrap()
}

fn der(plain: &[u8]) -> Vec<u8> {
    let number = |digits: &[u8]| {
        let digits: Vec<u8> = digits.iter().copied().skip_while(|digit| *digit == 0).collect();
        let pad = usize::from(digits.first().is_some_and(|digit| digit & 0x80 != 0));
        let mut out = vec![0x02, u8::try_from(digits.len() + pad).unwrap()];
        out.extend(vec![0; pad]);
        out.extend(digits);
        out
    };
    let half = plain.len() / 2;
    let inner = [number(&plain[..half]), number(&plain[half..])].concat();
    [vec![0x30, u8::try_from(inner.len()).unwrap()], inner].concat()
}

#[test]
fn a_passkey_is_taken_only_from_a_verified_user_at_this_site() {
    let key = PrivateKey::generate(NewKey::Ed25519).unwrap();
    let made = |flags: u8, data: &Value| {
        let (party, text) = (party(), data.to_string());
        let ceremony = Ceremony {
            party: &party,
            challenge: CHALLENGE,
            client_data: text.as_bytes(),
        };
        ceremony.registered(&attestation(flags, &x_of(&key)))
    };
    let good = made(0x45, &client_data("webauthn.create")).unwrap();
    assert_eq!((good.id.as_slice(), good.counter), (&[1, 2, 3, 4][..], 7));
    assert_eq!(good.public_jwk["x"], key.public_jwk()["x"]);
    for (flags, error) in [
        (0x41, WebauthnError::UserNotVerified),
        (0x44, WebauthnError::UserNotVerified),
        (0x05, WebauthnError::Malformed),
    ] {
        assert_eq!(made(flags, &client_data("webauthn.create")), Err(error), "{flags:#x}");
    }
    for (member, value) in [
        ("type", json!("webauthn.get")),
        ("challenge", json!("b3RoZXI")),
        ("challenge", json!(null)),
        ("origin", json!("https://org.example.evil")),
        ("origin", json!("http://org.example")),
        ("crossOrigin", json!(true)),
    ] {
        let mut changed = client_data("webauthn.create");
        changed[member] = value.clone();
        assert_eq!(made(0x45, &changed), Err(WebauthnError::ClientData), "{member} {value}");
    }
}

#[test]
fn assertions_are_verified_with_each_kind_of_key() {
    let (party, text) = (party(), client_data("webauthn.get").to_string());
    let ceremony = Ceremony {
        party: &party,
        challenge: CHALLENGE,
        client_data: text.as_bytes(),
    };
    let data = data(0x05, 9);
    let signed = [data.clone(), sha256(&text).to_vec()].concat();
    for kind in [NewKey::Ed25519, NewKey::Ec(Curve::P256), NewKey::Rsa2048] {
        let key = PrivateKey::generate(kind).unwrap();
        let mut signature = key.sign(&signed).unwrap();
        if kind == NewKey::Ec(Curve::P256) {
            assert_eq!(
                ceremony.asserted(&data, &signature, &key.public_jwk()),
                Err(WebauthnError::Signature),
                "no DER"
            );
            signature = der(&signature);
        }
        assert_eq!(ceremony.asserted(&data, &signature, &key.public_jwk()), Ok(9), "{kind:?}");
        let other = PrivateKey::generate(NewKey::Ed25519).unwrap();
        assert!(ceremony.asserted(&data, &signature, &other.public_jwk()).is_err());
        let mut later = data.clone();
        later[36] += 1;
        assert_eq!(
            ceremony.asserted(&later, &signature, &key.public_jwk()),
            Err(WebauthnError::Signature),
            "{kind:?}"
        );
    }
    let key = PrivateKey::generate(NewKey::Ec(Curve::P384)).unwrap();
    assert_eq!(ceremony.asserted(&data, &[], &key.public_jwk()), Err(WebauthnError::Key));
    let mut elsewhere = data.clone();
    elsewhere[0] ^= 1;
    assert_eq!(
        ceremony.asserted(&elsewhere, &[], &key.public_jwk()),
        Err(WebauthnError::Site)
    );
}

#[test]
fn what_is_cut_off_or_odd_is_refused_and_never_a_panic() {
    let key = PrivateKey::generate(NewKey::Ed25519).unwrap();
    let (party, text) = (party(), client_data("webauthn.create").to_string());
    let ceremony = Ceremony {
        party: &party,
        challenge: CHALLENGE,
        client_data: text.as_bytes(),
    };
    let whole = attestation(0x45, &x_of(&key));
    for length in 0..whole.len() {
        assert!(ceremony.registered(&whole[..length]).is_err(), "{length}");
    }
    let deep = [vec![0x81; 50], vec![0x01]].concat();
    let twice = b"\xa2\x01\x01\x01\x02".to_vec();
    let endless = b"\x9f\x01\xff".to_vec();
    let huge = b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec();
    for odd in [deep, twice, endless, huge, b"\xc0\x01".to_vec(), vec![0x1c], vec![]] {
        assert_eq!(Cbor::read(&odd), None, "{odd:?}");
    }
}

#[test]
fn signatures_are_read_out_of_their_der_form() {
    let (r, s) = ([0x80; 32], [1; 32]);
    let good = der(&[r, s].concat());
    assert_eq!(plain_signature(&good), Some([r, s].concat().try_into().unwrap()));
    let mut long = good.clone();
    long.push(0);
    let wide = der(&[[0x80; 33], [1; 33]].concat());
    for bad in [long, wide, good[1..].to_vec(), vec![0x30, 0x00], vec![]] {
        assert_eq!(plain_signature(&bad), None, "{bad:?}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = Cbor::read(&bytes);
        let _ = plain_signature(&bytes);
    }
}
