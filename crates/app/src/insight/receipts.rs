//! What was received, and what became of it (architecture section 5).

use serde_json::Value;
use watchfire_crypto::jws::UnverifiedJws;
pub use watchfire_model::row::{EventNote, Handling, SetNote};
use watchfire_model::{row::Received, time::Timestamp};
pub use watchfire_store::index::{ReceiptQuery, StoredReceipt};

use crate::{App, Error, Result, access::Principal, reads::Listed};

/// The scope that reads them.
pub const READ: &str = "watchfire.read";

/// What a receipt's body says.
#[derive(Clone, Debug, PartialEq)]
pub enum Contents {
    /// Header and claims of a token.
    Token {
        /// `header`
        header: Value,
        /// The claims.
        claims: Value,
    },
    /// Another body, as it came.
    Json(Value),
}

impl App {
    /// A page of receipts, newest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope; `E0000029` for an `after` that is no place;
    /// [`Error::Unavailable`] when looking takes too long.
    pub async fn receipts(&self, caller: &Principal, after: Option<&str>, query: ReceiptQuery) -> Result<Listed<StoredReceipt>> {
        caller.require(READ)?;
        let limit = query.limit;
        let query = ReceiptQuery {
            after: after.map(place).transpose()?,
            // One more, to know whether there is another page.
            limit: limit.saturating_add(1),
            ..query
        };
        self.commands.wait_for_index().await;
        let mut items = self.index.receipts(&query).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| has_more);
        let next = last.map(|last| format!("{}.{}", last.received_at.as_micros(), last.id));
        Ok(Listed { items, next })
    }

    /// The receipt with `id`, and what its body says.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope; [`Error::NotFound`].
    pub async fn receipt(&self, caller: &Principal, id: &str) -> Result<(StoredReceipt, Contents)> {
        caller.require(READ)?;
        self.commands.wait_for_index().await;
        let receipt = self.index.receipt(id).await?;
        let receipt = receipt.ok_or_else(|| Error::not_found(id, "Receipt"))?;
        let contents = contents(&receipt)?;
        Ok((receipt, contents))
    }
}

fn place(after: &str) -> Result<(Timestamp, String)> {
    let invalid = || Error::catalogued("E0000029", vec!["after: The cursor is not valid".to_owned()]);
    let (time, id) = after.split_once('.').ok_or_else(invalid)?;
    let time = time.parse().map_err(|_| invalid())?;
    Ok((Timestamp::from_micros(time), id.to_owned()))
}

/// The body was read without a fault when it was accepted.
fn contents(receipt: &StoredReceipt) -> Result<Contents> {
    let corrupt = || Error::internal(format!("receipt {} cannot be read", receipt.id));
    if receipt.kind != Received::SECURITY_EVENTS {
        return serde_json::from_str(&receipt.body).map(Contents::Json).map_err(|_| corrupt());
    }
    // Limits are for what comes in; this one has been through them.
    let token = UnverifiedJws::parse_within(&receipt.body, usize::MAX).map_err(|_| corrupt())?;
    let claims = token.unverified_claims().map_err(|_| corrupt())?;
    Ok(Contents::Token {
        header: Value::Object(token.header().members().clone()),
        claims: Value::Object(claims),
    })
}
