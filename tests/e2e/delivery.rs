//! Events at the receivers that sites have, rsyslog and syslog-ng: what arrives, and what they make of it.

mod catalogue;
