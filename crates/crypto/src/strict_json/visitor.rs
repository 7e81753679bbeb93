//! Builds a `Value` and stops at the first thing that the limits refuse.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, map::Entry};

use super::{Limits, StrictJsonError};

/// Reads one value at some depth. serde's errors carry text only, so the reason goes into `refused`.
#[derive(Clone, Copy)]
pub(super) struct Seed<'a> {
    limits: &'a Limits,
    refused: &'a RefCell<Option<StrictJsonError>>,
    depth: usize,
}

impl<'a> Seed<'a> {
    pub(super) const fn new(limits: &'a Limits, refused: &'a RefCell<Option<StrictJsonError>>) -> Self {
        Self {
            limits,
            refused,
            depth: 0,
        }
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= self.limits.max_depth {
            return Err(self.refuse(StrictJsonError::TooDeep(self.limits.max_depth)));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    fn check_string<E: Error>(self, text: &str) -> Result<(), E> {
        let limit = self.limits.max_string_bytes;
        if text.len() > limit {
            return Err(self.refuse(StrictJsonError::StringTooLong(limit)));
        }
        Ok(())
    }

    fn refuse<E: Error>(self, why: StrictJsonError) -> E {
        let error = E::custom(&why);
        self.refused.replace(Some(why));
        error
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.check_string(value)?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        self.check_string(&value)?;
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            if list.len() >= self.limits.max_items {
                return Err(self.refuse(StrictJsonError::TooManyItems(self.limits.max_items)));
            }
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            self.check_string(&name)?;
            if object.len() >= self.limits.max_members {
                return Err(self.refuse(StrictJsonError::TooManyMembers(self.limits.max_members)));
            }
            match object.entry(name) {
                Entry::Occupied(taken) => return Err(self.refuse(StrictJsonError::DuplicateMember(taken.key().clone()))),
                Entry::Vacant(free) => free.insert(members.next_value_seed(inner)?),
            };
        }
        Ok(Value::Object(object))
    }
}
