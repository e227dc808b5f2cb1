//! Columns of flows into records on the wire, one field of all records at a time. Which records, and what is in them, is decided
//! by whoever makes the steps (`src/wire/encode-record.ts`).

use crate::segment::column::{pairs, Cell};
use crate::transpose::V4_MAPPED_WORD;

/// Seconds from 1900 to 1970.
const NTP_EPOCH_SECONDS: f64 = 2_208_988_800.0;
/// Units of 2^-32 s.
const NTP_PER_NANOSECOND: f64 = 4_294_967_296.0 / 1e9;
/// Stands for AS numbers that do not fit 2 bytes (RFC 6793).
const AS_TRANS: u32 = 23_456;

/// A column of a batch; 64 bits are two words a row, low word first.
#[derive(Clone, Copy)]
pub enum Column<'a> {
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    F64(&'a [f64]),
}

/// How a column is written: the type it has, and after `As` the bits on the wire where they are fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    U8,
    U16,
    U16As8,
    U32,
    U32As24,
    U32As16,
    /// An AS number in 2 bytes.
    As16,
    U64,
    U64As48,
    U64As32,
    /// The low half of an address in 4 bytes.
    Address4,
    /// Times in milliseconds, as such and in other units.
    Ms,
    Seconds,
    /// Milliseconds since the boot time.
    Uptime,
    /// With the nanoseconds below the milliseconds in the second column.
    Ntp,
    /// From the destination port, where the second column is the protocol asked for: type * 256 + code, or one of them.
    Icmp,
    IcmpType,
    IcmpCode,
}

impl Kind {
    pub fn of_name(name: &str) -> Option<Kind> {
        Some(match name {
            "u8" => Kind::U8,
            "u16" => Kind::U16,
            "u16as8" => Kind::U16As8,
            "u32" => Kind::U32,
            "u32as24" => Kind::U32As24,
            "u32as16" => Kind::U32As16,
            "as16" => Kind::As16,
            "u64" => Kind::U64,
            "u64as48" => Kind::U64As48,
            "u64as32" => Kind::U64As32,
            "addr4" => Kind::Address4,
            "ms" => Kind::Ms,
            "seconds" => Kind::Seconds,
            "uptime" => Kind::Uptime,
            "ntp" => Kind::Ntp,
            "icmp" => Kind::Icmp,
            "icmpType" => Kind::IcmpType,
            "icmpCode" => Kind::IcmpCode,
            _ => return None,
        })
    }
}

/// What writes a field of each record.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub kind: Kind,
    /// Where the field begins in a record.
    pub offset: usize,
    /// What its one byte is without the column; 0: nothing is written.
    pub absent: u8,
    /// Of ICMP: the protocol that has a type and a code.
    pub proto: u8,
}

/// The records of a template.
pub struct Layout {
    pub steps: Vec<Step>,
    /// Octets of a record.
    pub length: usize,
}

/// Where a run of records begins, and how many there are.
pub type Run = [u32; 2];

/// Records that fit the first-level cache, mostly: a field is written in all of them before the next is begun, so that little
/// is done for each run alone.
const RUNS_TOGETHER: usize = 16;

const NO_ROW: &str = "there is no such row";
const NO_ROOM: &str = "there is too little room";
const NO_COLUMN: &str = "that is no column for this step";

impl Layout {
    /// Writes the records of `runs` to `bytes`; their rows follow one another in `rows`. Each step has two of `columns`; where
    /// there is none it writes what is absent. Uptimes count from `boot_ms`, ms since 1970.
    pub fn write(
        &self,
        bytes: &mut [u8],
        mut rows: &[u32],
        runs: &[Run],
        columns: &[[Option<Column>; 2]],
        boot_ms: f64,
    ) -> Result<(), &'static str> {
        if columns.len() != self.steps.len() || self.length == 0 {
            return Err("two columns a step");
        }
        let has_zeros = |(step, [column, _]): (&Step, &[Option<Column>; 2])| column.is_none() && step.absent == 0;
        let has_zeros = self.steps.iter().zip(columns).any(has_zeros);
        for runs in runs.chunks(RUNS_TOGETHER) {
            let count = runs.iter().map(|&[_, count]| count as usize).sum();
            let (those, rest) = rows.split_at_checked(count).ok_or("the list is shorter than that")?;
            rows = rest;
            for &[at, count] in runs {
                let run = bytes
                    .get_mut(at as usize..)
                    .and_then(|bytes| bytes.get_mut(..count as usize * self.length))
                    .ok_or(NO_ROOM)?;
                if has_zeros {
                    run.fill(0);
                }
            }
            let mut records = Records {
                bytes,
                length: self.length,
                runs,
                rows: those,
                boot_ms,
            };
            for (step, &[column, second]) in self.steps.iter().zip(columns) {
                records.write(step, column, second)?;
            }
        }
        Ok(())
    }
}

struct Records<'a> {
    bytes: &'a mut [u8],
    length: usize,
    runs: &'a [Run],
    rows: &'a [u32],
    boot_ms: f64,
}

impl Records<'_> {
    /// Writes one field of every record.
    fn write(&mut self, step: &Step, column: Option<Column>, second: Option<Column>) -> Result<(), &'static str> {
        let Some(column) = column else {
            return match step.absent {
                0 => Ok(()),
                absent => self.each(step, |_| Some([absent])),
            };
        };
        let boot_ms = self.boot_ms;
        match (step.kind, column) {
            (Kind::U8, Column::U8(cells)) => self.put(step, cells, |cell| [cell]),
            (Kind::U16, Column::U16(cells)) => self.put(step, cells, u16::to_be_bytes),
            (Kind::U16As8, Column::U16(cells)) => self.put(step, cells, |cell| [cell as u8]),
            (Kind::U32, Column::U32(cells)) => self.put(step, cells, u32::to_be_bytes),
            (Kind::U32As24, Column::U32(cells)) => self.put(step, cells, |cell| last::<3>(cell.into())),
            (Kind::U32As16, Column::U32(cells)) => self.put(step, cells, |cell| narrow(cell, 0xffff)),
            (Kind::As16, Column::U32(cells)) => self.put(step, cells, |cell| narrow(cell, AS_TRANS)),
            (Kind::U64, Column::U32(cells)) => self.put(step, pairs(cells), |cell| cell.wide().to_be_bytes()),
            (Kind::U64As48, Column::U32(cells)) => self.put(step, pairs(cells), |cell| last::<6>(cell.wide())),
            (Kind::U64As32, Column::U32(cells)) => self.put(step, pairs(cells), |[low, _]| low.to_be_bytes()),
            (Kind::Address4, Column::U32(cells)) => self.put(step, pairs(cells), |[low, high]| {
                // One that is not IPv4 (a next hop of the other family, RFC 8950) has no place here.
                let address = if high == V4_MAPPED_WORD { low } else { 0 };
                address.to_be_bytes()
            }),
            (Kind::Ms, Column::F64(cells)) => self.put(step, cells, |ms| (ms.floor() as i64).to_be_bytes()),
            (Kind::Seconds, Column::F64(cells)) => self.put(step, cells, |ms| word(ms / 1000.0)),
            (Kind::Uptime, Column::F64(cells)) => self.put(step, cells, |ms| {
                // A time that is not known stays 0; any other wraps as a device's own uptime does.
                if ms == 0.0 {
                    [0; 4]
                } else {
                    word(ms - boot_ms)
                }
            }),
            (Kind::Ntp, Column::F64(cells)) => match second {
                None => self.put(step, cells, |ms| ntp(ms, 0)),
                Some(Column::U32(below)) => self.put_both(step, cells, below, ntp),
                Some(_) => Err(NO_COLUMN),
            },
            (Kind::Icmp, Column::U16(ports)) => self.put_icmp(step, ports, second, u16::to_be_bytes),
            (Kind::IcmpType, Column::U16(ports)) => self.put_icmp(step, ports, second, |port| [(port >> 8) as u8]),
            (Kind::IcmpCode, Column::U16(ports)) => self.put_icmp(step, ports, second, |port| [port as u8]),
            _ => Err(NO_COLUMN),
        }
    }

    #[inline(always)]
    fn put<T: Copy, const N: usize>(
        &mut self,
        step: &Step,
        cells: &[T],
        field: impl Fn(T) -> [u8; N],
    ) -> Result<(), &'static str> {
        self.each(step, |row| cells.get(row).map(|&cell| field(cell)))
    }

    #[inline(always)]
    fn put_both<T: Copy, U: Copy, const N: usize>(
        &mut self,
        step: &Step,
        cells: &[T],
        others: &[U],
        field: impl Fn(T, U) -> [u8; N],
    ) -> Result<(), &'static str> {
        self.each(step, |row| Some(field(*cells.get(row)?, *others.get(row)?)))
    }

    fn put_icmp<const N: usize>(
        &mut self,
        step: &Step,
        ports: &[u16],
        protocols: Option<Column>,
        field: impl Fn(u16) -> [u8; N],
    ) -> Result<(), &'static str> {
        let of_icmp = |port, proto| if proto == step.proto { field(port) } else { [0; N] };
        match protocols {
            None => self.put(step, ports, |_| [0; N]),
            Some(Column::U8(protocols)) => self.put_both(step, ports, protocols, of_icmp),
            Some(_) => Err(NO_COLUMN),
        }
    }

    #[inline(always)]
    fn each<const N: usize>(
        &mut self,
        step: &Step,
        field: impl Fn(usize) -> Option<[u8; N]>,
    ) -> Result<(), &'static str> {
        let end = step.offset + N;
        if end > self.length {
            return Err("the field is not within the record");
        }
        let mut rows = self.rows.iter();
        for &[at, count] in self.runs {
            let (at, count) = (at as usize, count as usize);
            let run = self.bytes.get_mut(at..at + count * self.length).ok_or(NO_ROOM)?;
            for (record, &row) in run.chunks_exact_mut(self.length).zip(&mut rows) {
                record[step.offset..end].copy_from_slice(&field(row as usize).ok_or(NO_ROW)?);
            }
        }
        Ok(())
    }
}

/// The last octets of a number.
fn last<const N: usize>(value: u64) -> [u8; N] {
    *value.to_be_bytes().last_chunk().expect("8 at most")
}

fn narrow(value: u32, too_wide: u32) -> [u8; 2] {
    (if value > 0xffff { too_wide } else { value } as u16).to_be_bytes()
}

/// The whole part of a number, modulo 2^32.
fn word(value: f64) -> [u8; 4] {
    (value as i64 as u32).to_be_bytes()
}

/// Seconds since 1900 and their fraction (RFC 7011 section 6.1.10) of milliseconds and the nanoseconds below them. The
/// fraction is rounded up, so that whoever rounds down gets these nanoseconds. A time that is not known (0) stays 0.
fn ntp(ms: f64, below: u32) -> [u8; 8] {
    let seconds = (ms / 1000.0).floor();
    let nanoseconds = (ms - seconds * 1000.0) * 1e6 + f64::from(below);
    let since1900 = if ms == 0.0 { 0.0 } else { seconds + NTP_EPOCH_SECONDS };
    let fraction = (nanoseconds * NTP_PER_NANOSECOND).ceil();
    [fraction as i64 as u32, since1900 as i64 as u32].wide().to_be_bytes()
}

#[cfg(test)]
mod tests;
