use crate::value::{Fixed, Value};
use crate::writer::{Place, Writer};
use crate::{COMMON, Event, Origin};

/// Takes an event's own parameters one after the other.
pub(crate) trait Parameters {
    fn parameter(&mut self, key: &'static str, value: impl Value);
}

impl Event {
    /// The parameters that are sent, in the order of the wire: the event's own, then the four common ones. The values
    /// are whole: nothing is replaced and nothing cut.
    #[must_use]
    pub fn parameters(&self, origin: &Origin) -> Vec<(&'static str, String)> {
        struct Collect<'a>(Vec<(&'static str, String)>, &'a Origin);
        impl Parameters for &mut Collect<'_> {
            fn parameter(&mut self, key: &'static str, value: impl Value) {
                if value.is_sent(self.1) {
                    self.0.push((key, whole(self.1, |w| value.write(w))));
                }
            }
        }
        let mut collect = Collect(Vec::with_capacity(16), origin);
        self.each_parameter(&mut collect);
        let [host, version, format, description] = COMMON;
        let mut each = &mut collect;
        each.parameter(host, &origin.vbr_host_name);
        each.parameter(version, &origin.vbr_version);
        each.parameter(format, Fixed("1"));
        let mut parameters = collect.0;
        parameters.push((description, self.description(origin)));
        parameters
    }

    /// The event in a sentence, whole. `origin` names the product that operation 108 speaks of.
    #[must_use]
    pub fn description(&self, origin: &Origin) -> String {
        whole(origin, |w| self.write_description(w))
    }
}

fn whole(origin: &Origin, write: impl FnOnce(&mut Writer<'_>)) -> String {
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out, origin, Place::Whole, usize::MAX));
    // Only whole strings were written, so nothing is ever replaced here.
    String::from_utf8_lossy(&out).into_owned()
}
