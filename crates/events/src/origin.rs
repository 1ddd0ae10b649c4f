use serde::{Deserialize, Serialize};

/// Who sends, and in which dialect: everything of a message that is the sender's setting and not the event's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// HOSTNAME of the header (RFC 5424 section 6.2.4).
    pub hostname: String,
    /// APP-NAME of all events but 440xx.
    pub app_name: String,
    /// APP-NAME of the logon events, 44000 to 44006: `Veeam_MP` as in the seed, `Veeam_Security` as in newer builds.
    pub logon_app_name: String,
    /// The private enterprise number of `[origin enterpriseId="…"]`.
    pub enterprise_id: u32,
    /// `VbrHostName`: DNS name, FQDN or IP address of the backup server.
    pub vbr_host_name: String,
    /// `VbrVersion`: the product's version.
    pub vbr_version: String,
    /// What operation 108 calls the product: `Update PRODUCT security settings`.
    pub product: String,
    /// Write `[INF]`, `[WRN]` or `[ERR]` before the event's bracket. Off by default: the seeds have none.
    pub severity_token: bool,
    /// Write the parameter `RequestId` where an event carries one. Off by default: it is ours, not the family's.
    pub request_id: bool,
    /// Write the parameter `Result` where an event carries one. Off by default: it is ours, not the family's.
    pub result: bool,
    /// Write the parameter `Reason` of 44001 and 44002. On by default: the seed's table has it. The seed's example
    /// line does not; turn it off for that form.
    pub reason: bool,
    /// Write a byte order mark before the message part (RFC 5424 section 6.4). Off by default.
    pub byte_order_mark: bool,
}

impl Origin {
    /// The dialect of the seeds for a server of that name; the product calls itself Countersign, the version is this
    /// crate's. Change the fields for anything else.
    #[must_use]
    pub fn new(hostname: impl Into<String>) -> Self {
        let hostname = hostname.into();
        Self {
            app_name: "Veeam_MP".to_owned(),
            logon_app_name: "Veeam_MP".to_owned(),
            enterprise_id: 31_023,
            vbr_host_name: hostname.clone(),
            vbr_version: env!("CARGO_PKG_VERSION").to_owned(),
            product: "Countersign".to_owned(),
            severity_token: false,
            request_id: false,
            result: false,
            reason: true,
            byte_order_mark: false,
            hostname,
        }
    }

    pub(crate) fn app_name_of(&self, id: u32) -> &str {
        if (44_000..45_000).contains(&id) {
            &self.logon_app_name
        } else {
            &self.app_name
        }
    }
}
