//! Ways in which a token is not as SSF 1.0 has it and is taken all the same. Each is kept with the
//! receipt, so that an administrator sees what a vendor's product really sends.

/// A tolerance that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Normalisation {
    /// `typ` is missing or `JWT` (SET-02, AMB-19).
    TypeMissing,
    /// There is no `kid` (SET-06).
    KeyIdMissing,
    /// `aud` differs from ours by a slash at the end (okta.md 6.2).
    AudienceSlash,
    /// `sub` is there and is ignored (SET-19).
    SubClaim,
    /// `sub` stands for a subject that is missing (AMB-55).
    SubAsSubject,
    /// `exp` is there and is not past (SET-20).
    ExpClaim,
    /// Several events in one token (SET-25).
    SeveralEvents,
    /// Events at the top level instead of in `events` (EVT-32).
    EventsAtTopLevel,
    /// The URI is a former or variant name of the type (EVT-50).
    LegacyUri,
    /// No `sub_id`; the event's own subject is used (AMB-01).
    SubjectInEvent,
    /// `sub_id` and the event's subject differ; `sub_id` is used (AMB-01).
    SubjectsDiffer,
    /// The event's subject is called `subjects` (okta.md 13, 18).
    SubjectsMember,
    /// An event of the framework without a subject (EVT-02).
    SubjectMissing,
    /// The format is not one that this type is about (EVT-21).
    SubjectUnexpected,
    /// A simple subject where Okta's types have members (okta.md 6.4).
    BareSubject,
    /// A complex subject without `format` (SUB-15).
    ComplexWithoutFormat,
    /// `subject_type` instead of `format` (SUB-05).
    SubjectType,
    /// Hyphens in the name of a format (SUB-05).
    HyphenatedFormat,
    /// Google's `id_token_claims`, read as aliases (SUB-05).
    IdTokenClaims,
    /// Format or member `phone` (SUB-05).
    PhoneSpelling,
    /// `issuer` instead of `iss` (SUB-05).
    IssuerSpelling,
    /// `sub` instead of `id` in `opaque` (SUB-05).
    OpaqueSub,
    /// Spaces, hyphens or parentheses in a telephone number (ssf.md 2.1).
    PhonePunctuation,
    /// A format that is not known (SUB-04).
    UnknownFormat,
    /// `event_timestamp` in milliseconds (AMB-02).
    Milliseconds,
    /// `event_timestamp` in microseconds (AMB-02).
    Microseconds,
    /// A fraction in a time, cut off (EVT-12).
    FractionalTime,
    /// A reason that is one text instead of a map of languages (EVT-13).
    ReasonAsText,
    /// `state: null` (AMB-21).
    StateNull,
    /// A value of a closed list that is none of them (EVT-11).
    UnknownValue,
    /// `non-compliant` (AMB-50).
    NonCompliant,
    /// A level or principal of CAEP in small letters.
    LetterCase,
}

impl Normalisation {
    /// Its name in receipts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TypeMissing => "type_missing",
            Self::KeyIdMissing => "key_id_missing",
            Self::AudienceSlash => "audience_slash",
            Self::SubClaim => "sub_claim",
            Self::SubAsSubject => "sub_as_subject",
            Self::ExpClaim => "exp_claim",
            Self::SeveralEvents => "several_events",
            Self::EventsAtTopLevel => "events_at_top_level",
            Self::LegacyUri => "legacy_uri",
            Self::SubjectInEvent => "subject_in_event",
            Self::SubjectsDiffer => "subjects_differ",
            Self::SubjectsMember => "subjects_member",
            Self::SubjectMissing => "subject_missing",
            Self::SubjectUnexpected => "subject_unexpected",
            Self::BareSubject => "bare_subject",
            Self::ComplexWithoutFormat => "complex_without_format",
            Self::SubjectType => "subject_type",
            Self::HyphenatedFormat => "hyphenated_format",
            Self::IdTokenClaims => "id_token_claims",
            Self::PhoneSpelling => "phone_spelling",
            Self::IssuerSpelling => "issuer_spelling",
            Self::OpaqueSub => "opaque_sub",
            Self::PhonePunctuation => "phone_punctuation",
            Self::UnknownFormat => "unknown_format",
            Self::Milliseconds => "milliseconds",
            Self::Microseconds => "microseconds",
            Self::FractionalTime => "fractional_time",
            Self::ReasonAsText => "reason_as_text",
            Self::StateNull => "state_null",
            Self::UnknownValue => "unknown_value",
            Self::NonCompliant => "non_compliant",
            Self::LetterCase => "letter_case",
        }
    }
}

/// What has been tolerated so far in one token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(Vec<Normalisation>);

impl Notes {
    /// Keeps each name once, in the order in which it was first met.
    pub(crate) fn add(&mut self, normalisation: Normalisation) {
        if !self.0.contains(&normalisation) {
            self.0.push(normalisation);
        }
    }

    pub(crate) fn add_if(&mut self, condition: bool, normalisation: Normalisation) {
        if condition {
            self.add(normalisation);
        }
    }

    pub(crate) fn extend(&mut self, other: Self) {
        for normalisation in other.0 {
            self.add(normalisation);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Normalisation> {
        self.0
    }
}
