use crate::capture_file::Direction;
use crate::decode::{link, Decoder, Frame, LocalMacs, Sampler};
use crate::packet::PACKET_BYTES;
use crate::packet_extension::EXTENSION_BYTES;
use crate::packet_source::{own_macs, Stats};
use crate::packet_source_napi::{PacketSourceOptions, PacketStats};
use crate::panics::guarded;
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// Doubles a frame in `meta`.
const META: usize = 4;

/// The decoder for frames that another library captured.
#[napi]
pub struct FrameDecoder {
    decoder: Decoder,
    link_type: u16,
    input: u32,
}

#[napi]
impl FrameDecoder {
    #[napi(constructor)]
    pub fn new(link_type: u32, options: PacketSourceOptions) -> Result<FrameDecoder> {
        let link_type = u16::try_from(link_type).unwrap_or(u16::MAX);
        if !link::supported(link_type) {
            return Err(Error::new(Status::InvalidArg, link::not_supported(link_type)));
        }
        let seed = options.seed()?.unwrap_or(0);
        let sampler = Sampler::new(
            options.sampling_rate.unwrap_or(1),
            options.sampling_random.unwrap_or(false),
            options.sampling_seed.unwrap_or(0),
        );
        let own = || options.device.as_deref().map(own_macs).unwrap_or_default();
        let local_macs = LocalMacs::new(options.macs()?.unwrap_or_else(own));
        Ok(FrameDecoder {
            decoder: Decoder::new(seed)
                .sampled_by(sampler)
                .with_local_macs(local_macs)
                .decapsulating(options.decapsulate.unwrap_or(false)),
            link_type,
            input: options.input_index.unwrap_or(0),
        })
    }

    #[napi]
    pub fn decode(
        &mut self,
        frames: &[u8],
        meta: &[f64],
        count: u32,
        mut out: Uint8Array,
        mut extensions: Option<Uint8Array>,
    ) -> Result<u32> {
        // SAFETY: JavaScript runs nothing else meanwhile, and neither `out` nor `extensions` is the memory of another
        // argument by contract.
        let (out, extensions) = unsafe {
            let extensions = extensions.as_mut().map(|extensions| extensions.as_mut());
            (out.as_mut(), extensions)
        };
        guarded(|| self.decode_all((frames, meta, count), out, extensions))
    }

    #[napi]
    pub fn stats(&self) -> PacketStats {
        Stats {
            counters: self.decoder.counters,
            ..Stats::default()
        }
        .into()
    }
}

impl FrameDecoder {
    fn decode_all(
        &mut self,
        (frames, meta, count): (&[u8], &[f64], u32),
        out: &mut [u8],
        extensions: Option<&mut [u8]>,
    ) -> Result<u32> {
        let metas = meta.chunks_exact(META).take(count as usize);
        let (records, _) = out.as_chunks_mut::<PACKET_BYTES>();
        let mut extensions = extensions.map(|extensions| extensions.as_chunks_mut::<EXTENSION_BYTES>().0);
        let room = extensions
            .as_ref()
            .map_or(records.len(), |extensions| extensions.len().min(records.len()));
        if metas.len() < count as usize || room < count as usize {
            return Err(Error::new(
                Status::InvalidArg,
                "meta, out or extensions is too short for so many frames",
            ));
        }
        let mut written = 0;
        let mut unwanted = [0; EXTENSION_BYTES];
        for meta in metas {
            let (offset, length) = (meta[0] as usize, meta[1] as usize);
            let data = offset
                .checked_add(length)
                .and_then(|end| frames.get(offset..end))
                .ok_or_else(|| Error::new(Status::InvalidArg, "a frame goes beyond the bytes given"))?;
            let micros = meta[3].max(0.0);
            let frame = Frame {
                link_type: self.link_type,
                input: self.input,
                direction: Direction::Unknown,
                time_ns: (micros as u64)
                    .saturating_mul(1000)
                    .saturating_add((micros.fract() * 1000.0) as u64),
                wire_length: meta[2] as u32,
                data,
            };
            let record = &mut records[written];
            let extension = match &mut extensions {
                Some(extensions) => Some(&mut extensions[written]),
                None if self.decoder.decapsulates() => Some(&mut unwanted),
                None => None,
            };
            written += usize::from(match extension {
                Some(extension) => self.decoder.decode_extended(&frame, record, extension),
                None => self.decoder.decode(&frame, record),
            });
        }
        Ok(written as u32)
    }
}
