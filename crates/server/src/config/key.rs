//! The names of the settings: one list, from which the file, the environment, the flags and the documentation follow.

/// How a setting is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A text: `name = "…"`.
    Text,
    /// A whole number: `name = 5`.
    Number,
    /// `name = true` or `name = false`.
    Switch,
    /// Texts: `name = ["…", "…"]`; between commas in the environment.
    List,
}

/// What our environment variables start with.
pub const PREFIX: &str = "COUNTERSIGN_";

macro_rules! keys {
    ($($key:ident $name:literal $shape:ident)*) => {
        /// A setting. What each is for stands in docs/operations.md and countersign.example.toml.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "docs/operations.md describes every setting once")]
        pub enum Key { $($key),* }

        impl Key {
            /// Every setting, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$key),*];

            /// The name in the file: `table.name`, or `name` at the top.
            pub fn name(self) -> &'static str {
                match self { $(Self::$key => $name),* }
            }

            /// How it is written.
            pub fn shape(self) -> Shape {
                match self { $(Self::$key => Shape::$shape),* }
            }
        }
    };
}

keys! {
    Data "data" Text
    Listen "listen" Text
    PublicUrl "public_url" Text
    BehindProxy "behind_proxy" List
    ProxyHeader "proxy_header" Text
    TlsCert "tls.cert" Text
    TlsKey "tls.key" Text
    TlsSelfSigned "tls.self_signed" Switch
    MetricsAllow "metrics.allow" List
    EventsHostname "events.hostname" Text
    EventsVbrHostName "events.vbr_host_name" Text
    EventsVbrVersion "events.vbr_version" Text
    EventsAppName "events.app_name" Text
    EventsLogonAppName "events.logon_app_name" Text
    EventsEnterpriseId "events.enterprise_id" Number
    EventsProduct "events.product" Text
    EventsSeverityToken "events.severity_token" Switch
    EventsRequestId "events.request_id" Switch
    EventsResult "events.result" Switch
    EventsReason "events.reason" Switch
    EventsByteOrderMark "events.byte_order_mark" Switch
    EventsTlsCert "events.tls_cert" Text
    EventsTlsKey "events.tls_key" Text
    AlertsBacklogEvents "alerts.backlog_events" Number
    AlertsLagSeconds "alerts.lag_seconds" Number
    AlertsDiskFreePercent "alerts.disk_free_percent" Number
    AlertsDiskFreeMib "alerts.disk_free_mib" Number
    ConfigurationBackupsFolder "configuration_backups.folder" Text
    LimitConnections "limits.connections" Number
    LimitHeaderSeconds "limits.header_seconds" Number
    LimitHeaderBytes "limits.header_bytes" Number
    LimitStopSeconds "limits.stop_seconds" Number
}

impl Key {
    /// The setting of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// The name in the environment: `COUNTERSIGN_TABLE_NAME`.
    pub fn variable(self) -> String {
        format!("{PREFIX}{}", self.name().replace('.', "_").to_ascii_uppercase())
    }

    /// The table of the file, empty at the top, and the name in it.
    pub fn path(self) -> (&'static str, &'static str) {
        self.name().split_once('.').unwrap_or(("", self.name()))
    }
}

/// The known name most like an unknown one, if any is alike enough to be meant.
pub fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|name| (strsim::jaro_winkler(unknown, name), name));
    scored
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// "there is no setting NAME", with the name that was perhaps meant.
pub fn unknown(name: &str) -> String {
    let tables = Key::ALL
        .iter()
        .map(|key| key.path().0)
        .filter(|table| !table.is_empty());
    let near = nearest(name, Key::ALL.iter().map(|key| key.name()).chain(tables));
    format!(
        "there is no setting {name}{}",
        near.map(|near| format!("; did you mean {near}?")).unwrap_or_default()
    )
}
