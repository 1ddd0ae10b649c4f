//! Events at the receivers that sites have, rsyslog and syslog-ng: what arrives, and what they make of it.

mod catalogue;
mod crash;
mod flow;
mod hostile;
mod load;
mod options;
mod trust;
