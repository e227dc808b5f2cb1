//! One column of the row group that a thread works on, decoded block by block and only where it is asked for.

mod content;
mod pages;
mod whole;

use crate::scan::bits::{Deltas, Indices};
use crate::scan::page::{Codec, Page, Unpacker};
use content::{read_plain, to_millis};
use parquet::errors::{ParquetError, Result};

/// Rows that are worked on at a time: a handful of columns of so many fit the fastest cache.
pub const BLOCK: usize = 2048;

/// Where a column of a row group stands, and how.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub offset: u64,
    pub length: usize,
    /// None: a codec that only the crate's reader knows.
    pub codec: Option<Codec>,
    /// 64 bits, else 32.
    pub is_wide: bool,
    /// Rows may lack the value, though they must not.
    pub is_optional: bool,
    /// Times in microseconds, which are given in milliseconds.
    pub is_micros: bool,
}

/// The values of one block.
#[derive(Clone, Copy)]
pub enum Lane<'a> {
    /// All the same; with its place in the dictionary.
    Same(u64, usize),
    /// Places in the dictionary, all of them within it.
    Codes(&'a [u32]),
    Values(&'a [u64]),
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Every row of the row group has the only value of the dictionary.
    #[default]
    Same,
    Codes,
    /// Pages of any encoding.
    Values,
    /// `values` has the whole row group.
    Whole,
}

/// Where the page at hand is, and how it goes on.
#[derive(Default, Clone, Copy)]
enum Cursor {
    #[default]
    None,
    Plain(usize),
    Codes,
    Deltas,
}

#[derive(Default)]
pub struct Column {
    place: Option<Place>,
    form: Form,
    rows: usize,
    chunk: Vec<u8>,
    unpacked: Vec<u8>,
    unpacker: Unpacker,
    pages: Vec<Page>,
    dictionary: Vec<u64>,
    /// The next page, the row behind the page at hand, and the next row to be decoded.
    next_page: usize,
    page_end: usize,
    row: usize,
    /// The page at hand is decoded right from the chunk.
    in_chunk: bool,
    cursor: Cursor,
    indices: Indices,
    levels: Vec<u32>,
    deltas: Deltas,
    /// The block at hand.
    block: usize,
    count: usize,
    same: Option<u32>,
    codes: Vec<u32>,
    values: Vec<u64>,
    has_values: bool,
    /// The values of rows are products, made block by block.
    is_scaled: bool,
    products: Vec<u64>,
    product_block: usize,
}

fn damaged(what: &str) -> ParquetError {
    ParquetError::General(format!("a column is damaged: {what}"))
}

/// A question that only the general engine answers.
pub fn not_here(what: &str) -> ParquetError {
    ParquetError::NYI(what.to_string())
}

impl Column {
    /// The rows of this row group are multiplied, with `multiply` for each block.
    pub fn scale(&mut self) {
        self.is_scaled = true;
        self.product_block = usize::MAX;
    }

    /// Multiplies the block at hand by as many factors, of which 0 counts as 1; what is too large becomes the largest.
    pub fn multiply(&mut self, factors: &[u64]) {
        if self.product_block == self.block && self.products.len() == self.count {
            return;
        }
        self.spread();
        let from = if self.form == Form::Whole { self.block } else { 0 };
        let values = &self.values[from..from + self.count];
        let products = values
            .iter()
            .zip(factors)
            .map(|(value, factor)| value.saturating_mul((*factor).max(1)));
        self.products.clear();
        self.products.extend(products);
        self.product_block = self.block;
    }

    /// Every row has the value.
    pub fn start_same(&mut self, value: u64) {
        self.form = Form::Same;
        self.is_scaled = false;
        self.dictionary.clear();
        self.dictionary.push(value);
        self.has_values = false;
        self.block = usize::MAX;
    }

    /// Distinct values of the row group, if it has them: the codes of lanes are places in it.
    pub fn dictionary(&self) -> Option<&[u64]> {
        (!self.is_scaled && matches!(self.form, Form::Same | Form::Codes)).then_some(&self.dictionary)
    }

    /// Makes the block of `count` rows from `start` on the one at hand. Blocks come in rising order.
    pub fn load(&mut self, start: usize, count: usize) -> Result<()> {
        if self.form == Form::Same || self.form == Form::Whole {
            (self.block, self.count) = (start, count);
            return Ok(());
        }
        if self.block == start {
            return Ok(());
        }
        while self.row < start {
            let count = (start - self.row).min(BLOCK);
            self.decode(count)?;
        }
        self.decode(count)?;
        (self.block, self.count) = (start, count);
        Ok(())
    }

    /// The next `count` rows.
    fn decode(&mut self, count: usize) -> Result<()> {
        self.same = None;
        self.has_values = false;
        if self.form == Form::Codes {
            if self.row == self.page_end {
                self.open_page()?;
            }
            if self.page_end - self.row >= count {
                let bytes = if self.in_chunk { &self.chunk } else { &self.unpacked };
                if let Some(code) = self.indices.run_of(bytes, count)? {
                    self.indices.skip_run(count);
                    self.row += count;
                    self.same = Some(code);
                    return self.check_codes(code);
                }
            }
            self.codes.resize(count, 0);
        } else {
            self.values.resize(count, 0);
        }
        let mut done = 0;
        while done < count {
            if self.row == self.page_end {
                self.open_page()?;
            }
            let step = (count - done).min(self.page_end - self.row);
            self.decode_in_page(done, step)?;
            self.row += step;
            done += step;
        }
        if self.form == Form::Codes {
            let most = self.codes.iter().fold(0, |most, &code| most.max(code));
            self.check_codes(most)?;
        } else {
            self.has_values = true;
            if self.place.is_some_and(|place| place.is_micros) {
                to_millis(&mut self.values)?;
            }
        }
        Ok(())
    }

    fn check_codes(&self, most: u32) -> Result<()> {
        if (most as usize) < self.dictionary.len() {
            Ok(())
        } else {
            Err(damaged("an index beyond its dictionary"))
        }
    }

    /// Decodes rows of the page at hand, to `at` in the block.
    fn decode_in_page(&mut self, at: usize, count: usize) -> Result<()> {
        let bytes = if self.in_chunk { &self.chunk } else { &self.unpacked };
        let place = self.place.expect("set when the row group was started");
        match &mut self.cursor {
            Cursor::None => return Err(damaged("no page")),
            Cursor::Codes if self.form == Form::Codes => {
                self.indices.read(bytes, &mut self.codes[at..at + count])?;
            }
            Cursor::Codes => {
                self.codes.resize(count, 0);
                self.indices.read(bytes, &mut self.codes)?;
                for (value, &code) in self.values[at..].iter_mut().zip(&self.codes) {
                    let known = self.dictionary.get(code as usize);
                    // Micros are converted with the block, and the dictionary was before.
                    let scale = if place.is_micros { 1000 } else { 1 };
                    *value = known
                        .ok_or_else(|| damaged("an index beyond its dictionary"))?
                        .wrapping_mul(scale);
                }
            }
            Cursor::Deltas => self.deltas.read(bytes, &mut self.values[at..at + count])?,
            Cursor::Plain(from) => {
                let width = if place.is_wide { 8 } else { 4 };
                read_plain(&bytes[*from..], place.is_wide, &mut self.values[at..at + count]);
                *from += count * width;
            }
        }
        Ok(())
    }

    /// The block at hand.
    pub fn lane(&self) -> Lane<'_> {
        if self.is_scaled {
            return Lane::Values(&self.products);
        }
        match (self.form, self.same) {
            (Form::Same, _) => Lane::Same(self.dictionary[0], 0),
            (Form::Codes, Some(code)) => Lane::Same(self.dictionary[code as usize], code as usize),
            (Form::Codes, None) => Lane::Codes(&self.codes),
            (Form::Values, _) => Lane::Values(&self.values),
            (Form::Whole, _) => Lane::Values(&self.values[self.block..self.block + self.count]),
        }
    }

    /// Puts the values of the block at hand in a row.
    pub fn spread(&mut self) {
        match (self.form, self.same) {
            (Form::Values | Form::Whole, _) => {}
            (Form::Codes, None) => {
                if !self.has_values {
                    let dictionary = &self.dictionary;
                    self.values.clear();
                    self.values
                        .extend(self.codes.iter().map(|&code| dictionary[code as usize]));
                    self.has_values = true;
                }
            }
            (_, code) => {
                let value = self.dictionary[code.unwrap_or(0) as usize];
                // The first block of a row group fills as much as any block needs.
                if !self.has_values || self.values.len() < self.count {
                    self.values.clear();
                    self.values.resize(self.count, value);
                    self.has_values = true;
                }
            }
        }
    }

    /// Values of the block at hand after `spread`.
    pub fn values(&self) -> &[u64] {
        if self.is_scaled {
            return &self.products;
        }
        let from = if self.form == Form::Whole { self.block } else { 0 };
        &self.values[from..from + self.count]
    }
}

#[cfg(test)]
mod tests;
