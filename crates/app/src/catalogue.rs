//! Okta's error catalogue, as far as use cases answer with it (okta.md 11.6).

/// Status and standing text of the entry `code`.
pub(crate) fn entry(code: &str) -> Option<(u16, &'static str)> {
    ENTRIES
        .iter()
        .find(|(known, ..)| *known == code)
        .map(|(_, status, summary)| (*status, *summary))
}

const ENTRIES: &[(&str, u16, &str)] = &[
    ("E0000002", 400, "The request was not valid"),
    ("E0000005", 403, "Invalid session"),
    ("E0000012", 404, "Unsupported media type"),
    ("E0000013", 403, "Invalid client app id"),
    (
        "E0000015",
        401,
        "You do not have permission to access the feature you are requesting",
    ),
    ("E0000016", 403, "Activation failed because the user is already active"),
    ("E0000028", 400, "The request is missing a required parameter."),
    ("E0000029", 400, "Invalid paging request."),
    ("E0000031", 400, "Invalid search criteria."),
    ("E0000038", 403, "This operation is not allowed in the user's current status."),
    (
        "E0000040",
        400,
        "Application label must not be the same as an existing application label.",
    ),
    ("E0000053", 400, "Invalid SCIM filter."),
    ("E0000054", 400, "Invalid pagination properties."),
    ("E0000056", 403, "Delete application forbidden."),
    ("E0000064", 401, "Password is expired and must be changed."),
    ("E0000068", 403, "Invalid Passcode/Answer"),
    ("E0000069", 403, "User Locked"),
    (
        "E0000079",
        403,
        "This operation is not allowed in the current authentication state.",
    ),
    (
        "E0000080",
        403,
        "The password does not meet the complexity requirements of the current password policy.",
    ),
    ("E0000090", 409, "The role specified is already assigned to the user."),
    ("E0000231", 412, "ETag value doesn't match."),
    (
        "E0000239",
        423,
        "Policy priorities are being reconciled. Please try again later.",
    ),
    ("E0000242", 400, "ETag syntax is invalid."),
];
