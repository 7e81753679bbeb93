//! A row of a file of sign-ins: columns by name, in our own words and in those of the RBA data set.

use std::{borrow::Cow, net::IpAddr};

use watchfire_model::time::Timestamp;

/// One attempt, as far as a scorer may see it, and who it was in truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// When.
    pub at: Timestamp,
    /// Whose name was used.
    pub user: &'a str,
    /// Address.
    pub ip: IpAddr,
    /// Country, or empty.
    pub country: &'a str,
    /// Autonomous system, if given.
    pub asn: Option<u32>,
    /// The `User-Agent` header, or empty.
    pub user_agent: &'a str,
    /// Browser and version, or empty.
    pub browser: &'a str,
    /// System and version, or empty.
    pub os: &'a str,
    /// Kind of device, or empty.
    pub device_type: &'a str,
    /// Whether the password was right.
    pub success: bool,
    /// The attacker's kind; `None` for the user.
    pub attacker: Option<&'a str>,
    /// Whether the file has the address on a list of attackers.
    pub listed: Option<bool>,
}

/// Why a row cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// No time, or none that we read.
    #[error("{0:?} is no time")]
    Time(String),
    /// No address.
    #[error("{0:?} is no address")]
    Address(String),
    /// Nobody's name.
    #[error("there is no user id")]
    NoUser,
    /// Rows of the RBA data set that its authors made up or put together.
    #[error("the row is an artefact of the RBA data set")]
    Artefact,
}

/// Why a header cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Without it there is nothing to score.
    #[error("there is no column {0:?}")]
    Missing(&'static str),
}

/// Where the columns are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    timestamp: usize,
    user_id: usize,
    ip: usize,
    country: Option<usize>,
    asn: Option<usize>,
    user_agent: Option<usize>,
    browser: Option<usize>,
    os: Option<usize>,
    device_type: Option<usize>,
    success: Option<usize>,
    label: Option<usize>,
    takeover: Option<usize>,
    listed: Option<usize>,
}

/// The bucket of unknown accounts in the RBA data set, and an account of a machine.
const RBA_BUCKETS: [&str; 2] = ["-4324475583306591935", "6998943612473066845"];

impl Columns {
    /// Finds the columns in a header's fields.
    ///
    /// # Errors
    /// When the time, the user or the address is missing.
    pub fn find<'a>(fields: impl IntoIterator<Item = &'a str>) -> Result<Self, HeaderError> {
        let names: Vec<String> = fields.into_iter().map(plain).collect();
        let find = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
        Ok(Self {
            timestamp: find(&["timestamp", "login_timestamp"]).ok_or(HeaderError::Missing("timestamp"))?,
            user_id: find(&["user_id"]).ok_or(HeaderError::Missing("user_id"))?,
            ip: find(&["ip", "ip_address"]).ok_or(HeaderError::Missing("ip"))?,
            country: find(&["country"]),
            asn: find(&["asn"]),
            user_agent: find(&["user_agent", "user_agent_string"]),
            browser: find(&["browser", "browser_name_and_version"]),
            os: find(&["os", "os_name_and_version"]),
            device_type: find(&["device_type"]),
            success: find(&["success", "login_successful"]),
            label: find(&["label"]),
            takeover: find(&["is_account_takeover"]),
            listed: find(&["is_attack_ip"]),
        })
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn row<'a>(&self, fields: &'a [Cow<'a, str>]) -> Result<Row<'a>, RowError> {
        let at = |column: usize| fields.get(column).map_or("", |field| field.trim());
        let maybe = |column: Option<usize>| column.map_or("", at);
        let user = at(self.user_id);
        if user.is_empty() {
            return Err(RowError::NoUser);
        }
        let ip: IpAddr = at(self.ip).parse().map_err(|_| RowError::Address(short(at(self.ip))))?;
        if self.takeover.is_some() && (RBA_BUCKETS.contains(&user) || is_ten(ip)) {
            return Err(RowError::Artefact);
        }
        Ok(Row {
            at: time(at(self.timestamp)).ok_or_else(|| RowError::Time(short(at(self.timestamp))))?,
            user,
            ip: ip.to_canonical(),
            country: maybe(self.country),
            asn: whole_number(maybe(self.asn)),
            user_agent: maybe(self.user_agent),
            browser: maybe(self.browser),
            os: maybe(self.os),
            device_type: maybe(self.device_type),
            success: self.success.is_none_or(|column| is_true(at(column))),
            attacker: self.attacker(at),
            listed: self.listed.map(|column| is_true(at(column))),
        })
    }

    fn attacker<'a>(&self, at: impl Fn(usize) -> &'a str) -> Option<&'a str> {
        if let Some(label) = self.label {
            let label = at(label);
            return (!label.is_empty() && !label.eq_ignore_ascii_case("legit")).then_some(label);
        }
        self.takeover.filter(|column| is_true(at(*column))).map(|_| "takeover")
    }
}

/// Takes a record apart (RFC 4180); quoted fields may hold commas and doubled quotes.
pub fn fields(record: &str) -> Vec<Cow<'_, str>> {
    let mut fields = Vec::with_capacity(16);
    let mut rest = record;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted),
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (field, after) = rest.split_at(end);
                (Cow::Borrowed(field), after)
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return fields,
        }
    }
}

fn quoted_field(text: &str) -> (Cow<'_, str>, &str) {
    let mut from = 0;
    loop {
        let Some(quote) = text.get(from..).and_then(|rest| rest.find('"')).map(|at| at + from) else {
            return (unquoted(text), "");
        };
        let after = text.get(quote + 1..).unwrap_or_default();
        if after.starts_with('"') {
            from = quote + 2;
            continue;
        }
        // What stands between the quote and the comma belongs to nobody.
        let comma = after.find(',').unwrap_or(after.len());
        return (
            unquoted(text.get(..quote).unwrap_or_default()),
            after.get(comma..).unwrap_or_default(),
        );
    }
}

fn unquoted(text: &str) -> Cow<'_, str> {
    if text.contains("\"\"") {
        Cow::Owned(text.replace("\"\"", "\""))
    } else {
        Cow::Borrowed(text)
    }
}

/// `Login Timestamp` is `login_timestamp`.
fn plain(name: &str) -> String {
    name.trim_matches(['\u{feff}', ' ', '"'])
        .to_ascii_lowercase()
        .replace([' ', '-'], "_")
}

/// RFC 3339; the same without a zone, or with a blank for the `T`, is UTC; whole numbers are seconds or
/// milliseconds since 1970.
fn time(text: &str) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<i64>() {
        const MILLISECONDS_FROM: i64 = 100_000_000_000;
        return Some(if number.abs() < MILLISECONDS_FROM {
            Timestamp::from_seconds(number)
        } else {
            Timestamp::from_micros(number.saturating_mul(1_000))
        });
    }
    let with_t = text.replacen(' ', "T", 1);
    Timestamp::parse(&with_t)
        .or_else(|_| Timestamp::parse(&format!("{with_t}Z")))
        .ok()
}

fn is_true(text: &str) -> bool {
    ["1", "true", "yes", "t"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Some tools write whole numbers as `29695.0`.
fn whole_number(text: &str) -> Option<u32> {
    text.trim_start_matches("AS").trim_end_matches(".0").parse().ok()
}

const fn is_ten(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.octets()[0] == 10)
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(header: &str, record: &str) -> Result<(String, Option<String>, bool, Timestamp), RowError> {
        let header = fields(header);
        let columns = Columns::find(header.iter().map(AsRef::as_ref)).unwrap();
        let fields = fields(record);
        let row = columns.row(&fields)?;
        Ok((row.user.to_owned(), row.attacker.map(ToOwned::to_owned), row.success, row.at))
    }

    #[test]
    fn both_headers_are_read_by_name_and_in_any_order() {
        let at = Timestamp::parse("2020-02-03T12:43:30.772Z").unwrap();
        let ours = read(
            "label,success,ip,user_id,login_timestamp",
            "naive,1,192.0.2.1,7,2020-02-03T12:43:30.772000",
        );
        assert_eq!(ours, Ok(("7".to_owned(), Some("naive".to_owned()), true, at)));
        let rba = read(
            "index,Login Timestamp,User ID,Round-Trip Time [ms],IP Address,Country,Region,City,ASN,User Agent String,Browser Name and Version,OS Name and Version,Device Type,Login Successful,Is Attack IP,Is Account Takeover",
            "0,2020-02-03 12:43:30.772,7,,192.0.2.1,NO,-,-,29695,\"Mozilla/5.0 (X, like \"\"Y\"\")\",Chrome 79,iOS 13.4,mobile,True,False,True",
        );
        assert_eq!(rba, Ok(("7".to_owned(), Some("takeover".to_owned()), true, at)));
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let header = "timestamp,user_id,ip,label";
        let cases = [
            ("yesterday,7,192.0.2.1,legit", RowError::Time("yesterday".to_owned())),
            ("0,7,home,legit", RowError::Address("home".to_owned())),
            ("0,,192.0.2.1,legit", RowError::NoUser),
            ("", RowError::NoUser),
        ];
        for (record, error) in cases {
            assert_eq!(read(header, record), Err(error), "{record}");
        }
        assert_eq!(Columns::find(["ip", "user_id"]), Err(HeaderError::Missing("timestamp")));
    }

    #[test]
    fn quotes_are_taken_off() {
        assert_eq!(fields("a,\"b,\"\"c\"\"\",,\"\""), ["a", "b,\"c\"", "", ""]);
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart(text in ".{0,120}") {
            let _ = fields(&text);
            let _ = time(&text);
        }

        #[test]
        fn what_was_quoted_comes_back(values in proptest::collection::vec("[a-z,\" ]{0,8}", 1..6)) {
            let record = values.iter().map(|v| format!("\"{}\"", v.replace('"', "\"\""))).collect::<Vec<_>>().join(",");
            prop_assert_eq!(fields(&record), values);
        }
    }
}
