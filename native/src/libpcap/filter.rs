//! A BPF filter over packets of files, compiled by libpcap for each link type that comes along.

use super::{api, Compiled, Owned, PacketHeader};

pub struct Filter {
    expression: String,
    programs: Vec<(u16, Compiled)>,
}

const SNAP_LENGTH: i32 = 262_144;

/// Ethernet, IP, Linux's cooked ones, wireless and pflog: some filters are of one kind alone.
const LINK_TYPES: [u16; 7] = [1, 101, 113, 276, 105, 127, 117];

/// Fails with what is wrong for Ethernet with an expression that has no meaning on any kind of link. May ask name servers.
pub fn check_filter(expression: &str) -> Result<(), String> {
    let mut filter = Filter::new(expression)?;
    let first = filter.prepare(LINK_TYPES[0]);
    if first.is_ok()
        || LINK_TYPES[1..]
            .iter()
            .any(|&link_type| filter.prepare(link_type).is_ok())
    {
        return Ok(());
    }
    first
}

impl Filter {
    /// Fails if there is no libpcap. What is wrong with the expression comes out on `prepare`.
    pub fn new(expression: &str) -> Result<Filter, String> {
        api()?;
        Ok(Filter {
            expression: expression.to_owned(),
            programs: Vec::new(),
        })
    }

    /// Compiles for a link type (LINKTYPE_ number), once.
    pub fn prepare(&mut self, link_type: u16) -> Result<(), String> {
        if self.programs.iter().all(|&(known, _)| known != link_type) {
            let api = api()?;
            // SAFETY: no preconditions.
            let handle = unsafe { (api.pcap_open_dead)(i32::from(dlt(link_type)), SNAP_LENGTH) };
            if handle.is_null() {
                return Err("libpcap is out of memory".to_owned());
            }
            let program = Owned { api, handle }.compile(&self.expression)?;
            self.programs.push((link_type, program));
        }
        Ok(())
    }

    /// Whether a packet passes. False for link types that were not prepared.
    #[inline]
    pub fn matches(&self, link_type: u16, data: &[u8], wire_length: u32) -> bool {
        let Some((_, compiled)) = self.programs.iter().find(|&&(known, _)| known == link_type) else {
            return false;
        };
        let header = PacketHeader {
            // SAFETY: all zeros is a time.
            time: unsafe { std::mem::zeroed() },
            captured: data.len() as u32,
            wire: wire_length,
        };
        // SAFETY: the program is valid and is checked by libpcap against the header's lengths, which are the slice's.
        unsafe { (compiled.api.pcap_offline_filter)(&compiled.program, &header, data.as_ptr()) != 0 }
    }
}

/// Raw IP is the one type decoded here whose number in files is not the system's.
fn dlt(link_type: u16) -> u16 {
    const DLT_RAW: u16 = if cfg!(target_os = "openbsd") { 14 } else { 12 };
    match link_type {
        12 | 14 | 101 => DLT_RAW,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_right_if_some_link_has_it() {
        if api().is_err() {
            println!("skipped: no libpcap");
            return;
        }
        for right in [
            "",
            "udp port 53",
            "vlan 5 and ip",
            "inbound",
            "wlan type mgt",
            "ether host 02:00:5e:10:00:01",
        ] {
            assert_eq!(check_filter(right), Ok(()), "{right}");
        }
        for wrong in ["prot udp", "udp port 99999999", "wlan type nonsense", "host"] {
            assert!(
                check_filter(wrong).is_err_and(|why| why.starts_with(&format!("filter \"{wrong}\": "))),
                "{wrong}"
            );
        }
    }
}
