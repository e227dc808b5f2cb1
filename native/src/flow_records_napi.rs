use crate::flow_records::{Column, Kind, Layout, Step};
use napi::bindgen_prelude::*;
use napi_derive::napi;

type Array = Either4<Uint8Array, Uint16Array, Uint32Array, Float64Array>;

#[napi(object)]
pub struct RecordStep {
    pub kind: String,
    pub offset: u32,
    pub absent: u32,
    pub proto: u32,
}

/// Writes flow records of one layout.
#[napi]
pub struct RecordWriter {
    layout: Layout,
    /// Two for each step.
    columns: Vec<Option<Array>>,
}

#[napi]
impl RecordWriter {
    #[napi(constructor)]
    pub fn new(steps: Vec<RecordStep>, length: u32) -> Result<RecordWriter> {
        let steps: Vec<Step> = steps.iter().map(|step| checked(step, length)).collect::<Result<_>>()?;
        Ok(RecordWriter {
            columns: Vec::new(),
            layout: Layout {
                steps,
                length: length as usize,
            },
        })
    }

    /// Takes the columns of a batch, two for each step.
    #[napi]
    pub fn bind(&mut self, columns: Vec<Option<Array>>) {
        self.columns = columns;
    }

    /// As `Layout::write` says, of the first `count` runs and the rows from `first` on.
    #[napi]
    pub fn write(
        &self,
        mut bytes: Uint8ArraySlice,
        rows: &[u32],
        first: u32,
        runs: &[u32],
        count: u32,
        boot_ms: f64,
    ) -> Result<()> {
        let rows = rows.get(first as usize..).unwrap_or_default();
        let runs = runs.as_chunks().0.get(..count as usize).unwrap_or_default();
        let columns: Vec<Option<Column>> = self.columns.iter().map(|array| array.as_ref().map(column_of)).collect();
        // SAFETY: JavaScript runs nothing else meanwhile, and by contract it is not the memory of another array.
        let bytes = unsafe { bytes.as_mut() };
        self.layout
            .write(bytes, rows, runs, columns.as_chunks().0, boot_ms)
            .map_err(invalid)
    }
}

fn checked(step: &RecordStep, length: u32) -> Result<Step> {
    let byte = |value| u8::try_from(value).map_err(|_| invalid("no byte"));
    if step.offset >= length {
        return Err(invalid("the field is not within the record"));
    }
    Ok(Step {
        kind: Kind::of_name(&step.kind).ok_or_else(|| invalid("there is no such kind of field"))?,
        offset: step.offset as usize,
        absent: byte(step.absent)?,
        proto: byte(step.proto)?,
    })
}

fn column_of(array: &Array) -> Column<'_> {
    match array {
        Either4::A(cells) => Column::U8(cells),
        Either4::B(cells) => Column::U16(cells),
        Either4::C(cells) => Column::U32(cells),
        Either4::D(cells) => Column::F64(cells),
    }
}

fn invalid(text: &str) -> Error {
    Error::new(Status::InvalidArg, text)
}
