use crate::writer::{ELLIPSIS, Writer, write_number};
use crate::{Operation, Origin, Outcome, Reason, Timestamp, User};
use std::net::{IpAddr, SocketAddr};

/// What can stand as a parameter's value.
pub(crate) trait Value {
    /// A value that is not known is left out of the message, never sent empty.
    fn is_sent(&self, _origin: &Origin) -> bool {
        true
    }

    fn write(&self, w: &mut Writer<'_>);
}

/// What can stand in a Description.
pub(crate) trait Words {
    fn write_words(&self, w: &mut Writer<'_>);
}

impl<T: Value> Value for &T {
    fn is_sent(&self, origin: &Origin) -> bool {
        T::is_sent(self, origin)
    }

    fn write(&self, w: &mut Writer<'_>) {
        T::write(self, w);
    }
}

impl<T: Value> Value for Option<T> {
    fn is_sent(&self, origin: &Origin) -> bool {
        self.as_ref().is_some_and(|value| value.is_sent(origin))
    }

    fn write(&self, w: &mut Writer<'_>) {
        if let Some(value) = self {
            value.write(w);
        }
    }
}

impl Value for String {
    fn is_sent(&self, _origin: &Origin) -> bool {
        !self.is_empty()
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.text(self);
    }
}

/// A list, comma and space between.
impl Value for Vec<String> {
    fn is_sent(&self, _origin: &Origin) -> bool {
        self.iter().any(|item| !item.is_empty())
    }

    fn write(&self, w: &mut Writer<'_>) {
        for (at, item) in self.iter().take(w.items()).enumerate() {
            if at > 0 {
                w.markup(", ");
            }
            w.item(item);
        }
        if self.len() > w.items() {
            w.markup(", ");
            w.markup(ELLIPSIS);
        }
    }
}

impl Value for User {
    fn write(&self, w: &mut Writer<'_>) {
        w.markup("<ModifiedUserInfo fullName=\"");
        w.xml(&self.full_name);
        w.markup("\" loginType=\"");
        write_number(u64::from(self.login_type), w.out);
        w.markup("\" />");
    }
}

impl Value for Operation {
    fn write(&self, w: &mut Writer<'_>) {
        let origin = w.origin;
        let (before, name, after) = self.wording(&origin.product);
        w.markup(before);
        w.text(name);
        w.markup(after);
    }
}

impl Value for Reason {
    fn is_sent(&self, origin: &Origin) -> bool {
        origin.reason
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.display(self.code());
    }
}

impl Value for Timestamp {
    fn write(&self, w: &mut Writer<'_>) {
        self.write_utc_text(w.out);
    }
}

impl Value for IpAddr {
    fn write(&self, w: &mut Writer<'_>) {
        match self {
            Self::V4(ip) => {
                for (at, octet) in ip.octets().into_iter().enumerate() {
                    if at > 0 {
                        w.out.push(b'.');
                    }
                    write_number(u64::from(octet), w.out);
                }
            }
            Self::V6(ip) => w.display(ip),
        }
    }
}

impl Value for SocketAddr {
    fn write(&self, w: &mut Writer<'_>) {
        w.display(self);
    }
}

impl Value for u64 {
    fn write(&self, w: &mut Writer<'_>) {
        write_number(*self, w.out);
    }
}

impl Value for bool {
    fn write(&self, w: &mut Writer<'_>) {
        w.markup(if *self { "True" } else { "False" });
    }
}

/// A value that is always the same.
pub(crate) struct Fixed(pub(crate) &'static str);

impl Value for Fixed {
    fn write(&self, w: &mut Writer<'_>) {
        w.markup(self.0);
    }
}

/// A small number.
pub(crate) struct Number(pub(crate) u32);

impl Value for Number {
    fn write(&self, w: &mut Writer<'_>) {
        write_number(u64::from(self.0), w.out);
    }
}

/// The request an event belongs to, where the setting says so.
pub(crate) struct RequestId<'a>(pub(crate) &'a Option<String>);

impl Value for RequestId<'_> {
    fn is_sent(&self, origin: &Origin) -> bool {
        origin.request_id && self.0.is_sent(origin)
    }

    fn write(&self, w: &mut Writer<'_>) {
        self.0.write(w);
    }
}

/// How the effect ended, where the setting says so.
pub(crate) struct EffectResult<'a>(pub(crate) &'a Option<Outcome>);

impl Value for EffectResult<'_> {
    fn is_sent(&self, origin: &Origin) -> bool {
        origin.result && self.0.is_some()
    }

    fn write(&self, w: &mut Writer<'_>) {
        if let Some(outcome) = self.0 {
            w.markup(outcome.name());
        }
    }
}

impl Words for &'static str {
    fn write_words(&self, w: &mut Writer<'_>) {
        w.markup(self);
    }
}

impl Words for &String {
    fn write_words(&self, w: &mut Writer<'_>) {
        w.text(self);
    }
}

impl Words for &User {
    fn write_words(&self, w: &mut Writer<'_>) {
        w.text(&self.full_name);
    }
}

impl Words for &Operation {
    fn write_words(&self, w: &mut Writer<'_>) {
        self.write(w);
    }
}

impl Words for &Reason {
    fn write_words(&self, w: &mut Writer<'_>) {
        w.markup(self.description());
    }
}

impl Words for &Outcome {
    fn write_words(&self, w: &mut Writer<'_>) {
        w.markup(self.name());
    }
}

impl Words for &SocketAddr {
    fn write_words(&self, w: &mut Writer<'_>) {
        w.display(self);
    }
}
