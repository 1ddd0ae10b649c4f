//! A question whose text depends on what is asked for. Its text is made of our own words and numbers of parameters alone: no
//! value, and nothing that anyone wrote, ever becomes a part of it.

use std::fmt::Write as _;

use crate::engine::Value;

/// A question that grows.
#[derive(Debug, Default)]
pub(crate) struct Query {
    text: String,
    params: Vec<Value>,
}

/// A parameter that was given a value: it can stand at several places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Param(usize);

impl Query {
    /// Words of SQL.
    pub(crate) fn sql(&mut self, words: &'static str) -> &mut Self {
        self.text.push_str(words);
        self
    }

    /// Gives a parameter its value; it stands nowhere yet.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> Param {
        self.params.push(value.into());
        Param(self.params.len())
    }

    /// Puts a parameter here.
    pub(crate) fn param(&mut self, param: Param) -> &mut Self {
        // Writing to a String never fails.
        let _ = write!(self.text, "${}", param.0);
        self
    }

    /// Puts a value here, as a parameter of its own.
    pub(crate) fn value(&mut self, value: impl Into<Value>) -> &mut Self {
        let param = self.bind(value);
        self.param(param)
    }

    /// Puts another question here; it must be the first with parameters.
    #[cfg(test)]
    pub(crate) fn whole(&mut self, text: String, params: Vec<Value>) -> &mut Self {
        assert!(self.params.is_empty());
        self.text.push_str(&text);
        self.params = params;
        self
    }

    pub(crate) fn into_parts(self) -> (String, Vec<Value>) {
        (self.text, self.params)
    }
}
