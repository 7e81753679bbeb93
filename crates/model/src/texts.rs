//! Every text in a value, without a copy of it: a serializer that writes nothing.

use std::fmt::Display;

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
        SerializeTupleVariant,
    },
};

/// Shows `see` every text in `value` as its JSON would have it, the names of members not among them.
pub fn each_text<T: Serialize + ?Sized>(value: &T, see: &mut dyn FnMut(&str)) {
    // Nothing is written, so nothing fails but a value that cannot be JSON, which has shown what it has.
    let _ = value.serialize(Texts { see, keys: false });
}

/// [`each_text`], the names of members among them.
pub fn each_text_and_key<T: Serialize + ?Sized>(value: &T, see: &mut dyn FnMut(&str)) {
    let _ = value.serialize(Texts { see, keys: true });
}

struct Texts<'a> {
    see: &'a mut dyn FnMut(&str),
    keys: bool,
}

impl Texts<'_> {
    fn inner(&mut self) -> Texts<'_> {
        Texts {
            see: self.see,
            keys: self.keys,
        }
    }
}

/// A value that refuses to be serialized; there is nobody to tell why.
#[derive(Debug, thiserror::Error)]
#[error("the value cannot be serialized")]
struct Unserializable;

impl serde::ser::Error for Unserializable {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

macro_rules! no_text {
    ($($name:ident: $type:ty,)*) => {$(
        fn $name(self, _: $type) -> Result<(), Unserializable> {
            Ok(())
        }
    )*};
}

impl<'a> Serializer for Texts<'a> {
    type Ok = ();
    type Error = Unserializable;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    no_text! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_f32: f32,
        serialize_f64: f64,
        serialize_bytes: &[u8],
        serialize_unit_struct: &'static str,
    }

    fn serialize_char(self, char: char) -> Result<(), Unserializable> {
        (self.see)(char.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Unserializable> {
        (self.see)(text);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Unserializable> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unserializable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unserializable> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Unserializable> {
        (self.see)(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Unserializable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unserializable> {
        self.serialize_struct_variant("", 0, variant, 1)?.element(value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Unserializable> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Unserializable> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unserializable> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        at: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self, Unserializable> {
        self.serialize_struct_variant(name, at, variant, len)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Unserializable> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unserializable> {
        Ok(self)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Self, Unserializable> {
        if self.keys {
            (self.see)(variant);
        }
        Ok(self)
    }
}

impl Texts<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unserializable> {
        value.serialize(self.inner())
    }

    fn member<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Unserializable> {
        if self.keys {
            (self.see)(key);
        }
        self.element(value)
    }
}

macro_rules! elements {
    ($($trait:ident: $method:ident,)*) => {$(
        impl $trait for Texts<'_> {
            type Ok = ();
            type Error = Unserializable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unserializable> {
                self.element(value)
            }

            fn end(self) -> Result<(), Unserializable> {
                Ok(())
            }
        }
    )*};
}

elements! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

macro_rules! members {
    ($($trait:ident,)*) => {$(
        impl $trait for Texts<'_> {
            type Ok = ();
            type Error = Unserializable;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Unserializable> {
                self.member(key, value)
            }

            fn end(self) -> Result<(), Unserializable> {
                Ok(())
            }
        }
    )*};
}

members! {
    SerializeStruct,
    SerializeStructVariant,
}

impl SerializeMap for Texts<'_> {
    type Ok = ();
    type Error = Unserializable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unserializable> {
        if self.keys { self.element(key) } else { Ok(()) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unserializable> {
        self.element(value)
    }

    fn end(self) -> Result<(), Unserializable> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Serialize)]
    enum Shape {
        Dot,
        Named { label: &'static str },
        Pair(&'static str, u8),
        One(&'static str),
    }

    fn texts<T: Serialize>(value: &T) -> Vec<String> {
        let mut seen = Vec::new();
        each_text(value, &mut |text| seen.push(text.to_owned()));
        seen
    }

    fn texts_and_keys<T: Serialize>(value: &T) -> Vec<String> {
        let mut seen = Vec::new();
        each_text_and_key(value, &mut |text| seen.push(text.to_owned()));
        seen
    }

    fn collect(value: &Value, keys: bool, into: &mut Vec<String>) {
        match value {
            Value::String(text) => into.push(text.clone()),
            Value::Array(elements) => elements.iter().for_each(|element| collect(element, keys, into)),
            Value::Object(members) => {
                for (key, member) in members {
                    into.extend(keys.then(|| key.clone()));
                    collect(member, keys, into);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    #[test]
    fn every_shape_shows_what_its_json_has() {
        let shapes = (
            [Shape::Dot, Shape::Named { label: "l" }, Shape::Pair("p", 1), Shape::One("o")],
            Some('c'),
            BTreeMap::from([("key", Some("value")), ("none", None)]),
            std::net::IpAddr::from([203, 0, 113, 7]),
        );
        assert_eq!(texts(&shapes), ["Dot", "l", "p", "o", "c", "value", "203.0.113.7"]);
        let mut of_json = Vec::new();
        collect(&serde_json::to_value(&shapes).unwrap(), true, &mut of_json);
        assert_eq!(texts_and_keys(&shapes), of_json);
    }

    proptest! {
        #[test]
        fn texts_are_those_of_the_json(text in ".{0,8}", key in ".{0,8}", number: i64) {
            let value = json!({"a": text, "b": [{(key): text}, number, null, true], "c": {}});
            let mut of_json = Vec::new();
            collect(&value, false, &mut of_json);
            prop_assert_eq!(texts(&value), of_json);
        }
    }
}
