//! QR codes as SVG elements, drawn here: no image address, so the page's policy stays closed.

use std::fmt;

use askama::filters::HtmlSafe;
use qrcodegen::QrCodeEcc;

/// A QR code. It displays as an `<svg>` element, black on white in light and dark.
#[derive(Debug, Clone)]
pub struct QrCode {
    /// Modules on a side, without the quiet zone.
    size: i32,
    /// One SVG path over all dark modules.
    dark: String,
}

/// The text does not fit into a QR code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is too long for a QR code")]
pub struct TooLong;

/// Light modules around the code (ISO/IEC 18004).
const QUIET: i32 = 4;

impl QrCode {
    /// The code of a text, such as an `otpauth://` address.
    pub fn new(text: &str) -> Result<Self, TooLong> {
        let code = qrcodegen::QrCode::encode_text(text, QrCodeEcc::Medium).map_err(|_| TooLong)?;
        let size = code.size();
        let mut dark = String::new();
        for y in 0..size {
            let mut x = 0;
            while x < size {
                let start = x;
                while x < size && code.get_module(x, y) {
                    x += 1;
                }
                if x > start {
                    let run = x - start;
                    dark.push_str(&format!("M{} {}h{run}v1h-{run}z", start + QUIET, y + QUIET));
                }
                x += 1;
            }
        }
        Ok(Self { size, dark })
    }
}

impl HtmlSafe for QrCode {}

impl fmt::Display for QrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = self.size + 2 * QUIET;
        write!(
            f,
            "<svg class=\"qr\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"QR code for your authenticator app\" \
             shape-rendering=\"crispEdges\"><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\
             <path d=\"{}\" fill=\"#000\"/></svg>",
            self.dark
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dark_module_is_drawn_and_no_other() {
        let text = "otpauth://totp/Countersign:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Countersign";
        let drawn = QrCode::new(text).unwrap();
        let code = qrcodegen::QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let mut seen = std::collections::HashSet::new();
        for run in drawn.dark.split('M').filter(|run| !run.is_empty()) {
            let (start, rest) = run.split_once('h').unwrap();
            let (x, y) = start.split_once(' ').unwrap();
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            let length: i32 = rest.split_once('v').unwrap().0.parse().unwrap();
            seen.extend((0..length).map(|step| (x + step - QUIET, y - QUIET)));
        }
        for (x, y) in (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y))) {
            assert_eq!(seen.contains(&(x, y)), code.get_module(x, y), "module {x},{y}");
        }
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused() {
        assert!(QrCode::new(&"x".repeat(5000)).is_err());
    }
}
