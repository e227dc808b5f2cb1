//! Blocks of flow files of other collectors, unpacked: each block is packed by itself, with a method that the file names.

use bzip2::{Decompress, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Lzo,
    Bzip2,
    Lz4,
    Zstd,
}

impl Method {
    pub fn named(name: &str) -> Option<Method> {
        match name {
            "lzo" => Some(Method::Lzo),
            "bz2" => Some(Method::Bzip2),
            "lz4" => Some(Method::Lz4),
            "zstd" => Some(Method::Zstd),
            _ => None,
        }
    }
}

/// Unpacks one block, which must give `most` bytes or less. The block is hostile: an error is a text for the user.
pub fn unpack(method: Method, packed: &[u8], most: usize) -> Result<Vec<u8>, String> {
    if packed.is_empty() {
        return Err("the block is empty".to_string());
    }
    let mut content = vec![0; most];
    let length = match method {
        Method::Lzo => lzokay::decompress::decompress(packed, &mut content).map_err(|cause| format!("lzo: {cause}"))?,
        Method::Lz4 => {
            lz4_flex::block::decompress_into(packed, &mut content).map_err(|cause| format!("lz4: {cause}"))?
        }
        Method::Zstd => {
            zstd::bulk::decompress_to_buffer(packed, &mut content).map_err(|cause| format!("zstd: {cause}"))?
        }
        Method::Bzip2 => unpack_bzip2(packed, &mut content)?,
    };
    content.truncate(length);
    Ok(content)
}

/// `content` is as long as the block may be: a stream that has not ended when it is full, or when the input is, is cut.
fn unpack_bzip2(packed: &[u8], content: &mut [u8]) -> Result<usize, String> {
    let mut stream = Decompress::new(false);
    match stream.decompress(packed, content) {
        Ok(Status::StreamEnd) => Ok(stream.total_out() as usize),
        Ok(_) => Err("bz2: the block is cut, or too long".to_string()),
        Err(cause) => Err(format!("bz2: {cause}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::Random;
    use bzip2::{Action, Compress, Compression};

    const MOST: usize = 1 << 16;

    fn content() -> Vec<u8> {
        (0..5000u32).flat_map(|i| (i / 7).to_le_bytes()).collect()
    }

    fn packed(method: Method) -> Vec<u8> {
        let content = content();
        match method {
            Method::Lz4 => lz4_flex::block::compress(&content),
            Method::Zstd => zstd::bulk::compress(&content, 1).unwrap(),
            Method::Bzip2 => {
                let mut out = vec![0; MOST];
                let mut stream = Compress::new(Compression::best(), 0);
                let status = stream.compress(&content, &mut out, Action::Finish).unwrap();
                assert_eq!(status, Status::StreamEnd);
                out.truncate(stream.total_out() as usize);
                out
            }
            // 512 zeros: a run, and the instruction that ends the stream.
            Method::Lzo => vec![0x12, 0, 0x20, 0, 0xdf, 0, 0, 0x11, 0, 0],
        }
    }

    const METHODS: [Method; 4] = [Method::Lzo, Method::Bzip2, Method::Lz4, Method::Zstd];

    #[test]
    fn what_was_packed_comes_out() {
        for method in [Method::Bzip2, Method::Lz4, Method::Zstd] {
            assert_eq!(unpack(method, &packed(method), MOST), Ok(content()), "{method:?}");
        }
        assert_eq!(unpack(Method::Lzo, &packed(Method::Lzo), MOST), Ok(vec![0; 512]));
    }

    #[test]
    fn a_block_that_is_cut_or_too_long_is_an_error() {
        for method in METHODS {
            let whole = packed(method);
            assert!(unpack(method, &whole[..whole.len() - 3], MOST).is_err(), "{method:?}");
            assert!(unpack(method, &whole, 100).is_err(), "{method:?}");
            assert!(unpack(method, &[], MOST).is_err(), "{method:?}");
        }
    }

    #[test]
    fn damaged_blocks_never_come_out_longer_than_allowed() {
        let mut random = Random::new();
        while random.time_left() {
            for method in METHODS {
                let mut block = packed(method);
                random.mutate(&mut block);
                if let Ok(content) = unpack(method, &block, MOST) {
                    assert!(content.len() <= MOST);
                }
            }
        }
    }
}
