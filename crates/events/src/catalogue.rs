mod field_doc;

use crate::Severity;
pub(crate) use field_doc::field_doc;

/// One event of the family: what [`crate::Event`] says of itself, for documents, filters and readers.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The event's id, `instanceId` on the wire.
    pub id: u32,
    /// Its title.
    pub title: &'static str,
    /// When it is sent.
    pub sent: &'static str,
    /// The severities it can have; more than one where the outcome decides.
    pub severities: &'static [Severity],
    /// Its parameters in the order of the wire, without the four that end every message ([`COMMON`]).
    pub parameters: &'static [&'static str],
    /// The MITRE ATT&CK techniques that the family names for it.
    pub techniques: &'static [&'static str],
    /// The family's pages that specify it.
    pub pages: &'static [&'static str],
}

/// The parameters that end every message.
pub const COMMON: [&str; 4] = ["VbrHostName", "VbrVersion", "Version", "Description"];

/// The parameter that numbers a message, after the event's own and before [`COMMON`]: the same number twice is the same
/// event twice. It is ours, not the family's, and sent only when [`Occurrence::sequence`](crate::Occurrence) is known.
pub const EVENT_SEQUENCE: &str = "EventSequence";

/// Makes the closed enum of events and everything that is said about each of them from one list, so that an event is
/// one place and none can lack a title, a severity, an order or a description.
macro_rules! catalogue {
    ($(
        $(#[doc = $sent:literal])+
        $id:literal $variant:ident $title:literal [$first:ident $(, $more:ident)*] $(by $outcome:ident)? $(attack $technique:literal)* $(page $page:literal)*
        { $( $field:ident: $type:ty = $example:expr $(=> $told:ident)? ),+ $(,)? }
        ( $( $key:literal $(= $from:ident $(as $wrap:ident)?)? $(: $fixed:expr)? ),+ $(,)? )
        [ $( $words:expr ),+ $(,)? ]
    )+) => {
        /// What happened: one variant for each event of the family, with what is known of it.
        ///
        /// Its JSON (serde) is the record to keep: whole, nothing replaced, nothing cut.
        #[derive(Clone, Debug, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(tag = "event")]
        pub enum Event {
            $(
                #[doc = concat!(stringify!($id), ", ", $title, ".")]
                #[doc = ""]
                $(#[doc = $sent])+
                #[doc = ""]
                #[doc = concat!("Parameters:" $(, " `", $key, "`")+, ", as far as they are known, then the common four.")]
                $(
                    #[doc = ""]
                    #[doc = concat!("Source: <", $page, ">.")]
                )*
                $variant { $( #[doc = $crate::catalogue::field_doc!($field)] $field: $type ),+ },
            )+
        }

        /// Every event of the family, by id.
        pub static CATALOGUE: &[$crate::Entry] = &[$(
            $crate::Entry {
                id: $id,
                title: $title,
                sent: concat!($($sent),+),
                severities: &[$crate::Severity::$first $(, $crate::Severity::$more)*],
                parameters: &[$($key),+],
                techniques: &[$($technique),*],
                pages: &[$($page),*],
            }
        ),+];

        impl Event {
            /// The event's id, `instanceId` on the wire.
            #[must_use]
            pub const fn id(&self) -> u32 {
                match self { $( Self::$variant { .. } => $id ),+ }
            }

            /// The event's title, as the pages of the family head it.
            #[must_use]
            pub const fn title(&self) -> &'static str {
                match self { $( Self::$variant { .. } => $title ),+ }
            }

            /// How much it matters.
            #[must_use]
            pub fn severity(&self) -> $crate::Severity {
                match self { $(
                    Self::$variant { $($outcome,)? .. } => {
                        let given: Option<$crate::Severity> = None;
                        $( let given = given.or(Some($outcome.severity())); )?
                        given.unwrap_or($crate::Severity::$first)
                    }
                ),+ }
            }

            /// One example of each event, by id: for documents and tests.
            #[must_use]
            pub fn examples() -> Vec<Self> {
                vec![$( Self::$variant { $( $field: $example ),+ } ),+]
            }

            /// The event's own parameters, in order.
            pub(crate) fn each_parameter(&self, mut each: impl $crate::parameters::Parameters) {
                // Some fields are told in the description alone.
                #[allow(unused_variables)]
                match self { $( Self::$variant { $($field),+ } => { $(
                    $( each.parameter($key, $($wrap)? ($from)); )?
                    $( each.parameter($key, $fixed); )?
                )+ } ),+ }
            }

            pub(crate) fn write_description(&self, w: &mut $crate::writer::Writer<'_>) {
                #[allow(unused_variables)]
                match self { $( Self::$variant { $($field),+ } => { $( $crate::value::Words::write_words(&$words, w); )+ } ),+ }
            }
        }

        /// What happened, from a message that tells it: the inverse of [`encode`](crate::encode) and
        /// [`encode_strict`](crate::encode_strict) for ordinary values.
        ///
        /// What the wire does not carry comes back as far as it can be known: instants inside parameters in whole
        /// seconds, a shortened text as it was sent, the request and the result only when they were sent.
        impl TryFrom<&$crate::Message<'_>> for Event {
            type Error = $crate::NotAnEvent;

            fn try_from(message: &$crate::Message<'_>) -> Result<Self, $crate::NotAnEvent> {
                let fields = $crate::from_message::Fields::of(message)?;
                match fields.id() {
                    $( $id => {
                        $( $( let $from = fields.parameter($key)?; )? )+
                        $( $( let $field = fields.told(stringify!($told))?; )? )+
                        #[allow(unused_mut)]
                        let mut event = Self::$variant { $($field),+ };
                        $( $(
                            let words = fields.words(&event);
                            if let Self::$variant { $field, .. } = &mut event {
                                fields.settle(stringify!($told), $field, &words)?;
                            }
                        )? )+
                        Ok(event)
                    } )+
                    unknown => Err($crate::NotAnEvent::UnknownId(unknown)),
                }
            }
        }

        /// What the catalogue knows of an id.
        #[must_use]
        pub fn entry(id: u32) -> Option<&'static $crate::Entry> {
            let at = CATALOGUE.binary_search_by_key(&id, |entry| entry.id).ok()?;
            CATALOGUE.get(at)
        }
    };
}
pub(crate) use catalogue;
