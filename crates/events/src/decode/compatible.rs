use super::order::Order;
use crate::Message;
use memchr::{memchr, memchr_iter, memchr2};
use std::borrow::Cow;

/// Reads ` Key="Value" …]`. Returns whether the parameters alone tell the body.
pub(super) fn parameters<'a>(body: &'a str, id: u32, message: &mut Message<'a>) -> bool {
    let mut order = Order::new(id);
    let mut scan = Scan {
        body,
        budget: body.len().saturating_mul(8),
        next_key: None,
    };
    message.parameters.reserve(16);
    let mut at = 0;
    loop {
        let rest = body.get(at..).unwrap_or_default();
        if rest == "]" {
            return true;
        }
        let Some(length) = scan.next_key.take().or_else(|| key_length(rest.as_bytes())) else {
            let text = rest.strip_prefix(']').unwrap_or(rest).trim_start();
            message.text = (!text.is_empty()).then_some(Cow::Borrowed(text));
            return false;
        };
        let key = rest.get(1..1 + length).unwrap_or_default();
        let start = at + 1 + length + 2;
        let (end, sure) = scan.value_end(start);
        let value = body.get(start..end).unwrap_or_default();
        message.ambiguous |= !order.follows(key) || !sure;
        message.parameters.push((Cow::Borrowed(key), Cow::Borrowed(value)));
        if end >= body.len() {
            return false;
        }
        at = end + 1;
    }
}

/// The length of the key when the text begins with a space, a key and `="`.
fn key_length(text: &[u8]) -> Option<usize> {
    let (b' ', key) = text.split_first()? else { return None };
    if !key.first()?.is_ascii_alphabetic() {
        return None;
    }
    let length = key
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')?;
    key.get(length..)?.starts_with(b"=\"").then_some(length)
}

/// Finds the ends of values.
struct Scan<'a> {
    body: &'a str,
    /// How many octets may still be looked at as XML, so that many unclosed elements cannot cost their square.
    budget: usize,
    /// The length of the key after the boundary that was found last.
    next_key: Option<usize>,
}

impl Scan<'_> {
    /// Where the quote is that ends the value, or the body's end; and whether the rule found it.
    fn value_end(&mut self, start: usize) -> (usize, bool) {
        let body = self.body.as_bytes();
        if body.get(start) == Some(&b'<') {
            if let Some(end) = self.xml_end(start, true).or_else(|| self.xml_end(start, false)) {
                return (end, true);
            }
            return (self.plain_end(start), false);
        }
        (self.plain_end(start), true)
    }

    fn plain_end(&mut self, start: usize) -> usize {
        let body = self.body.as_bytes();
        let value = body.get(start..).unwrap_or_default();
        memchr_iter(b'"', value)
            .map(|at| start + at)
            .find(|&at| self.is_boundary(at + 1))
            .unwrap_or(body.len())
    }

    fn xml_end(&mut self, start: usize, with_depth: bool) -> Option<usize> {
        let body = self.body.as_bytes();
        let (mut at, mut depth) = (start, 0_usize);
        loop {
            let next = self.look(at, |rest| memchr2(b'<', b'"', rest))?;
            at = next + 1;
            if body.get(next) == Some(&b'<') {
                let close = self.look(at, |rest| memchr(b'>', rest))?;
                match (body.get(next + 1), body.get(close - 1)) {
                    (Some(b'/'), _) => depth = depth.saturating_sub(1),
                    (Some(b'?' | b'!'), _) | (_, Some(b'/')) => {}
                    _ => depth += 1,
                }
                at = close + 1;
            } else if (depth == 0 || !with_depth) && self.is_boundary(at) {
                return Some(next);
            }
        }
    }

    /// Searches from a place on and pays for what was looked at, found or not.
    fn look(&mut self, at: usize, find: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        let rest = self.body.as_bytes().get(at..).filter(|_| self.budget > 0)?;
        let found = find(rest);
        self.budget = self.budget.saturating_sub(found.map_or(rest.len(), |ahead| ahead + 1));
        Some(at + found?)
    }

    fn is_boundary(&mut self, at: usize) -> bool {
        let rest = self.body.as_bytes().get(at..).unwrap_or_default();
        self.next_key = key_length(rest);
        self.next_key.is_some() || rest.is_empty() || rest == b"]"
    }
}
