//! What the decoder counts. Every packet is in exactly one of `metered`, `not_sampled`, `not_ip`,
//! `malformed` and `cut_header`.

use super::Refused;

/// Ethertypes counted apart; the rare ones that find no room are in `not_ip` alone.
const TYPES: usize = 32;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    pub packets: u64,
    pub metered: u64,
    pub wire_bytes: u64,
    pub not_sampled: u64,
    pub not_ip: u64,
    pub malformed: u64,
    pub cut_header: u64,
    pub cut_transport: u64,
    pub fragments_joined: u64,
    pub fragments_orphaned: u64,
    types: [(u16, u64); TYPES],
    types_seen: usize,
}

impl Counters {
    #[cold]
    pub fn refuse(&mut self, refused: Refused) {
        match refused {
            Refused::Malformed => self.malformed += 1,
            Refused::Cut => self.cut_header += 1,
            Refused::NotIp(ether_type) => {
                self.not_ip += 1;
                self.count_type(ether_type);
            }
        }
    }

    fn count_type(&mut self, ether_type: u16) {
        let seen = &mut self.types[..self.types_seen];
        if let Some(entry) = seen.iter_mut().find(|entry| entry.0 == ether_type) {
            entry.1 += 1;
        } else if self.types_seen < TYPES {
            self.types[self.types_seen] = (ether_type, 1);
            self.types_seen += 1;
        }
    }

    /// Ethertypes without IP and how often, most frequent first.
    pub fn not_ip_types(&self, limit: usize) -> Vec<(u16, u64)> {
        let mut types = self.types[..self.types_seen].to_vec();
        types.sort_by_key(|&(ether_type, packets)| (std::cmp::Reverse(packets), ether_type));
        types.truncate(limit);
        types
    }
}
