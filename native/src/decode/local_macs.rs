//! Direction of Ethernet frames by whose address they are from and for.

use super::details::mac;
use crate::capture_file::Direction;

/// Addresses on this side of the wire. Few: they are gone through one by one.
pub struct LocalMacs(Vec<u64>);

impl LocalMacs {
    /// `None` without addresses, so that nothing is looked up.
    pub fn new(macs: Vec<u64>) -> Option<LocalMacs> {
        (!macs.is_empty()).then_some(LocalMacs(macs))
    }

    /// From here to elsewhere is out, from elsewhere to here in; anything else, a group's address too, is unknown.
    #[inline]
    pub fn direction(&self, ethernet: &[u8]) -> Direction {
        let Some(addresses) = ethernet.first_chunk::<12>() else {
            return Direction::Unknown;
        };
        let is_local = |address: &[u8]| self.0.contains(&mac(address));
        match (is_local(&addresses[6..]), is_local(&addresses[..6])) {
            (true, false) => Direction::Out,
            (false, true) => Direction::In,
            _ => Direction::Unknown,
        }
    }
}

/// Reads six bytes in hexadecimal between colons or dashes.
pub fn parse_mac(text: &str) -> Option<u64> {
    let mut mac = 0;
    let mut parts = 0;
    for part in text.split([':', '-']) {
        if part.is_empty() || part.len() > 2 || !part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        mac = mac << 8 | u64::from_str_radix(part, 16).ok()?;
        parts += 1;
        if parts > 6 {
            return None;
        }
    }
    (parts == 6).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_address_says_which_way() {
        let (here, there) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let group = [0xff; 6];
        let local = LocalMacs::new(vec![7, mac(&here)]).unwrap();
        for (destination, source, want) in [
            (there, here, Direction::Out),
            (group, here, Direction::Out),
            (here, there, Direction::In),
            (there, there, Direction::Unknown),
            (group, there, Direction::Unknown),
            (here, here, Direction::Unknown),
        ] {
            assert_eq!(local.direction(&[destination, source].concat()), want);
        }
        assert_eq!(local.direction(&here), Direction::Unknown);
        assert!(LocalMacs::new(Vec::new()).is_none());
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        assert_eq!(parse_mac("02:00:5e:10:0:Fe"), Some(0x0200_5e10_00fe));
        assert_eq!(parse_mac("02-00-5E-10-00-FE"), Some(0x0200_5e10_00fe));
        for text in [
            "",
            "1:2:3:4:5",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:g",
            "1:2:3:4:5:+6",
            "111:2:3:4:5:6",
            "1:2::4:5:6",
        ] {
            assert_eq!(parse_mac(text), None, "{text}");
        }
    }
}
