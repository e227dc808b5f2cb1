//! Columns of texts: repeated ones stand once, in the dictionary of the chunk.

use super::write::{write_chunk, Content, EncodedPage, Layout};
use super::{one_value_pages, Chunk, Codec, Encoder, Job, DICTIONARY_SHARE};
use crate::segment::column::{Texts, Values};
use crate::segment::general;
use parquet::errors::Result;
use parquet::file::statistics::Statistics;

/// A data page of texts ends after so many bytes.
const PAGE_BYTES: usize = 1 << 20;
/// Readers hold a dictionary as a whole.
const DICTIONARY_BYTES: usize = 16 << 20;

/// Working memory of `encode_texts`.
#[derive(Default)]
pub struct TextDictionary {
    /// By number of the text: index + 1, 0 when not seen.
    seen: Vec<u32>,
    /// Numbers of the texts in order of appearance.
    texts: Vec<u32>,
    /// One for each row.
    indices: Vec<u32>,
    bytes: usize,
}

impl TextDictionary {
    /// False when a dictionary would not pay; an error when a row names a text that is not there.
    fn build(&mut self, ids: &[u32], texts: &Texts, limit: usize) -> Result<bool> {
        self.texts.clear();
        self.indices.clear();
        self.seen.clear();
        self.seen.resize(texts.count(), 0);
        self.bytes = 0;
        for &id in ids {
            let text = texts
                .get(id)
                .ok_or_else(|| general("a row names a text that is not there"))?;
            let seen = &mut self.seen[id as usize];
            if *seen == 0 {
                self.texts.push(id);
                *seen = self.texts.len() as u32;
                self.bytes += text.len() + 4;
            }
            self.indices.push(*seen - 1);
        }
        Ok(self.texts.len() <= limit && self.bytes <= DICTIONARY_BYTES)
    }
}

impl TextDictionary {
    /// Octets of working memory.
    pub(super) fn held_bytes(&self) -> usize {
        (self.seen.capacity() + self.texts.capacity() + self.indices.capacity()) * 4
    }
}

impl Encoder {
    /// As `encode`, for texts: the same checks have been made.
    pub(super) fn encode_texts(&mut self, job: Job, values: Values) -> Result<Chunk> {
        let mut dictionary = std::mem::take(&mut self.texts);
        let result = self.encode_texts_with(&mut dictionary, job, values);
        self.texts = dictionary;
        result
    }

    fn encode_texts_with(&mut self, dictionary: &mut TextDictionary, job: Job, values: Values) -> Result<Chunk> {
        let Job { rows, codec, .. } = job;
        let (ids, texts) = match values {
            Values::Texts(ids, texts) => (&ids[..rows], texts),
            _ => (&[][..], Texts::default()),
        };
        let pays = dictionary.build(ids, &texts, rows / DICTIONARY_SHARE + 1)?;
        let (pages, layout) = if dictionary.texts.len() <= 1 {
            let only = dictionary.texts.first().and_then(|&id| texts.get(id)).unwrap_or(b"");
            let mut raw = self.buffer();
            put_text(&mut raw, only);
            (one_value_pages(raw, self.buffer(), rows), Layout::Dictionary)
        } else if pays {
            let mut raw = self.buffer();
            for &id in &dictionary.texts {
                put_text(&mut raw, texts.get(id).unwrap_or(b""));
            }
            let pages = self.dictionary_pages(raw, dictionary.texts.len(), &dictionary.indices, codec)?;
            (pages, Layout::Dictionary)
        } else {
            (self.plain_pages(ids, &texts, codec)?, Layout::Plain)
        };
        let content = Content {
            pages,
            layout,
            rows,
            codec,
            statistics: Statistics::byte_array(None, None, None, Some(0), false),
            bloom_filter: None,
        };
        write_chunk(&mut self.spare, job.descriptor, content).map_err(|cause| {
            // Names of columns are not in the errors of pages.
            general(&format!("column {}: {cause}", job.spec.name))
        })
    }

    fn plain_pages(&mut self, ids: &[u32], texts: &Texts, codec: Codec) -> Result<Vec<EncodedPage>> {
        let mut pages = Vec::new();
        let mut raw = self.buffer();
        let mut count = 0;
        for &id in ids {
            put_text(&mut raw, texts.get(id).unwrap_or(b""));
            count += 1;
            if raw.len() >= PAGE_BYTES {
                let full = std::mem::replace(&mut raw, self.buffer());
                pages.push(self.page(full, std::mem::take(&mut count), false, codec)?);
            }
        }
        if count > 0 {
            pages.push(self.page(raw, count, false, codec)?);
        }
        Ok(pages)
    }
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text);
}
