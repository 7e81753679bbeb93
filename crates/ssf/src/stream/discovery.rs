//! Where a transmitter's metadata is, and whose it may be (META-06 to META-08, AMB-04, AMB-05).

use url::Url;

const SEGMENT: &str = "/.well-known/ssf-configuration";
const RISC_SEGMENT: &str = "/.well-known/risc-configuration";

/// Why metadata is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// An issuer is an https URL without query and fragment.
    #[error("the issuer is no URL without query and fragment")]
    NotAnIssuer,
    /// The document is of another issuer than its address says.
    #[error("the metadata is of the issuer '{found}', not of '{expected}'; confirm it with issuerOverride")]
    OtherIssuer {
        /// The one that the address stands for.
        expected: String,
        /// The one in the document.
        found: String,
    },
}

/// Whether the issuer in the document is the one that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerMatch {
    /// To the letter.
    Exact,
    /// But for a slash at the end, or because the administrator says so: worth a mark.
    Tolerated,
}

/// The addresses of an issuer's metadata in the order in which they are tried, each only when the one
/// before it was 404 (META-08). `risc` adds the legacy one.
///
/// # Errors
/// [`DiscoveryError::NotAnIssuer`].
pub fn candidates(issuer: &str, risc: bool) -> Result<Vec<String>, DiscoveryError> {
    let url = Url::parse(issuer).map_err(|_| DiscoveryError::NotAnIssuer)?;
    if !url.has_host() || url.query().is_some() || url.fragment().is_some() {
        return Err(DiscoveryError::NotAnIssuer);
    }
    let path = url.path().strip_suffix('/').unwrap_or(url.path()).to_owned();
    let at = |path: String| {
        let mut url = url.clone();
        url.set_path(&path);
        url.to_string()
    };
    let mut found = vec![at(format!("{SEGMENT}{path}"))];
    if !path.is_empty() {
        found.push(at(format!("{path}{SEGMENT}")));
    }
    if risc {
        found.push(at(format!("{RISC_SEGMENT}{path}")));
    }
    Ok(found)
}

/// The issuer that a well-known URL stands for, in either form (META-07).
pub fn issuer_of(well_known_url: &str) -> Option<String> {
    [SEGMENT, RISC_SEGMENT].into_iter().find_map(|segment| {
        let (before, after) = well_known_url.split_once(segment)?;
        (after.is_empty() || after.starts_with('/')).then(|| format!("{before}{after}"))
    })
}

/// Whether metadata that names the issuer `found` may be taken where `expected` was expected (META-07).
/// `confirmed` is what the administrator says it is, address or not (AMB-05).
///
/// # Errors
/// [`DiscoveryError::OtherIssuer`].
pub fn check_issuer(expected: Option<&str>, found: &str, confirmed: Option<&str>) -> Result<IssuerMatch, DiscoveryError> {
    if expected == Some(found) {
        return Ok(IssuerMatch::Exact);
    }
    let bare = |text: &str| text.strip_suffix('/').unwrap_or(text).to_owned();
    if confirmed == Some(found) || expected.is_some_and(|expected| bare(expected) == bare(found)) {
        return Ok(IssuerMatch::Tolerated);
    }
    Err(DiscoveryError::OtherIssuer {
        expected: confirmed.or(expected).unwrap_or_default().to_owned(),
        found: found.to_owned(),
    })
}
