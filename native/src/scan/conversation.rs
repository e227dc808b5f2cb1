//! Both directions of a conversation as one group: which end stands first in its key, and which one in its row.

use super::job::Part;
use super::table::Entry;
use std::mem::swap;

/// Groups by source and destination address, source and destination port, protocol.
#[derive(Debug, Clone, Copy)]
pub struct Conversation {
    /// The end with the lower port is the server, and so the destination.
    pub guesses: bool,
    /// Some file has counters of the other direction.
    pub has_out: bool,
}

/// Where ports and protocol stand in the key, behind the numbers of both addresses.
const PORTS: u32 = 64;
const PROTO: u32 = 96;

/// One end has a port below one of these, the other has not.
const PORT_BORDERS: [u16; 3] = [1024, 32_768, 49_152];

impl Conversation {
    /// Whether the parts of a job are what conversations are made of.
    pub fn is_of(sides: &[Vec<Part>]) -> bool {
        use Part::{Address, Small};
        let [side] = sides else { return false };
        matches!(
            side[..],
            [
                Address { .. },
                Address { .. },
                Small { bits: 16, .. },
                Small { bits: 16, .. },
                Small { bits: 8, .. }
            ]
        )
    }

    /// The key with its ends in the order that both directions have, and whether they changed places.
    #[inline(always)]
    pub fn ordered(key: u128) -> (u128, bool) {
        let end = |at: u32| u64::from((key >> (32 * at)) as u32) << 16 | u64::from((key >> (PORTS + 16 * at)) as u16);
        let is_turned = has_two_sides(key) && end(0) > end(1);
        (if is_turned { turned(key) } else { key }, is_turned)
    }

    /// A group as it is shown: in the direction of its first row, or of the guess, which `is_turned` tells then.
    pub fn directed(&self, entry: &Entry) -> Entry {
        let mut shown = *entry;
        let Entry { key, sums, extra } = &mut shown;
        let flags = if extra.is_turned {
            *key = turned(*key);
            swap(&mut sums.packets, &mut sums.out_packets);
            swap(&mut sums.octets, &mut sums.out_octets);
            extra.tcp_flags >> 16
        } else {
            extra.tcp_flags & 0xffff
        };
        extra.tcp_flags = flags;
        extra.is_turned = self.guesses && is_of_server(*key);
        if extra.is_turned {
            *key = turned(*key);
            if self.has_out || sums.flows > 1 || sums.out_packets > 0 {
                swap(&mut sums.packets, &mut sums.out_packets);
                swap(&mut sums.octets, &mut sums.out_octets);
            }
        }
        shown
    }
}

/// Only TCP and UDP have conversations; every other flow stands for itself.
fn has_two_sides(key: u128) -> bool {
    matches!((key >> PROTO) as u8, 6 | 17)
}

fn turned(key: u128) -> u128 {
    let (source, destination) = (key as u32, (key >> 32) as u32);
    let ports = ((key >> PORTS) as u32).rotate_left(16);
    key >> PROTO << PROTO | u128::from(ports) << PORTS | u128::from(source) << 32 | u128::from(destination)
}

/// Whether the source looks like the server.
fn is_of_server(key: u128) -> bool {
    let (source, destination) = ((key >> PORTS) as u16, (key >> (PORTS + 16)) as u16);
    has_two_sides(key)
        && PORT_BORDERS
            .iter()
            .any(|&border| source < border && destination >= border)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::table::{Extra, Sums};

    fn key(source: (u32, u16), destination: (u32, u16), proto: u8) -> u128 {
        let addresses = u128::from(source.0) | u128::from(destination.0) << 32;
        let ports = u128::from(source.1) | u128::from(destination.1) << 16;
        addresses | ports << PORTS | u128::from(proto) << PROTO
    }

    #[test]
    fn both_directions_have_one_key() {
        let ends = [(7, 443), (7, 50_000), (9, 443), (9, 22)];
        for a in ends {
            for b in ends {
                for proto in [6, 17] {
                    let (there, back) = (key(a, b, proto), key(b, a, proto));
                    assert_eq!(turned(there), back);
                    let [there, back] = [there, back].map(Conversation::ordered);
                    assert_eq!(there.0, back.0, "{a:?} {b:?}");
                    assert_eq!(there.1 != back.1, a != b, "{a:?} {b:?}");
                }
                assert_eq!(Conversation::ordered(key(a, b, 1)), (key(a, b, 1), false));
            }
        }
    }

    #[test]
    fn groups_are_shown_as_their_first_row_or_the_guess_has_them() {
        let (client, server) = ((1, 50_000), (2, 443));
        let entry = |is_turned| Entry {
            key: key(client, server, 6),
            sums: Sums {
                rows: 2,
                flows: 2,
                packets: 10,
                out_packets: 20,
                ..Sums::default()
            },
            extra: Extra {
                position: 5,
                tcp_flags: 0x12_0002,
                is_turned,
            },
        };
        let shown = |guesses, is_turned| {
            let conversation = Conversation {
                guesses,
                has_out: false,
            };
            let Entry { key, sums, extra } = conversation.directed(&entry(is_turned));
            (key, sums.packets, sums.out_packets, extra.tcp_flags, extra.is_turned)
        };
        let (there, back) = (key(client, server, 6), key(server, client, 6));
        assert_eq!(shown(false, false), (there, 10, 20, 0x02, false));
        assert_eq!(shown(false, true), (back, 20, 10, 0x12, false));
        assert_eq!(shown(true, false), (there, 10, 20, 0x02, false));
        assert_eq!(shown(true, true), (there, 10, 20, 0x12, true));
    }
}
