//! The frames of RELP: `TXNR SP COMMAND SP DATALEN [SP DATA] LF`.

/// The number of a transaction: 1 to 999,999,999, then 1 again. 0 is for hints, which nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::delivery) struct Txnr(u32);

const LAST: u32 = 999_999_999;

impl Txnr {
    /// That of hints.
    pub(super) const HINT: Self = Self(0);
    /// That of `open`.
    pub(super) const OPEN: Self = Self(1);
    /// That of the first message of a connection.
    pub(in crate::delivery) const FIRST_MESSAGE: Self = Self(2);

    #[cfg(test)]
    pub(super) const fn number(self) -> u32 {
        self.0
    }

    /// The one so many after this.
    pub(super) fn plus(self, count: usize) -> Self {
        let count = u32::try_from(count % LAST as usize).unwrap_or(0);
        let sum = u64::from(self.0 - 1) + u64::from(count);
        Self(u32::try_from(sum % u64::from(LAST)).unwrap_or(0) + 1)
    }

    pub(in crate::delivery) const fn next(self) -> Self {
        if self.0 >= LAST { Self(1) } else { Self(self.0 + 1) }
    }

    /// How many this is after that one, around the end.
    pub(super) fn since(self, earlier: Self) -> usize {
        let distance = if self.0 >= earlier.0 {
            self.0 - earlier.0
        } else {
            LAST - earlier.0 + self.0
        };
        distance as usize
    }
}

/// Appends a frame's header and the space before its data.
pub(in crate::delivery) fn header(txnr: Txnr, command: &str, length: usize, out: &mut Vec<u8>) {
    decimal(txnr.0 as usize, out);
    out.push(b' ');
    out.extend_from_slice(command.as_bytes());
    out.push(b' ');
    decimal(length, out);
    if length > 0 {
        out.push(b' ');
    }
}

/// What ends a frame.
pub(in crate::delivery) const TRAILER: u8 = b'\n';

/// Appends a number without asking for memory.
pub(in crate::delivery) fn decimal(mut number: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    for digit in digits.iter_mut().rev() {
        // A remainder of ten is a digit.
        *digit += (number % 10) as u8;
        number /= 10;
        at -= 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// A frame that was heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) txnr: Txnr,
    pub(super) command: &'a [u8],
    pub(super) data: &'a [u8],
}

/// The octets are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadFrame;

/// The largest data of a frame that is taken: what version 1 of the protocol allows.
const LARGEST_DATA: usize = 128 << 10;

/// More than the largest header: 9 digits, 32 letters, 9 digits, and what stands between.
const LARGEST_HEADER: usize = 64;

/// Puts what is heard together to frames. Holds one frame that is not whole at most.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    octets: Vec<u8>,
    /// Where the next frame begins.
    start: usize,
}

impl Inbox {
    /// Takes what was heard. Call [`Self::next`] until there is no more before the next time.
    pub(super) fn push(&mut self, heard: &[u8]) {
        self.octets.drain(..self.start);
        self.start = 0;
        self.octets.extend_from_slice(heard);
    }

    /// The next whole frame.
    pub(super) fn next(&mut self) -> Result<Option<Frame<'_>>, BadFrame> {
        let rest = self.octets.get(self.start..).unwrap_or_default();
        let Some((frame, length)) = parse(rest)? else {
            return Ok(None);
        };
        self.start += length;
        Ok(Some(frame))
    }
}

/// The frame at the beginning and its length; none while it is not whole.
fn parse(octets: &[u8]) -> Result<Option<(Frame<'_>, usize)>, BadFrame> {
    let mut fields = Fields { octets, at: 0 };
    let Some(txnr) = fields.number()? else { return Ok(None) };
    let Some(command) = fields.word()? else { return Ok(None) };
    let Some(length) = fields.length()? else {
        return Ok(None);
    };
    if length > LARGEST_DATA {
        return Err(BadFrame);
    }
    let end = fields.at + length;
    match octets.get(end) {
        None => Ok(None),
        Some(&TRAILER) => {
            let data = octets.get(fields.at..end).unwrap_or_default();
            let txnr = Txnr(txnr);
            Ok(Some((Frame { txnr, command, data }, end + 1)))
        }
        Some(_) => Err(BadFrame),
    }
}

/// Takes a header apart.
struct Fields<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// Letters or digits up to the octet after them. None while that is not there.
    fn field(&mut self, most: usize, good: impl Fn(u8) -> bool) -> Result<Option<(&'a [u8], u8)>, BadFrame> {
        debug_assert!(self.at < LARGEST_HEADER, "each field is bounded");
        let rest = self.octets.get(self.at..).unwrap_or_default();
        let length = rest.iter().take(most + 1).take_while(|octet| good(**octet)).count();
        match rest.get(length) {
            _ if length > most => Err(BadFrame),
            None => Ok(None),
            Some(_) if length == 0 => Err(BadFrame),
            Some(after) => {
                self.at += length;
                Ok(rest.get(..length).map(|field| (field, *after)))
            }
        }
    }

    fn digits(&mut self) -> Result<Option<(u32, u8)>, BadFrame> {
        let found = self.field(9, |octet| octet.is_ascii_digit())?;
        let number = |digits: &[u8]| {
            digits
                .iter()
                .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
        };
        Ok(found.map(|(digits, after)| (number(digits), after)))
    }

    fn number(&mut self) -> Result<Option<u32>, BadFrame> {
        match self.digits()? {
            None => Ok(None),
            Some((number, b' ')) => {
                self.at += 1;
                Ok(Some(number))
            }
            Some(_) => Err(BadFrame),
        }
    }

    fn word(&mut self) -> Result<Option<&'a [u8]>, BadFrame> {
        match self.field(32, |octet| octet.is_ascii_alphabetic())? {
            None => Ok(None),
            Some((word, b' ')) => {
                self.at += 1;
                Ok(Some(word))
            }
            Some(_) => Err(BadFrame),
        }
    }

    /// A length, and the space after it; where there is no data, that space may be missing.
    fn length(&mut self) -> Result<Option<usize>, BadFrame> {
        match self.digits()? {
            None => Ok(None),
            Some((length, b' ')) => {
                self.at += 1;
                Ok(Some(length as usize))
            }
            Some((0, TRAILER)) => Ok(Some(0)),
            Some(_) => Err(BadFrame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(pieces: &[&[u8]]) -> Result<Vec<(u32, String, Vec<u8>)>, BadFrame> {
        let mut inbox = Inbox::default();
        let mut all = Vec::new();
        for piece in pieces {
            inbox.push(piece);
            while let Some(frame) = inbox.next()? {
                let command = String::from_utf8(frame.command.to_vec()).unwrap();
                all.push((frame.txnr.0, command, frame.data.to_vec()));
            }
            assert!(inbox.octets.len() - inbox.start <= LARGEST_HEADER + LARGEST_DATA);
        }
        Ok(all)
    }

    #[test]
    fn frames_as_receivers_send_them() {
        let octets = b"1 rsp 30 200 OK\nrelp_version=0\ncommands2 rsp 6 200 OK\n";
        assert_eq!(frames(&[octets]), Err(BadFrame), "the length is wrong");
        let octets = b"1 rsp 6 200 OK\n2 rsp 9 500 error\n3 rsp 0\n4 rsp 0 \n0 serverclose 0\n5 rs";
        let frame = |txnr, command: &str, data: &[u8]| (txnr, command.to_owned(), data.to_vec());
        assert_eq!(
            frames(&[octets]).unwrap(),
            [
                frame(1, "rsp", b"200 OK"),
                frame(2, "rsp", b"500 error"),
                frame(3, "rsp", b""),
                frame(4, "rsp", b""),
                frame(0, "serverclose", b""),
            ]
        );
        for bad in [
            &b"x"[..],
            b" 1 rsp 0\n",
            b"1  rsp 0\n",
            b"1 rsp x\n",
            b"1 rsp 1\n",
            b"1 rsp 1 ab",
            b"1 r5p 0\n",
            b"1234567890 rsp 0\n",
            b"1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 0\n",
            b"1 rsp 131073 ",
            b"1 rsp 1234567890",
            b"\x16\x03\x01\x02\x00",
        ] {
            assert_eq!(frames(&[bad]), Err(BadFrame), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn numbers_of_transactions_go_around() {
        assert_eq!(Txnr(LAST).next(), Txnr(1));
        assert_eq!(Txnr(LAST - 1).plus(3), Txnr(2));
        assert_eq!(Txnr(2).since(Txnr(LAST - 1)), 3);
        assert_eq!(Txnr(7).since(Txnr(7)), 0);
        let mut out = Vec::new();
        for number in [0, 7, 10, 999_999_999, usize::MAX] {
            decimal(number, &mut out);
            out.push(b' ');
        }
        assert_eq!(out, format!("0 7 10 999999999 {} ", usize::MAX).into_bytes());
    }

    proptest! {
        #[test]
        fn anything_in_any_pieces_is_read_or_refused(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..20),
        ) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let _ = frames(&pieces);
        }

        /// Nearly right octets reach further into the parser than random ones.
        #[test]
        fn what_looks_like_frames_is_read_or_refused(text in "([0-9]{0,10} ?(rsp|close|[a-z]{0,33}) ?[0-9]{0,7} ?[a-z\n ]{0,9}\n?){0,9}") {
            let _ = frames(&[text.as_bytes()]);
        }

        #[test]
        fn frames_come_out_as_they_went_in_however_they_are_cut(
            sent in proptest::collection::vec((0_u32..=LAST, "[a-zA-Z]{1,32}", proptest::collection::vec(any::<u8>(), 0..300)), 0..20),
            cuts in proptest::collection::vec(1_usize..97, 1..20),
        ) {
            let mut octets = Vec::new();
            for (txnr, command, data) in &sent {
                header(Txnr(*txnr), command, data.len(), &mut octets);
                octets.extend_from_slice(data);
                octets.push(TRAILER);
            }
            let mut pieces = Vec::new();
            let (mut rest, mut cuts) = (octets.as_slice(), cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, left) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                pieces.push(piece);
                rest = left;
            }
            prop_assert_eq!(frames(&pieces).unwrap(), sent);
        }
    }
}
