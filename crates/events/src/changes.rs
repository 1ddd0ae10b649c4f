use crate::value::Value;
use crate::writer::Writer;
use serde::{Deserialize, Serialize};

/// What has been changed: the `ChangesXML` of the settings and infrastructure events,
/// `<changes><object id="…" name="…" … /></changes>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// The objects touched, in the order they are told.
    pub objects: Vec<ChangedObject>,
}

/// One object of [`Changes`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedObject {
    /// The object's own id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Further attributes, `assignedRoleName` for instance. What cannot stand in an XML name becomes `_`.
    #[serde(default)]
    pub attributes: Vec<(String, String)>,
    /// The properties that have another value now.
    #[serde(default)]
    pub properties: Vec<ChangedProperty>,
}

/// One changed property: `<property internal="NAME" type="TYPE"><old>…</old><new>…</new></property>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedProperty {
    /// The property's internal name.
    pub internal: String,
    /// The type of its value, `String` for instance.
    pub r#type: String,
    /// The value before.
    pub old: String,
    /// The value now.
    pub new: String,
}

impl Changes {
    /// One object without changed properties.
    #[must_use]
    pub fn object(id: impl Into<String>, name: impl Into<String>) -> Self {
        let object = ChangedObject {
            id: id.into(),
            name: name.into(),
            ..ChangedObject::default()
        };
        Self { objects: vec![object] }
    }

    /// Adds an attribute to the last object.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Some(object) = self.objects.last_mut() {
            object.attributes.push((name.into(), value.into()));
        }
        self
    }

    /// Adds a changed property to the last object.
    #[must_use]
    pub fn property(
        mut self,
        internal: impl Into<String>,
        r#type: impl Into<String>,
        old: impl Into<String>,
        new: impl Into<String>,
    ) -> Self {
        if let Some(object) = self.objects.last_mut() {
            let (internal, r#type, old, new) = (internal.into(), r#type.into(), old.into(), new.into());
            object.properties.push(ChangedProperty {
                internal,
                r#type,
                old,
                new,
            });
        }
        self
    }
}

impl Value for Changes {
    fn write(&self, w: &mut Writer<'_>) {
        w.markup("<changes>");
        let shown = self.objects.len().min(w.items());
        for object in self.objects.iter().take(shown) {
            object.write(w);
        }
        left_out(w, self.objects.len() - shown);
        w.markup("</changes>");
    }
}

impl ChangedObject {
    fn write(&self, w: &mut Writer<'_>) {
        w.attribute("<object id", &self.id);
        w.attribute(" name", &self.name);
        let attributes = self.attributes.len().min(w.items());
        for (name, value) in self.attributes.iter().take(attributes) {
            w.markup(" ");
            w.xml_name(name);
            w.attribute("", value);
        }
        let properties = self.properties.len().min(w.items());
        let unshown = (self.properties.len() - properties) + (self.attributes.len() - attributes);
        if properties == 0 && unshown == 0 {
            return w.markup(" />");
        }
        w.markup(">");
        for property in self.properties.iter().take(properties) {
            w.attribute("<property internal", &property.internal);
            w.attribute(" type", &property.r#type);
            w.markup("><old>");
            w.xml(&property.old);
            w.markup("</old><new>");
            w.xml(&property.new);
            w.markup("</new></property>");
        }
        left_out(w, unshown);
        w.markup("</object>");
    }
}

/// Says how many were left out of a message that would have been too long.
fn left_out(w: &mut Writer<'_>, count: usize) {
    if count > 0 {
        w.attribute("<more count", &count.to_string());
        w.markup(" />");
    }
}

/// What a configuration backup holds: the `ConfigurationBackupSpecXML` of 40700.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationBackupSpec {
    /// The storage that the backup went to.
    pub target: String,
    /// Whether the backup is encrypted.
    pub encrypted: bool,
}

impl Value for ConfigurationBackupSpec {
    fn write(&self, w: &mut Writer<'_>) {
        w.attribute("<ConfigurationBackupSpec target", &self.target);
        w.attribute(" encrypted", if self.encrypted { "True" } else { "False" });
        w.markup(" />");
    }
}
