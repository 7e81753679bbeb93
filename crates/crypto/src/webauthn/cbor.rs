//! The CBOR that authenticators speak (CTAP2 canonical form: definite lengths, no tags), as far as it is looked at.

/// Nested lists and maps.
const MAX_DEPTH: usize = 4;
/// Entries of all lists and maps together.
const MAX_ITEMS: usize = 200;

/// An item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cbor {
    Integer(i64),
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Cbor>),
    Map(Vec<(Cbor, Cbor)>),
    /// True, false, null, a float: nobody asks for them.
    Simple,
}

struct Reader<'b> {
    rest: &'b [u8],
    items: usize,
}

impl Cbor {
    /// Reads one item that is all there is.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (item, rest) = Self::read_first(bytes)?;
        rest.is_empty().then_some(item)
    }

    /// Reads the first item, and gives what follows.
    pub(super) fn read_first(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut reader = Reader { rest: bytes, items: 0 };
        let item = reader.item(0)?;
        Some((item, reader.rest))
    }

    /// A member of a map by its name.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        self.find(|key| matches!(key, Self::Text(text) if text == name))
    }

    /// A member of a map by its number.
    pub(super) fn labelled(&self, label: i64) -> Option<&Self> {
        self.find(|key| *key == Self::Integer(label))
    }

    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) const fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    fn find(&self, is: impl Fn(&Self) -> bool) -> Option<&Self> {
        let Self::Map(members) = self else { return None };
        members.iter().find(|(key, _)| is(key)).map(|(_, value)| value)
    }
}

impl<'b> Reader<'b> {
    fn item(&mut self, depth: usize) -> Option<Cbor> {
        self.items = self.items.checked_add(1)?;
        if depth > MAX_DEPTH || self.items > MAX_ITEMS {
            return None;
        }
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        let argument = self.argument(first & 0x1f)?;
        match first >> 5 {
            0 => i64::try_from(argument).ok().map(Cbor::Integer),
            1 => i64::try_from(argument).ok().map(|number| Cbor::Integer(!number)),
            2 => self.take(argument).map(|bytes| Cbor::Bytes(bytes.to_vec())),
            3 => self.text(argument).map(Cbor::Text),
            4 => (0..argument)
                .map(|_| self.item(depth + 1))
                .collect::<Option<_>>()
                .map(Cbor::List),
            5 => self.map(argument, depth),
            7 => Some(Cbor::Simple),
            _ => None,
        }
    }

    /// No key stands twice: two readers would see two maps.
    fn map(&mut self, entries: u64, depth: usize) -> Option<Cbor> {
        let mut members: Vec<(Cbor, Cbor)> = Vec::new();
        for _ in 0..entries {
            let key = self.item(depth + 1)?;
            let value = self.item(depth + 1)?;
            if members.iter().any(|(known, _)| *known == key) {
                return None;
            }
            members.push((key, value));
        }
        Some(Cbor::Map(members))
    }

    /// The number in or behind the first byte.
    fn argument(&mut self, low: u8) -> Option<u64> {
        let bytes = match low {
            0..24 => return Some(low.into()),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return None,
        };
        let digits = self.take(bytes)?;
        Some(digits.iter().fold(0, |number, digit| (number << 8) | u64::from(*digit)))
    }

    fn text(&mut self, length: u64) -> Option<String> {
        std::str::from_utf8(self.take(length)?).ok().map(str::to_owned)
    }

    fn take(&mut self, length: u64) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(taken)
    }
}
